"""What each type of resource costs in a month; a type that is not here has no price and fails."""

from collections.abc import Callable, Iterator
from typing import Any

from operations.costs.calls import calls_of
from operations.costs.model import Charge, Month, Resource
from operations.costs.workflow import transitions_of

type Rule = Callable[[Resource, Month], Iterator[Charge]]

_MEGA = 1_000_000
_FANOUT_GB = 0.5
_KB_PER_GB = 1_000_000
# A proxy is priced by the processors of the server behind it, at least two.
_SERVER_VCPUS = {"db.t4g.micro": 2, "db.t4g.small": 2, "db.t4g.medium": 2, "db.m7g.large": 2}
# Cluster, service, task definition, task and container of one service, as they are documented.
_INSIGHTS_METRICS = 60


def _database(resource: Resource, month: Month) -> Iterator[Charge]:
    facts = resource.properties
    copies = 2 if facts.get("MultiAZ") else 1
    size = float(facts["AllocatedStorage"])
    kind = facts["DBInstanceClass"]
    yield Charge("Postgres (RDS)", f"rds.{kind}", month.assume("hours") * copies)
    yield Charge("Postgres (RDS)", "rds.gp3", size * copies)
    if month.volume.sends:
        over = size * month.assume("backup_over_size")
        yield Charge("Postgres (RDS)", "rds.backup", over)


def _proxy(_: Resource, month: Month) -> Iterator[Charge]:
    (server,) = month.of_kind("AWS::RDS::DBInstance")
    cores = _SERVER_VCPUS[server.properties["DBInstanceClass"]]
    yield Charge("RDS Proxy", "rds.proxy", month.assume("hours") * cores)


def _machine(resource: Resource, month: Month) -> Iterator[Charge]:
    hours = month.assume("hours")
    yield Charge("Network", f"ec2.{resource.properties['InstanceType']}", hours)
    for device in resource.properties.get("BlockDeviceMappings", []):
        yield Charge("Network", "ebs.gp3", float(device["Ebs"]["VolumeSize"]))
    if any(
        interface.get("AssociatePublicIpAddress")
        for interface in resource.properties.get("NetworkInterfaces", [])
    ):
        yield Charge("Network", "vpc.public_ipv4", hours)


def _address(_: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("Network", "vpc.public_ipv4", month.assume("hours"))


def _nat_gateway(_: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("Network", "vpc.nat_gateway", month.assume("hours"))
    sent = month.volume.sends * (month.assume("mb_out_per_send") + month.assume("mb_in_per_send"))
    read = _visits(month) * month.assume("mb_in_per_visit")
    share = 1 / len(month.of_kind("AWS::EC2::NatGateway"))
    yield Charge("Network", "vpc.nat_gateway_data", (sent + read) / 1000 * share)


def _flow_log(_: Resource, month: Month) -> Iterator[Charge]:
    gigabytes = month.volume.sends * month.assume("kb_flow_log_per_send") / _KB_PER_GB
    yield from _logged("Logs", gigabytes)


def _service(resource: Resource, month: Month) -> Iterator[Charge]:
    """A service has its fewest tasks all month, and more for as long as there is work."""
    (task,) = month.of_kind("AWS::ECS::TaskDefinition")
    (target,) = month.of_kind("AWS::ApplicationAutoScaling::ScalableTarget")
    always = int(target.properties["MinCapacity"]) * month.assume("hours")
    busy = month.volume.sends / month.assume("sends_per_worker_hour")
    busy += _visits(month) / month.assume("visits_per_worker_hour")
    hours = max(always, busy)
    cores = int(task.properties["Cpu"]) / 1024
    memory = int(task.properties["Memory"]) / 1024
    yield Charge("Browser workers (Fargate)", "fargate.arm.vcpu", hours * cores)
    yield Charge("Browser workers (Fargate)", "fargate.arm.memory", hours * memory)
    yield Charge("Browser workers (Fargate)", "ecr.storage", month.assume("image_gb"))
    logged = month.volume.sends * month.assume("kb_logged_per_send") / _KB_PER_GB
    yield from _logged("Logs", logged)
    yield Charge(
        "Network", "transfer.out", month.volume.sends * month.assume("mb_out_per_send") / 1000
    )
    del resource


def _cluster(resource: Resource, _: Month) -> Iterator[Charge]:
    settings = resource.properties.get("ClusterSettings", [])
    if any(one["Name"] == "containerInsights" and one["Value"] != "disabled" for one in settings):
        yield Charge("Metrics, alarms, traces", "cloudwatch.insights_metric", _INSIGHTS_METRICS)


def _function(resource: Resource, month: Month) -> Iterator[Charge]:
    """A function is called by its schedule, by its share of the API, or by campaigns."""
    calls, seconds = calls_of(resource, month)
    memory = int(resource.properties.get("MemorySize", 128)) / 1024
    yield Charge("Functions (Lambda)", "lambda.requests", calls)
    yield Charge("Functions (Lambda)", "lambda.arm.duration", seconds * memory)
    yield from _logged("Logs", calls * month.assume("kb_logged_per_invocation") / _KB_PER_GB)
    tracing = resource.properties.get("TracingConfig", {}).get("Mode")
    if tracing == "Active":
        yield Charge(
            "Metrics, alarms, traces", "xray.trace", calls * month.assume("sampled_traces")
        )


def _api(_: Resource, month: Month) -> Iterator[Charge]:
    requests = month.volume.api_requests
    yield Charge("API Gateway", "apigateway.rest", requests)
    yield Charge(
        "Network", "transfer.out", requests * month.assume("kb_out_per_request") / _KB_PER_GB
    )
    yield from _logged("Logs", requests * month.assume("kb_logged_per_invocation") / _KB_PER_GB)


def _firewall(resource: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("Firewall (WAF)", "waf.acl", 1)
    yield Charge("Firewall (WAF)", "waf.rule", len(resource.properties["Rules"]))
    yield Charge("Firewall (WAF)", "waf.request", month.volume.api_requests)


def _machine_of_campaigns(resource: Resource, month: Month) -> Iterator[Charge]:
    """Every campaign runs through every machine: models have prepared each."""
    entered = month.volume.campaigns * transitions_of(resource)
    yield Charge("Campaign workflow", "stepfunctions.transition", entered)
    yield from _logged("Logs", entered * month.assume("kb_logged_per_invocation") / _KB_PER_GB)


def _sockets(_: Resource, month: Month) -> Iterator[Charge]:
    """Each settled message is written down and told: queue, function and table, too."""
    told = month.volume.sends
    messages = told * month.assume("live_messages_per_send")
    minutes = month.volume.creators * month.assume("live_minutes_per_creator")
    pings = minutes / month.assume("live_minutes_per_ping")
    yield Charge("API Gateway", "apigateway.websocket.message", messages + 2 * pings)
    yield Charge("API Gateway", "apigateway.websocket.minute", minutes)
    yield Charge(
        "Queues and events", "sqs.standard", told * month.assume("live_queue_requests_per_send")
    )
    yield Charge("Functions (Lambda)", "lambda.requests", told + pings)
    seconds = (told + pings) * month.assume("live_seconds")
    yield Charge("Functions (Lambda)", "lambda.arm.duration", seconds * _FANOUT_GB)
    logged = (told + pings) * month.assume("kb_logged_per_invocation")
    yield from _logged("Logs", logged / _KB_PER_GB)
    # Held and let go of; found once for all.
    yield Charge("Tables (DynamoDB)", "dynamodb.write", (messages + pings) * 2)
    yield Charge("Tables (DynamoDB)", "dynamodb.read", told)


def _queue(resource: Resource, month: Month) -> Iterator[Charge]:
    facts = resource.properties
    if facts.get("FifoQueue") and "RedrivePolicy" in facts:
        asked = month.volume.sends * month.assume("queue_requests_per_send")
        asked += _visits(month) * month.assume("queue_requests_per_visit")
        yield Charge("Queues and events", "sqs.fifo", asked)


def _bus(_: Resource, month: Month) -> Iterator[Charge]:
    events = month.volume.sends * month.assume("events_per_send") + month.volume.campaigns * 10
    yield Charge("Queues and events", "eventbridge.event", events)


def _table(resource: Resource, month: Month) -> Iterator[Charge]:
    if not _is_sessions(resource):
        return
    volume = month.volume
    lane_hours = volume.sends / month.assume("sends_per_lane_hour")
    written = lane_hours * month.assume("session_writes_per_lane_hour")
    kilobytes = month.assume("session_kb")
    stored = volume.creators * kilobytes / _KB_PER_GB
    yield Charge("Tables (DynamoDB)", "dynamodb.write", written * kilobytes)
    opened = written + _visits(month)
    yield Charge("Tables (DynamoDB)", "dynamodb.read", opened * kilobytes / 4)
    yield Charge("Tables (DynamoDB)", "dynamodb.storage", stored)
    yield Charge("Tables (DynamoDB)", "dynamodb.pitr", stored)
    sealed = written * month.assume("kms_requests_per_session_write")
    yield Charge("Keys and secrets", "kms.requests", sealed + _visits(month))


def _visits(month: Month) -> float:
    """How often a worker looks at a creator's pages although nobody has asked for it."""
    periodic = any(
        resource.properties.get("Environment", {}).get("Variables", {}).get("PERIODIC_SYNC")
        == "true"
        for resource in month.of_kind("AWS::Lambda::Function")
    )
    if not periodic:
        return 0
    hourly = month.assume("visits_per_creator_hour")
    return month.volume.creators * month.assume("hours") * hourly


def _is_sessions(resource: Resource) -> bool:
    return resource.properties.get("TableName") == "huntaze-of-sessions"


def _bucket(resource: Resource, month: Month) -> Iterator[Charge]:
    if resource.logical_id.startswith("Uploads"):
        yield Charge("Objects (S3)", "s3.storage", month.volume.media_gb)
        yield Charge("Objects (S3)", "s3.put", month.volume.media_gb * 100)
        yield Charge("Objects (S3)", "s3.get", month.volume.media_gb * 1000)


def _secret(_: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("Keys and secrets", "secretsmanager.secret", 1)
    # Each execution environment reads it when it starts; some hundreds of those a day.
    yield Charge("Keys and secrets", "secretsmanager.calls", month.volume.api_requests / 1000)


def _key(_: Resource, __: Month) -> Iterator[Charge]:
    yield Charge("Keys and secrets", "kms.key", 1)


def _alarm(resource: Resource, _: Month) -> Iterator[Charge]:
    """An alarm over an expression has a price for each metric in it."""
    metrics = resource.properties.get("Metrics", [])
    counted = sum("MetricStat" in metric for metric in metrics) or 1
    yield Charge("Metrics, alarms, traces", "cloudwatch.alarm", counted)


def _composite_alarm(_: Resource, __: Month) -> Iterator[Charge]:
    yield Charge("Metrics, alarms, traces", "cloudwatch.composite_alarm", 1)


def _dashboard(_: Resource, __: Month) -> Iterator[Charge]:
    yield Charge("Metrics, alarms, traces", "cloudwatch.dashboard", 1)


def _record(_: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("Network", "route53.query", month.volume.api_requests / 100)


def _distribution(_: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("Objects (S3)", "cloudfront.out", month.volume.media_gb)
    yield Charge("Objects (S3)", "cloudfront.request", month.volume.media_gb * 1000)


def _mail(_: Resource, month: Month) -> Iterator[Charge]:
    yield Charge("E-mail", "ses.email", month.volume.emails)


def _logged(item: str, gigabytes: float) -> Iterator[Charge]:
    yield Charge(item, "cloudwatch.logs", gigabytes)
    # What is kept is small beside what is taken in: a month of it, compressed to a fifth.
    yield Charge(item, "cloudwatch.logs_kept", gigabytes / 5)


def of_the_stage(month: Month) -> Iterator[Charge]:
    """What no resource stands for: own metrics, and the bucket of the bootstrap."""
    yield Charge("Metrics, alarms, traces", "cloudwatch.metric", month.volume.own_metrics)
    # A secret for each creator's login is made at run time.
    yield Charge("Keys and secrets", "secretsmanager.secret", month.volume.creators)
    yield Charge("Objects (S3)", "s3.storage", month.assume("zip_gb"))


RULES: dict[str, Rule] = {
    "AWS::ApiGateway::RestApi": _api,
    "AWS::ApiGatewayV2::Api": _sockets,
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CloudWatch::CompositeAlarm": _composite_alarm,
    "AWS::CloudWatch::Dashboard": _dashboard,
    "AWS::DynamoDB::Table": _table,
    "AWS::EC2::EIP": _address,
    "AWS::EC2::FlowLog": _flow_log,
    "AWS::EC2::Instance": _machine,
    "AWS::EC2::NatGateway": _nat_gateway,
    "AWS::ECS::Cluster": _cluster,
    "AWS::ECS::Service": _service,
    "AWS::Events::EventBus": _bus,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::Function": _function,
    "AWS::RDS::DBInstance": _database,
    "AWS::RDS::DBProxy": _proxy,
    "AWS::Route53::RecordSet": _record,
    "AWS::S3::Bucket": _bucket,
    "AWS::SES::EmailIdentity": _mail,
    "AWS::SQS::Queue": _queue,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::StepFunctions::StateMachine": _machine_of_campaigns,
    "AWS::WAFv2::WebACL": _firewall,
}

# Without a price of their own: they describe, connect or limit what has one.
_FREE_SERVICES = ("AWS::IAM::", "AWS::ApplicationAutoScaling::", "Custom::", "AWS::Budgets::")
FREE = frozenset(
    {
        *(
            f"AWS::ApiGateway::{name}"
            for name in (
                *("Account", "Authorizer", "BasePathMapping", "Deployment", "DomainName"),
                *("GatewayResponse", "Method", "RequestValidator", "Resource", "Stage"),
                *("Model", "UsagePlan"),
            )
        ),
        *(
            f"AWS::ApiGatewayV2::{name}"
            for name in ("Authorizer", "Deployment", "Integration", "Route", "Stage")
        ),
        *(
            f"AWS::EC2::{name}"
            for name in (
                *("InternetGateway", "LaunchTemplate", "Route", "RouteTable", "SecurityGroup"),
                *("SecurityGroupEgress", "SecurityGroupIngress", "Subnet", "VPC"),
                *("SubnetRouteTableAssociation", "VPCGatewayAttachment"),
            )
        ),
        *(
            f"AWS::CloudFront::{name}"
            for name in (
                *("CachePolicy", "KeyGroup", "OriginAccessControl", "OriginRequestPolicy"),
                *("PublicKey", "ResponseHeadersPolicy"),
            )
        ),
        *("AWS::Lambda::EventSourceMapping", "AWS::Lambda::EventInvokeConfig"),
        *("AWS::Lambda::LayerVersion", "AWS::Lambda::Permission"),
        *("AWS::RDS::DBParameterGroup", "AWS::RDS::DBSubnetGroup", "AWS::RDS::DBProxyTargetGroup"),
        *("AWS::SecretsManager::SecretTargetAttachment", "AWS::SecretsManager::ResourcePolicy"),
        *("AWS::SecretsManager::RotationSchedule", "AWS::CertificateManager::Certificate"),
        *("AWS::SQS::QueuePolicy", "AWS::S3::BucketPolicy", "AWS::KMS::Alias"),
        *("AWS::Logs::LogGroup", "AWS::Logs::MetricFilter", "AWS::Logs::QueryDefinition"),
        *("AWS::Logs::ResourcePolicy", "AWS::Logs::LogGroupPolicy"),
        # Paid with what arrives through them: mails and calls are counted where they end.
        *("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"),
        *("AWS::Events::Rule", "AWS::ECS::TaskDefinition", "AWS::CDK::Metadata"),
        *("AWS::WAFv2::IPSet", "AWS::WAFv2::WebACLAssociation", "AWS::WAFv2::LoggingConfiguration"),
        *("AWS::XRay::SamplingRule", "AWS::XRay::Group", "AWS::CE::AnomalyMonitor"),
        *("AWS::CE::AnomalySubscription", "AWS::SES::ConfigurationSet"),
        "AWS::SES::ConfigurationSetEventDestination",
    }
)


class UnpricedError(Exception):
    """A resource has no price and is not known to be free."""


def charges(month: Month) -> Iterator[Charge]:
    """Everything that a month is charged for.

    Raises:
        UnpricedError: Nobody has said what a type of resource costs.
    """
    for resource in month.resources:
        rule = RULES.get(resource.kind)
        if rule is not None:
            yield from rule(resource, month)
        elif not is_free(resource):
            raise UnpricedError(
                f"{resource.kind} ({resource.stack}/{resource.logical_id}) has no price:"
                " add a rule to operations/costs/rules.py, or list it as free."
            )
    yield from of_the_stage(month)


def is_free(resource: Resource) -> bool:
    """Whether a resource is known to have no price of its own."""
    if resource.kind == "AWS::EC2::VPCEndpoint":
        kind: Any = resource.properties.get("VpcEndpointType", "Gateway")
        return bool(kind == "Gateway")
    return resource.kind in FREE or resource.kind.startswith(_FREE_SERVICES)
