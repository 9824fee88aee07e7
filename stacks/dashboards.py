"""Two dashboards: one of the product for everybody, one of the platform for operators."""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from stacks.settings import StageSettings

_WIDTH = 12
_PERIOD = Duration.minutes(5)


def add_dashboards(scope: Construct, settings: StageSettings) -> None:
    """Add both where many work: each has a price, and what the console shows by itself none."""
    if not settings.watches_closely:
        return
    stage = settings.stage.value
    for construct_id, name, rows in (
        ("Product", "product", _product()),
        ("Platform", "platform", _platform(stage)),
    ):
        cloudwatch.Dashboard(
            scope,
            construct_id,
            dashboard_name=f"huntaze-{stage}-{name}",
            default_interval=Duration.days(1),
            widgets=[list(row) for row in rows],
        )


type _Row = tuple[cloudwatch.IWidget, ...]


def _product() -> tuple[_Row, ...]:
    sending = "Huntaze/Sending"
    return (
        (
            _graph("Tries to send, by outcome", _each(sending, "Deliveries", "platform,outcome")),
            _graph(
                "Seconds that messages wait, by priority (p95)",
                _each(sending, "DeliveryWait", "priority", "p95"),
            ),
        ),
        (
            _graph(
                "Seconds a message takes (p95)",
                _each(sending, "DeliveryDuration", "platform", "p95"),
            ),
            _graph("Messages read back, by outcome", _each(sending, "ReadBacks", "outcome")),
        ),
        (
            _graph(
                "Fans whose money was checked, and who are off",
                _one("Huntaze/Money", "CheckedFans", "Maximum"),
                _one("Huntaze/Money", "DriftedFans", "Maximum"),
            ),
            _graph("Cents that are off", _one("Huntaze/Money", "DriftedCents", "Maximum")),
        ),
    )


def _platform(stage: str) -> tuple[_Row, ...]:
    api = {"ApiName": f"huntaze-{stage}", "Stage": stage}
    return (
        (
            _graph(
                "Requests and errors",
                *(_one("AWS/ApiGateway", name, "Sum", **api) for name in ("Count", "5XXError")),
            ),
            _graph(
                "Latency (ms)",
                *(_one("AWS/ApiGateway", "Latency", p, **api) for p in ("p50", "p95", "p99")),
            ),
        ),
        (
            _graph(
                "Errors, by function", _all("AWS/Lambda", "FunctionName", "Errors", "Sum", stage)
            ),
            _graph(
                "Duration, by function (p95, ms)",
                _all("AWS/Lambda", "FunctionName", "Duration", "p95", stage),
            ),
        ),
        (
            _graph(
                "Messages in queues and in dead-letter queues",
                _all("AWS/SQS", "QueueName", "ApproximateNumberOfMessagesVisible", "Maximum"),
            ),
            _graph(
                "Lanes with due work, those that stand still; utilisation of the workers (%)",
                _one("Huntaze/Sending", "LanesWithDueWork", "Maximum"),
                _one("Huntaze/Sending", "LanesWithoutProgress", "Maximum"),
                _one("Huntaze/Sending", "Utilisation", "Maximum"),
            ),
        ),
        (
            _graph("Trouble with pages", _each("Huntaze/Sending", "Troubles", "trouble")),
            _graph("Seconds that events wait", _one("Huntaze/Events", "OutboxLag", "Maximum")),
        ),
        (
            _graph(
                "Campaigns: executions",
                *(
                    _all("AWS/States", "StateMachineArn", name, "Sum", stage)
                    for name in ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed")
                ),
            ),
            _graph(
                "Database: processors (%) and connections",
                _all("AWS/RDS", "DBInstanceIdentifier", "CPUUtilization", "Average", stage),
                _all("AWS/RDS", "DBInstanceIdentifier", "DatabaseConnections", "Maximum", stage),
            ),
        ),
    )


def _graph(title: str, *metrics: cloudwatch.IMetric) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=_WIDTH)


def _one(namespace: str, name: str, statistic: str, **dimensions: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions or None,
        period=_PERIOD,
        statistic=statistic,
    )


def _each(
    namespace: str, name: str, dimensions: str, statistic: str = "Sum"
) -> cloudwatch.MathExpression:
    """A metric of ours for every value of its dimensions."""
    return _search(f'{{{namespace},{dimensions}}} MetricName="{name}"', statistic)


def _all(
    namespace: str, dimension: str, name: str, statistic: str, stage: str | None = None
) -> cloudwatch.MathExpression:
    """A metric of AWS for every resource of the stage."""
    ours = f"huntaze-{stage}" if stage else "huntaze"
    return _search(f'{{{namespace},{dimension}}} MetricName="{name}" {ours}', statistic)


def _search(what: str, statistic: str) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(
        expression=f"SEARCH('{what}', '{statistic}', {_PERIOD.to_seconds():.0f})",
        label="",
        period=_PERIOD,
        using_metrics={},
    )
