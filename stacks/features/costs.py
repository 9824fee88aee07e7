"""What models cost: the routes, and who tells of limits that are crossed."""

from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions

from stacks.acknowledge import NO_TLS_LOCALLY, acknowledge
from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts, run_every_minute
from stacks.permissions import calls
from stacks.permissions.models import post_to_slack, seal_slack_channels, tell_of_budgets


def add_costs(parts: FeatureParts) -> None:
    """Define the function behind ``/api/v2/costs``, and the one that looks at limits."""
    costs = parts.function("Costs", "assistant.costs")
    seal_slack_channels(costs, parts.settings, parts.data)
    parts.routes.serve(costs, ["/api/v2/costs/{proxy+}"])
    alerts = parts.function("CostAlerts", "assistant.alerts", DatabaseRole.RELAY, memory_mb=256)
    post_to_slack(alerts, parts.settings, parts.data)
    tell_of_budgets(alerts, _topic(parts))
    calls.nudge_outbox(alerts, parts.outbox_relay)
    run_every_minute("CostAlertsMinute", alerts)


def _topic(parts: FeatureParts) -> sns.Topic:
    """Where operators hear of workspaces' budgets, apart from the stage's own alarms."""
    on_aws = parts.settings.on_aws
    # AWS's own key costs nothing, and the function's role publishes: no service needs the key.
    key = kms.Alias.from_alias_name(parts.scope, "SnsKey", "alias/aws/sns") if on_aws else None
    topic = sns.Topic(
        parts.scope,
        "CostAlertsTopic",
        display_name=f"Huntaze {parts.settings.stage.value} budgets",
        enforce_ssl=on_aws,
        master_key=key,
    )
    if parts.settings.operators_email is not None:
        mail = topic.add_subscription(
            subscriptions.EmailSubscription(parts.settings.operators_email)
        )
        acknowledge(
            mail, "SNSRedrivePolicy", "the alert stays in the workspace's list", pack="Serverless"
        )
    if not on_aws:
        acknowledge(topic, "SNS2", "the stand-in for AWS has no key of SNS")
        acknowledge(topic, "SNS3", NO_TLS_LOCALLY)
    return topic
