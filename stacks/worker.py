"""The browser worker: what it may do, and the environment that it starts with."""

from aws_cdk import CfnOutput
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks import permissions
from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.messaging import Messaging
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

METRICS_NAMESPACE = "Huntaze/Sending"


class Worker(StageStack):
    """The task role; whoever starts the worker starts it with this role's credentials."""

    def __init__(
        self,
        scope: Construct,
        settings: StageSettings,
        *,
        database: Database,
        data: Data,
        messaging: Messaging,
        outbox_relay: FeatureFunction,
    ) -> None:
        super().__init__(scope, "Worker", settings, description="Huntaze: browser worker")
        role = iam.Role(self, "TaskRole", assumed_by=_whoever_starts_it(self, settings))
        database.grant_login(role, DatabaseRole.WORKER)
        permissions.use_browser_sessions(role, data)
        permissions.read_creator_credentials(role, data)
        permissions.allow(
            role,
            [
                "sqs:ReceiveMessage",
                "sqs:DeleteMessage",
                "sqs:ChangeMessageVisibility",
                "sqs:GetQueueAttributes",
                "sqs:SendMessage",
            ],
            [messaging.lanes.queue_arn],
        )
        permissions.allow(role, ["lambda:InvokeFunction"], [outbox_relay.function_arn])
        permissions.read_objects(role, data.uploads)
        permissions.write_objects(role, data.screenshots)
        permissions.allow(
            role,
            ["cloudwatch:PutMetricData"],
            ["*"],
            # The stand-in for AWS knows no such condition and would refuse every metric.
            {"StringEquals": {"cloudwatch:namespace": METRICS_NAMESPACE}}
            if settings.on_aws
            else None,
            because="metrics have no resource level; the namespace is the boundary",
        )
        environment = {
            "STAGE": settings.stage.value,
            **database.login_environment(DatabaseRole.WORKER),
            "LANES_QUEUE_URL": messaging.lanes.queue_url,
            "OF_SESSIONS_TABLE": data.tables["of-sessions"].table_name,
            "SESSIONS_KEY_ARN": data.keys["sessions"].key_arn,
            "CREDENTIALS_KEY_ARN": data.keys["credentials"].key_arn,
            "UPLOADS_BUCKET": data.uploads.bucket_name,
            "SCREENSHOTS_BUCKET": data.screenshots.bucket_name,
            "EVENT_BUS_NAME": messaging.bus.event_bus_name,
            "OUTBOX_RELAY_FUNCTION": outbox_relay.function_name,
        }
        CfnOutput(self, "WorkerTaskRoleArn", value=role.role_arn)
        CfnOutput(self, "WorkerEnvironment", value=self.to_json_string(environment))


def _whoever_starts_it(stack: StageStack, settings: StageSettings) -> iam.IPrincipal:
    if settings.on_aws:
        return iam.ServicePrincipal("ecs-tasks.amazonaws.com")
    # On one machine the launcher stands in for ECS: it assumes the role for the process.
    return iam.AccountPrincipal(stack.account)
