"""Alarms of resources that have no name of their own: made beside them, whoever defined them.

Found by walking the app, so that no function, database or service is forgotten, and put into the
resource's own stack, because an export to another stack could not go away with the resource.
"""

from collections.abc import Iterator

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_rds as rds
from constructs import IConstruct

from stacks.alarms import SILENCE_IS_TROUBLE, Alarms
from stacks.feature_function import API_TIMEOUT, FeatureFunction
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

# It fails for every visitor who is not logged in: its own figure tells defects apart.
FAILS_BY_DESIGN = "authorizer"
_FIVE_MINUTES = Duration.minutes(5)
# Of a function's time: one that comes nearer will be cut off in the midst of something.
_NEAR_TIMEOUT = 0.8
_LEAST_STORAGE_BYTES = 10 * 1024**3


def watch(stack: StageStack, settings: StageSettings) -> None:
    """Add alarms for what ``stack`` holds."""
    alarms: Alarms | None = None
    for construct in list(_all_of(stack)):
        for kind, add in _KINDS.items():
            if isinstance(construct, kind):
                alarms = alarms or Alarms(stack, settings)
                add(alarms, construct, settings)


def _all_of(stack: Stack) -> Iterator[IConstruct]:
    return (one for one in stack.node.find_all() if Stack.of(one) is stack)


def _function(alarms: Alarms, function: FeatureFunction, settings: StageSettings) -> None:
    # An alarm has a price; where few people work, one of all functions tells enough.
    if not settings.watches_closely:
        return
    name = function.slice_name
    if name != FAILS_BY_DESIGN:
        alarms.add(
            f"function-errors-{name}",
            function.metric_errors(period=_FIVE_MINUTES),
            above=0,
            # A schedule's next minute, or a queue's next delivery, makes good for one failure.
            minutes_of=(2, 3),
            runbook="function-errors",
            says=f"The function {name} fails again and again.",
        )
    timeout = (function.timeout or API_TIMEOUT).to_milliseconds()
    # Behind the API the latency tells earlier.
    if timeout != API_TIMEOUT.to_milliseconds():
        alarms.add(
            f"function-slow-{name}",
            function.metric_duration(period=_FIVE_MINUTES, statistic="Maximum"),
            above=_NEAR_TIMEOUT * timeout,
            minutes_of=(2, 3),
            runbook="function-slow",
            says=f"The function {name} takes four fifths of the time that it has.",
        )


def _database(alarms: Alarms, instance: rds.CfnDBInstance, settings: StageSettings) -> None:
    def metric(name: str, statistic: str = "Average") -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name=name,
            dimensions_map={"DBInstanceIdentifier": instance.ref},
            period=_FIVE_MINUTES,
            statistic=statistic,
        )

    alarms.add(
        "database-cpu",
        metric("CPUUtilization"),
        above=80,
        minutes_of=(3, 3),
        # A database that says nothing is away.
        silence=SILENCE_IS_TROUBLE,
        says="The database's processors are busy; requests and sends wait for it.",
    )
    alarms.add(
        "database-storage",
        metric("FreeStorageSpace", "Minimum"),
        above=_LEAST_STORAGE_BYTES,
        below=True,
        says="The database's disk is nearly full; when it is, nothing can be written.",
    )
    if not settings.watches_closely:
        return
    alarms.add(
        "database-connections",
        metric("DatabaseConnections", "Maximum"),
        above=_most_connections(settings) * 0.8,
        minutes_of=(2, 2),
        says="The database has nearly as many connections as it takes; further ones are refused.",
    )


# LEAST({DBInstanceClassMemory/9531392}, 5000), as RDS sets it, by the memory of a class in GiB.
_MEMORY_GIB = {
    "micro": 1,
    "small": 2,
    "medium": 4,
    "large": 8,
    "xlarge": 16,
    "2xlarge": 32,
    "4xlarge": 64,
}


def _most_connections(settings: StageSettings) -> int:
    if settings.postgres is None:
        raise ValueError("a stage with a database server has its settings")
    size = settings.postgres.instance.rpartition(".")[2]
    return min(_MEMORY_GIB[size] * 1024**3 // 9531392, 5000)


def _proxy(alarms: Alarms, proxy: rds.CfnDBProxy, _settings: StageSettings) -> None:
    alarms.add(
        "database-proxy",
        cloudwatch.Metric(
            namespace="AWS/RDS",
            metric_name="DatabaseConnectionsBorrowLatency",
            dimensions_map={"ProxyName": proxy.ref},
            period=_FIVE_MINUTES,
            statistic="p95",
        ),
        # Microseconds.
        above=1_000_000,
        minutes_of=(2, 3),
        says="Functions wait more than a second for a connection from the proxy.",
    )


def _service(alarms: Alarms, service: ecs.FargateService, settings: StageSettings) -> None:
    if not settings.watches_closely:
        return
    for name, metric, what in (
        ("worker-cpu", service.metric_cpu_utilization(period=_FIVE_MINUTES), "processor"),
        ("worker-memory", service.metric_memory_utilization(period=_FIVE_MINUTES), "memory"),
    ):
        # No worker, no figure: whether one is missing is told by the lanes.
        alarms.add(
            name,
            metric,
            above=85,
            minutes_of=(3, 3),
            says=f"The browser workers' {what} is nearly used up; sends slow down or break.",
        )


def _nat_gateway(alarms: Alarms, gateway: ec2.CfnNatGateway, _settings: StageSettings) -> None:
    alarms.add(
        f"nat-ports-{gateway.node.path.rpartition('Vpc/')[2].partition('/')[0].lower()}",
        cloudwatch.Metric(
            namespace="AWS/NATGateway",
            metric_name="ErrorPortAllocation",
            dimensions_map={"NatGatewayId": gateway.ref},
            period=_FIVE_MINUTES,
            statistic="Sum",
        ),
        above=0,
        runbook="nat-ports",
        says="A NAT gateway had no port for a connection; calls to the outside fail.",
    )


def _nat_instance(alarms: Alarms, machine: ec2.CfnInstance, _settings: StageSettings) -> None:
    alarms.add(
        "nat-instance",
        cloudwatch.Metric(
            namespace="AWS/EC2",
            metric_name="StatusCheckFailed",
            dimensions_map={"InstanceId": machine.ref},
            period=_FIVE_MINUTES,
            statistic="Maximum",
        ),
        above=0,
        minutes_of=(2, 2),
        silence=SILENCE_IS_TROUBLE,
        runbook="nat-ports",
        says="The machine that leads out of the network is not well; calls to the outside fail.",
    )


_KINDS = {
    FeatureFunction: _function,
    rds.CfnDBInstance: _database,
    rds.CfnDBProxy: _proxy,
    ecs.FargateService: _service,
    ec2.CfnNatGateway: _nat_gateway,
    ec2.CfnInstance: _nat_instance,
}
