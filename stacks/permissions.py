"""What processes may do to each other: each function here is one sentence of a role.

A grant that needs an address brings the address along, so that a function knows of
nothing that it may not use.
"""

from collections.abc import Sequence

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs

from stacks.acknowledge import acknowledge_wildcard
from stacks.data import Data
from stacks.generated_secret import GeneratedSecret
from stacks.messaging import Messaging
from stacks.network import Place
from stacks.settings import StageSettings
from stacks.socket_api import SocketAddress
from stacks.step_machine import Machine

NETWORK_INTERFACE_ACTIONS = [
    "ec2:AssignPrivateIpAddresses",
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DetachNetworkInterface",
    "ec2:UnassignPrivateIpAddresses",
]
"""What a function's code may never do to the network."""

_ALL_OBJECTS = "the objects of one bucket"
_BELOW_A_PREFIX = "the objects of one bucket below one prefix"


def wake_lanes(function: lambda_.Function, messaging: Messaging) -> None:
    """Tell workers that a creator's lane has due work."""
    function.add_environment("LANES_QUEUE_URL", messaging.lanes.queue_url)
    allow(function, messaging.send_actions, [messaging.lanes.queue_arn])


def drain_lanes(role: iam.IGrantable, messaging: Messaging) -> None:
    """Take wake-ups, keep them while a lane drains, and give them back or delete them."""
    allow(
        role,
        ["sqs:ReceiveMessage", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage"],
        [messaging.lanes.queue_arn],
    )


def nudge_outbox(function: lambda_.Function, relay: lambda_.IFunction) -> None:
    """Ask the relay to publish the outbox now."""
    function.add_environment("OUTBOX_RELAY_FUNCTION", relay.function_name)
    allow(function, ["lambda:InvokeFunction"], [relay.function_arn])


def read_flags(function: lambda_.Function, data: Data) -> None:
    """Look up which workspaces a feature has reached."""
    table = data.tables["feature-flags"]
    function.add_environment("FEATURE_FLAGS_TABLE", table.table_name)
    allow(function, ["dynamodb:GetItem"], [table.table_arn])


def change_flags(function: lambda_.Function, data: Data) -> None:
    """Look up which workspaces a feature has reached, and change it."""
    read_flags(function, data)
    allow(function, ["dynamodb:PutItem"], [data.tables["feature-flags"].table_arn])


def give_tickets(function: lambda_.Function, data: Data) -> None:
    """Keep tickets for connections."""
    table = data.tables["connections"]
    function.add_environment("CONNECTIONS_TABLE", table.table_name)
    allow(function, ["dynamodb:PutItem"], [table.table_arn])


def take_tickets(function: lambda_.Function, data: Data) -> None:
    """Take tickets away, and keep track of the connections that they open."""
    give_tickets(function, data)
    allow(
        function,
        ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:UpdateItem"],
        [data.tables["connections"].table_arn],
    )


def find_connections(function: lambda_.Function, data: Data) -> None:
    """Find who listens, keep track of how far each has got, and forget who has gone."""
    table = data.tables["connections"]
    function.add_environment("CONNECTIONS_TABLE", table.table_name)
    allow(
        function,
        ["dynamodb:Query", "dynamodb:GetItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"],
        [table.table_arn],
    )


def come_back_later(function: lambda_.Function, messaging: Messaging) -> None:
    """Put what is to be told in a moment into the queue of what is told live."""
    queue = messaging.queues["realtime"]
    function.add_environment("REALTIME_QUEUE_URL", queue.queue_url)
    allow(function, ["sqs:SendMessage"], [queue.queue_arn])


def talk_to_connections(function: lambda_.Function, address: SocketAddress) -> None:
    """Send to the connections of the stage's WebSocket API, and close them."""
    function.add_environment("SOCKETS_ENDPOINT", address.endpoint)
    allow(
        function,
        ["execute-api:ManageConnections"],
        list(address.arns),
        because="each connection gets an id of its own when it is made",
    )


def queue_mails(function: lambda_.Function, messaging: Messaging) -> None:
    """Tell the sender of mails which rows wait."""
    queue = messaging.queues["email"]
    function.add_environment("EMAIL_QUEUE_URL", queue.queue_url)
    allow(function, messaging.send_actions, [queue.queue_arn])


def send_mails(function: lambda_.Function, messaging: Messaging, settings: StageSettings) -> None:
    """Send as the one address of the stage."""
    mail = messaging.mail
    function.add_environment("MAIL_SENDER", mail.sender)
    # The second because of the logo that is attached.
    actions = ["ses:SendEmail", "ses:SendRawEmail"]
    if not settings.on_aws:
        # MiniStack does not look up as whom a mail is sent.
        allow(function, actions, ["*"], because="local: a mail names no identity")
        return
    resources = [mail.arn]
    if mail.configuration_set is not None and mail.configuration_set_arn is not None:
        name = mail.configuration_set.configuration_set_name
        function.add_environment("MAIL_CONFIGURATION_SET", name)
        resources.append(mail.configuration_set_arn)
    allow(function, actions, resources, {"StringEquals": {"ses:FromAddress": mail.address}})


def queue_webhooks(function: lambda_.Function, messaging: Messaging) -> None:
    """Queue what came in through a webhook."""
    queue = messaging.queues["webhooks"]
    function.add_environment("WEBHOOKS_QUEUE_URL", queue.queue_url)
    allow(function, ["sqs:SendMessage"], [queue.queue_arn])


def work_on_webhooks(function: lambda_.Function, messaging: Messaging) -> None:
    """Work on what came in through a webhook."""
    allow(
        function,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [messaging.queues["webhooks"].queue_arn],
    )


def queue_platform_events(function: lambda_.Function, messaging: Messaging) -> None:
    """Queue what platforms have pushed."""
    queue = messaging.queues["platform-webhooks"]
    function.add_environment("PLATFORM_WEBHOOKS_QUEUE_URL", queue.queue_url)
    allow(function, ["sqs:SendMessage"], [queue.queue_arn])


def seal_platform_webhooks(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Seal the secrets with which platforms sign, and open none."""
    key = data.keys["sessions"].key_arn
    function.add_environment("SESSIONS_KEY_ARN", key)
    allow(function, ["kms:GenerateDataKey"], [key], _of_platform_webhooks(settings))


def verify_platforms(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Open the secrets with which platforms sign, and nothing else under the same key."""
    key = data.keys["sessions"].key_arn
    function.add_environment("SESSIONS_KEY_ARN", key)
    allow(function, ["kms:Decrypt"], [key], _of_platform_webhooks(settings))


def _of_platform_webhooks(settings: StageSettings) -> dict[str, dict[str, str]] | None:
    """The condition that an envelope is one of these; browsers of creators have the same key.

    The stand-in for AWS checks the owner when it opens an envelope, not in a policy.
    """
    if not settings.on_aws:
        return None
    return {"StringEquals": {"kms:EncryptionContext:kind": "platform_webhook"}}


def verify_stripe(function: lambda_.Function, data: Data) -> None:
    """Tell what Stripe has signed from what it has not."""
    function.add_environment("STRIPE_WEBHOOK_SECRET_ARN", data.stripe_webhook.arn)
    data.stripe_webhook.grant_value(function)


def call_stripe(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Ask and order with the key of the stage's Stripe account."""
    function.add_environment("STRIPE_API_SECRET_ARN", data.stripe_api.arn)
    if settings.stripe_api_base is not None:
        function.add_environment("STRIPE_API_BASE", settings.stripe_api_base)
    data.stripe_api.grant_value(function)


def start_executions(function: lambda_.Function, settings: StageSettings, machine: Machine) -> None:
    """Start an execution of a machine for each run of what it is for."""
    arn = machine.arn(Stack.of(function), settings)
    function.add_environment(f"{machine.name}_STATE_MACHINE_ARN", arn)
    allow(function, ["states:StartExecution"], [arn])


def release_campaigns(function: lambda_.Function, settings: StageSettings) -> None:
    """Answer the task tokens on which executions wait."""
    if settings.on_aws:
        machine = Machine.CAMPAIGN.arn(Stack.of(function), settings)
        allow(function, ["states:SendTaskSuccess"], [machine])
    else:
        # A token names no machine, and MiniStack does not look its machine up as AWS does.
        allow(function, ["states:SendTaskSuccess"], ["*"], because="local: tokens name no machine")


def stop_executions(function: lambda_.Function, settings: StageSettings, machine: Machine) -> None:
    """Stop executions of a machine that nobody wants any more."""
    allow(
        function,
        ["states:StopExecution"],
        [machine.executions(Stack.of(function), settings)],
        because="the executions of one state machine",
    )


def sign_tokens(function: lambda_.Function, data: Data) -> None:
    """Read the private keys of access tokens."""
    function.add_environment("TOKEN_SIGNING_KEYS_SECRET_ARN", data.token_signing_keys.arn)
    data.token_signing_keys.grant_value(function)


def check_tokens(function: lambda_.Function, data: Data) -> None:
    """Read the public keys of access tokens; who only checks can sign nothing."""
    function.add_environment("TOKEN_PUBLIC_KEYS_SECRET_ARN", data.token_public_keys.arn)
    data.token_public_keys.grant_value(function)


def rotate_token_keys(function: lambda_.Function, data: Data) -> None:
    """Read the private keys, and replace both kinds."""
    sign_tokens(function, data)
    function.add_environment("TOKEN_PUBLIC_KEYS_SECRET_ARN", data.token_public_keys.arn)
    secrets = [data.token_signing_keys.arn, data.token_public_keys.arn]
    allow(function, ["secretsmanager:PutSecretValue"], secrets)


def rotate_role_passwords(function: lambda_.Function, secrets: Sequence[GeneratedSecret]) -> None:
    """Read the passwords of the database's roles, and replace them version by version."""
    allow(
        function,
        [
            "secretsmanager:DescribeSecret",
            "secretsmanager:GetSecretValue",
            "secretsmanager:PutSecretValue",
            "secretsmanager:UpdateSecretVersionStage",
        ],
        [secret.arn for secret in secrets],
    )


def write_creator_credentials(function: lambda_.Function, data: Data) -> None:
    """Keep, replace and remove the logins of creators, without reading them."""
    key = data.keys.get("credentials")
    own = "alias/aws/secretsmanager"
    function.add_environment("CREDENTIALS_KEY_ARN", key.key_arn if key else own)
    function.add_environment("CREDENTIALS_PREFIX", data.credentials_prefix)
    allow(
        function,
        [
            "secretsmanager:CreateSecret",
            "secretsmanager:DescribeSecret",
            "secretsmanager:PutSecretValue",
            "secretsmanager:DeleteSecret",
        ],
        [data.credentials_arn],
        because="one secret for each creator, made at run time",
    )
    if key is not None:
        # Secrets Manager asks for both when it stores a value.
        allow(function, ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn])


def read_creator_credentials(role: iam.IGrantable, data: Data) -> None:
    """Read the logins of creators, to log in for them."""
    allow(
        role,
        ["secretsmanager:GetSecretValue"],
        [data.credentials_arn],
        because="one secret for each creator, made at run time",
    )
    if key := data.keys.get("credentials"):
        allow(role, ["kms:Decrypt"], [key.key_arn])


def write_browser_sessions(function: lambda_.Function, data: Data) -> None:
    """Seal and store the browser state that a person brought."""
    table, key = data.tables["of-sessions"], data.keys["sessions"]
    function.add_environment("OF_SESSIONS_TABLE", table.table_name)
    function.add_environment("SESSIONS_KEY_ARN", key.key_arn)
    allow(function, ["dynamodb:PutItem", "dynamodb:DeleteItem"], [table.table_arn])
    allow(function, ["kms:GenerateDataKey"], [key.key_arn], data.names_the_owner)


def use_browser_sessions(role: iam.IGrantable, data: Data) -> None:
    """Open, renew and drop the browser states of creators."""
    table, key = data.tables["of-sessions"], data.keys["sessions"]
    allow(
        role,
        ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:DeleteItem"],
        [table.table_arn],
    )
    allow(role, ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn], data.names_the_owner)


def take_import_uploads(function: lambda_.Function, data: Data) -> None:
    """Sign forms that put files below `incoming/`, and look at what has come."""
    function.add_environment("IMPORTS_BUCKET", data.imports.bucket_name)
    incoming = _objects_of(data.imports, "incoming/")
    allow(function, ["s3:PutObject", "s3:GetObject"], [incoming], because=_BELOW_A_PREFIX)
    allow(function, ["s3:ListBucket"], [data.imports.bucket_arn])


def wake_exports(function: lambda_.Function, messaging: Messaging) -> None:
    """Let a run of an export begin."""
    function.add_environment("EXPORTS_QUEUE_URL", messaging.exports.queue_url)
    allow(function, ["sqs:SendMessage"], [messaging.exports.queue_arn])


def give_exports_away(function: lambda_.Function, data: Data) -> None:
    """Sign links to files of exports, which S3 opens with the key of their class."""
    function.add_environment("EXPORTS_BUCKET", data.exports.bucket_name)
    allow(function, ["s3:GetObject"], [_objects_of(data.exports)], because=_ALL_OBJECTS)
    if key := data.keys.get("exports"):
        allow(function, ["kms:Decrypt"], [key.key_arn])


def write_exports(function: lambda_.Function, data: Data) -> None:
    """Put files of exports, sealed with the key of their class; they are not read again."""
    function.add_environment("EXPORTS_BUCKET", data.exports.bucket_name)
    allow(function, ["s3:PutObject"], [_objects_of(data.exports)], because=_ALL_OBJECTS)
    if key := data.keys.get("exports"):
        function.add_environment("EXPORTS_KEY_ARN", key.key_arn)
        # S3 asks for the second when it renews the key of the bucket.
        allow(function, ["kms:GenerateDataKey", "kms:Decrypt"], [key.key_arn])


def list_what_exports_name(function: lambda_.Function, data: Data) -> None:
    """Tell which media there are, and for which creators a browser is kept, sealed as it is."""
    table = data.tables["of-sessions"]
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    function.add_environment("OF_SESSIONS_TABLE", table.table_name)
    allow(function, ["s3:ListBucket"], [data.media_bucket.bucket_arn])
    allow(function, ["dynamodb:GetItem"], [table.table_arn])


def wake_erasures(function: lambda_.Function, messaging: Messaging) -> None:
    """Let a run of an erasure begin."""
    function.add_environment("ERASURES_QUEUE_URL", messaging.erasures.queue_url)
    allow(function, ["sqs:SendMessage"], [messaging.erasures.queue_arn])


def run_from(function: lambda_.Function, queue: sqs.IQueue) -> None:
    """Be called for each message of a queue of runs."""
    allow(
        function,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [queue.queue_arn],
    )


def erase_stores(function: lambda_.Function, settings: StageSettings, data: Data) -> None:
    """Delete logins, browsers, objects, costs and connections, and stop workflows, unread."""
    table = data.tables["of-sessions"]
    function.add_environment("OF_SESSIONS_TABLE", table.table_name)
    function.add_environment("CREDENTIALS_PREFIX", data.credentials_prefix)
    allow(
        function,
        ["secretsmanager:DeleteSecret"],
        [data.credentials_arn],
        because="one secret for each creator, made at run time",
    )
    allow(function, ["dynamodb:DeleteItem"], [table.table_arn])
    costs, connections = data.tables["ai-costs"], data.tables["connections"]
    function.add_environment("AI_COSTS_TABLE", costs.table_name)
    function.add_environment("CONNECTIONS_TABLE", connections.table_name)
    tables = [costs.table_arn, connections.table_arn]
    allow(function, ["dynamodb:Query", "dynamodb:BatchWriteItem"], tables)
    for name in ("imports", "exports", "uploads", "screenshots"):
        bucket: s3.Bucket = getattr(data, name)
        function.add_environment(f"{name.upper()}_BUCKET", bucket.bucket_name)
        allow(function, ["s3:ListBucket"], [bucket.bucket_arn])
        allow(function, ["s3:DeleteObject"], [_objects_of(bucket)], because=_ALL_OBJECTS)
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    allow(function, ["s3:ListBucketVersions"], [data.media_bucket.bucket_arn])
    allow(
        function,
        ["s3:DeleteObject", "s3:DeleteObjectVersion"],
        [_objects_of(data.media_bucket)],
        because=_ALL_OBJECTS,
    )
    for machine in Machine:
        stop_executions(function, settings, machine)


def wake_imports(function: lambda_.Function, messaging: Messaging) -> None:
    """Let a run of an import begin."""
    function.add_environment("IMPORTS_QUEUE_URL", messaging.imports.queue_url)
    allow(function, ["sqs:SendMessage"], [messaging.imports.queue_arn])


def run_imports(function: lambda_.Function, messaging: Messaging) -> None:
    """Be called for each message of the queue of imports."""
    allow(
        function,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [messaging.imports.queue_arn],
    )


def read_import_uploads(function: lambda_.Function, data: Data) -> None:
    """Copy uploaded files to where nobody else writes, and read the copies."""
    bucket = data.imports
    function.add_environment("IMPORTS_BUCKET", bucket.bucket_name)
    accepted = _objects_of(bucket, "accepted/")
    readable = [_objects_of(bucket, "incoming/"), accepted]
    allow(function, ["s3:GetObject"], readable, because=_BELOW_A_PREFIX)
    allow(function, ["s3:PutObject"], [accepted], because=_BELOW_A_PREFIX)
    allow(function, ["s3:ListBucket"], [bucket.bucket_arn])


def show_media(function: lambda_.Function, data: Data) -> None:
    """Sign addresses of media, for CloudFront where it stands before the bucket."""
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    if data.media is None:
        allow(function, ["s3:GetObject"], [_objects_of(data.media_bucket)], because=_ALL_OBJECTS)
        return
    function.add_environment("MEDIA_DOMAIN", data.media.domain)
    function.add_environment("MEDIA_KEY_ID", data.media.key_id)
    function.add_environment("MEDIA_KEY_SECRET_ARN", data.media.signing_secret.arn)
    data.media.signing_secret.grant_value(function)


def take_media_uploads(function: lambda_.Function, data: Data) -> None:
    """Sign forms that put files below `incoming/`, and look at what has come."""
    function.add_environment("UPLOADS_BUCKET", data.uploads.bucket_name)
    incoming = _objects_of(data.uploads, "incoming/")
    allow(function, ["s3:PutObject", "s3:GetObject"], [incoming], because=_BELOW_A_PREFIX)
    allow(function, ["s3:ListBucket"], [data.uploads.bucket_arn])


def wake_enrichment(function: lambda_.Function, messaging: Messaging) -> None:
    """Let the work at something of the library begin."""
    queue = messaging.queues["enrichment"]
    function.add_environment("ENRICHMENT_QUEUE_URL", queue.queue_url)
    allow(function, ["sqs:SendMessage"], [queue.queue_arn])


def work_on_enrichment(function: lambda_.Function, messaging: Messaging) -> None:
    """Be called for each message of the queue of the library."""
    allow(
        function,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [messaging.queues["enrichment"].queue_arn],
    )


def work_on_replies(function: lambda_.Function, messaging: Messaging) -> None:
    """Be called for each message of the queue of what fans write."""
    allow(
        function,
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
        [messaging.queues["ai-processing"].queue_arn],
    )


def keep_media(function: lambda_.Function, data: Data) -> None:
    """Read and delete uploaded files, and write and delete the objects of items."""
    function.add_environment("UPLOADS_BUCKET", data.uploads.bucket_name)
    function.add_environment("MEDIA_BUCKET", data.media_bucket.bucket_name)
    allow(
        function,
        ["s3:GetObject", "s3:DeleteObject"],
        [_objects_of(data.uploads, "incoming/")],
        because=_BELOW_A_PREFIX,
    )
    allow(
        function,
        ["s3:PutObject", "s3:AbortMultipartUpload", "s3:DeleteObject"],
        [_objects_of(data.media_bucket)],
        because=_ALL_OBJECTS,
    )
    allow(
        function,
        ["s3:ListBucket"],
        [data.uploads.bucket_arn, data.media_bucket.bucket_arn],
    )


def assume(role: iam.Role, arns: list[str]) -> None:
    """Work as other roles."""
    allow(role, ["sts:AssumeRole"], arns)


def read_templates(role: iam.Role, settings: StageSettings) -> None:
    """Read what the stacks of a stage were deployed from."""
    stacks = Stack.of(role).format_arn(
        service="cloudformation", resource="stack", resource_name=f"{settings.stack_name('*')}/*"
    )
    allow(
        role,
        ["cloudformation:DescribeStacks", "cloudformation:GetTemplate"],
        [stacks],
        because="the stacks of one stage; each gets an id of its own when it is made",
    )


def read_objects(grantee: iam.IGrantable, bucket: s3.IBucket) -> None:
    """Read the objects of a bucket, and be told when there is none of a name."""
    allow(grantee, ["s3:GetObject"], [_objects_of(bucket)], because=_ALL_OBJECTS)
    allow(grantee, ["s3:ListBucket"], [bucket.bucket_arn])


def send_traces(role: iam.IGrantable) -> None:
    """Tell X-Ray of parts of traces."""
    allow(role, ["xray:PutTraceSegments"], ["*"], because="X-Ray has no resource level")


def write_objects(grantee: iam.IGrantable, bucket: s3.IBucket) -> None:
    """Put objects into a bucket, in parts if they are large."""
    allow(
        grantee,
        ["s3:PutObject", "s3:AbortMultipartUpload"],
        [_objects_of(bucket)],
        because=_ALL_OBJECTS,
    )


def join_network(role: iam.Role, place: Place) -> None:
    """Let Lambda keep the function's interfaces in the private subnets, and the function not.

    Lambda itself makes and removes them with the role that the function also runs with.
    """
    stack = Stack.of(role)

    def of_network(resource: str, name: str) -> str:
        return stack.format_arn(service="ec2", resource=resource, resource_name=name)

    allow(
        role,
        ["ec2:CreateNetworkInterface"],
        [
            *(of_network("subnet", subnet.subnet_id) for subnet in place.subnets),
            of_network("security-group", place.group.security_group_id),
        ],
    )
    allow(
        role,
        [
            "ec2:CreateNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ],
        [of_network("network-interface", "*")],
        because="the interface has no name before it is made",
    )
    # Lambda refuses a role that may not delete on every kind of resource of the account.
    anything = stack.format_arn(service="ec2", resource="*", resource_name="*")
    allow(
        role, ["ec2:DeleteNetworkInterface"], [anything], because="the form that Lambda checks for"
    )
    allow(
        role,
        ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"],
        ["*"],
        because="descriptions have no resource level",
    )
    # Whatever the function's own code asks for names the function as its source. A denial: it takes
    # away from everything, and gives nothing.
    role.add_to_principal_policy(
        iam.PolicyStatement(
            effect=iam.Effect.DENY,
            actions=NETWORK_INTERFACE_ACTIONS,
            resources=["*"],
            conditions={"Null": {"lambda:SourceFunctionArn": "false"}},
        )
    )


def _objects_of(bucket: s3.IBucket, prefix: str = "") -> str:
    # Exported by hand: CDK would do the same at the very end, too late to name the ARN in the
    # acknowledgement of its wildcard.
    return f"{Stack.of(bucket).export_value(bucket.bucket_arn)}/{prefix}*"


def allow(
    grantee: iam.IGrantable,
    actions: list[str],
    resources: list[str],
    conditions: dict[str, dict[str, str]] | None = None,
    *,
    because: str | None = None,
) -> None:
    """Add one statement to a role: exactly these actions on exactly these resources.

    Args:
        grantee: Whose role.
        actions: Without wildcards.
        resources: The ARNs.
        conditions: What else must hold.
        because: Why a wildcard in the resources is as narrow as it can be.
    """
    principal = grantee.grant_principal
    principal.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
    )
    if because and isinstance(principal, iam.Role):
        for resource in resources:
            acknowledge_wildcard(principal, resource, because)
