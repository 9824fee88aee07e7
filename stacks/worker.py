"""The browser worker: what it may do, and the environment that it starts with."""

import json

from aws_cdk import CfnOutput
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.messaging import Messaging
from stacks.network import Network
from stacks.permissions import calls, files, grants, keys, queues
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack
from stacks.worker_service import WorkerService


class Worker(StageStack):
    """The task role and, on AWS, the service that runs tasks with it.

    On one machine the launcher starts a worker with the role and the environment of the outputs.
    """

    def __init__(
        self,
        scope: Construct,
        settings: StageSettings,
        *,
        database: Database,
        data: Data,
        messaging: Messaging,
        outbox_relay: FeatureFunction,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, "Worker", settings, description="Huntaze: browser worker")
        role = iam.Role(self, "TaskRole", assumed_by=_whoever_starts_it(self, settings))
        database.grant_login(role, DatabaseRole.WORKER)
        keys.use_browser_sessions(role, data)
        keys.read_creator_credentials(role, data)
        queues.drain_lanes(role, messaging)
        grants.allow(role, ["lambda:InvokeFunction"], [outbox_relay.function_arn])
        files.write_objects(role, data.screenshots)
        environment = {
            "STAGE": settings.stage.value,
            **database.login_environment(DatabaseRole.WORKER),
            "LANES_QUEUE_URL": messaging.lanes.queue_url,
            "OF_SESSIONS_TABLE": data.tables["of-sessions"].table_name,
            "SESSIONS_KEY_ARN": data.keys["sessions"].key_arn,
            "SCREENSHOTS_BUCKET": data.screenshots.bucket_name,
            "OUTBOX_RELAY_FUNCTION": outbox_relay.function_name,
        }
        if settings.on_aws:
            calls.send_traces(role)
            environment["TRACES"] = "true"
        if settings.fan_platform_url is not None:
            pages = {"fan_platform": settings.fan_platform_url}
            environment["SITE_BASE_URLS"] = json.dumps(pages)
        self.service: ecs.FargateService | None = None
        self.cluster: ecs.Cluster | None = None
        if network is not None and settings.worker is not None:
            workers = WorkerService(
                self,
                "Workers",
                settings=settings,
                workers=settings.worker,
                place=network.workers,
                task_role=role,
                environment=environment,
            )
            self.service, self.cluster = workers.service, workers.cluster
        CfnOutput(self, "WorkerTaskRoleArn", value=role.role_arn)
        CfnOutput(self, "WorkerEnvironment", value=self.to_json_string(environment))


def _whoever_starts_it(stack: StageStack, settings: StageSettings) -> iam.IPrincipal:
    if settings.on_aws:
        return iam.ServicePrincipal("ecs-tasks.amazonaws.com")
    # On one machine the launcher stands in for ECS: it assumes the role for the process.
    return iam.AccountPrincipal(stack.account)
