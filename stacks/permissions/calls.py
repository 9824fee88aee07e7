"""What processes may ask services and each other to do."""

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from stacks.messaging import Messaging
from stacks.permissions.grants import allow
from stacks.settings import StageSettings
from stacks.socket_api import SocketAddress
from stacks.step_machine import Machine


def nudge_outbox(function: lambda_.Function, relay: lambda_.IFunction) -> None:
    """Ask the relay to publish the outbox now."""
    function.add_environment("OUTBOX_RELAY_FUNCTION", relay.function_name)
    allow(function, ["lambda:InvokeFunction"], [relay.function_arn])


def talk_to_connections(function: lambda_.Function, address: SocketAddress) -> None:
    """Send to the connections of the stage's WebSocket API, and close them."""
    function.add_environment("SOCKETS_ENDPOINT", address.endpoint)
    allow(
        function,
        ["execute-api:ManageConnections"],
        list(address.arns),
        because="each connection gets an id of its own when it is made",
    )


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


def send_traces(role: iam.IGrantable) -> None:
    """Tell X-Ray of parts of traces."""
    allow(role, ["xray:PutTraceSegments"], ["*"], because="X-Ray has no resource level")
