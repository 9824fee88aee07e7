"""Who hears of alarms, and what a month may cost."""

from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from stacks.acknowledge import NO_TLS_LOCALLY, acknowledge
from stacks.alarms import operators_topic_name
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

# Shares of the budget: half a month's money spent early, nearly all of it, and a forecast above it.
_ACTUAL = (50, 90)
_FORECAST = 100


class Alerts(StageStack):
    """The operators' topic and the budget; every other stack may name the topic."""

    def __init__(self, scope: Construct, settings: StageSettings) -> None:
        super().__init__(scope, "Alerts", settings, description="Huntaze: who hears of alarms")
        # Services that publish need the key, and AWS's own key for SNS cannot be given to them.
        key = kms.Key(
            self,
            "TopicKey",
            description="Messages to the operators",
            enable_key_rotation=True,
            removal_policy=settings.removal_policy,
        )
        self.topic = sns.Topic(
            self,
            "Operators",
            topic_name=operators_topic_name(settings),
            display_name=f"Huntaze {settings.stage.value}",
            master_key=key,
            enforce_ssl=settings.on_aws,
        )
        self._admit(key, "cloudwatch.amazonaws.com")
        if settings.operators_email is not None:
            mail = self.topic.add_subscription(
                subscriptions.EmailSubscription(settings.operators_email)
            )
            reason = "the alarm itself stays until somebody has looked"
            acknowledge(mail, "SNSRedrivePolicy", reason, pack="Serverless")
        if settings.on_aws:
            self._admit(key, "budgets.amazonaws.com")
            self._budget(settings)
        else:
            acknowledge(self.topic, "SNS3", NO_TLS_LOCALLY)

    def _admit(self, key: kms.Key, service: str) -> None:
        """Let a service of this account publish, and encrypt what it publishes."""
        ours = {"StringEquals": {"aws:SourceAccount": self.account}}
        principal = iam.ServicePrincipal(service)
        self.topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                conditions=ours,
                principals=[principal],
                resources=[self.topic.topic_arn],
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                conditions=ours,
                principals=[principal],
                # In a key's own policy it means this key, and nothing else.
                resources=["*"],
            )
        )

    def _budget(self, settings: StageSettings) -> None:
        def notification(
            kind: str, share: int
        ) -> budgets.CfnBudget.NotificationWithSubscribersProperty:
            return budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type=kind,
                    threshold=share,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[
                    budgets.CfnBudget.SubscriberProperty(
                        address=self.topic.topic_arn, subscription_type="SNS"
                    )
                ],
            )

        budgets.CfnBudget(
            self,
            "Budget",
            budget=budgets.CfnBudget.BudgetDataProperty(
                # The page of the runbooks that its message leads to: a budget has no description.
                budget_name=f"huntaze-{settings.stage.value}-monthly-budget",
                budget_limit=budgets.CfnBudget.SpendProperty(
                    amount=settings.monthly_budget_usd, unit="USD"
                ),
                budget_type="COST",
                time_unit="MONTHLY",
            ),
            notifications_with_subscribers=[
                *(notification("ACTUAL", share) for share in _ACTUAL),
                notification("FORECASTED", _FORECAST),
            ],
        )
