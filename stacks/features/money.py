"""Values of fans, checked every day; an operator may have them computed anew."""

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets

from stacks.acknowledge import acknowledge
from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts


def add_money(parts: FeatureParts) -> None:
    """Define the daily check and the repair that nothing but an operator invokes."""
    check = parts.function(
        "MoneyCheck", "money.check", DatabaseRole.AUDITOR, timeout=Duration.minutes(15)
    )
    daily = events.Rule(
        check.stack,
        "MoneyCheckDaily",
        # Before anybody's working day in Europe and after it in America.
        schedule=events.Schedule.cron(hour="4", minute="10"),
        targets=[targets.LambdaFunction(check, retry_attempts=2)],
    )
    acknowledge(daily, "EventBusDLQ", "the next day repeats the work", pack="Serverless")
    parts.function("MoneyRepair", "money.repair", timeout=Duration.minutes(15))
