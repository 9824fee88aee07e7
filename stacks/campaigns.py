"""Campaigns in motion: the state machines, the functions of their steps and the sweeper."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks import permissions
from stacks.acknowledge import (
    NO_LOGS_LOCALLY,
    NO_TRACES_LOCALLY,
    acknowledge,
    acknowledge_wildcard,
)
from stacks.campaign_state_machine import CampaignSteps, state_machine_name
from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import run_every_minute
from stacks.hybrid_state_machine import HybridSteps, hybrid_machine_name
from stacks.layers import Layers
from stacks.messaging import Messaging
from stacks.model_permissions import ask_models
from stacks.network import Network
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

# What may let a waiting campaign go on; the sweep of each minute finds it otherwise.
_MOVES_CAMPAIGNS = [
    *("lane.drained", "campaign.decided", "campaign.delivery_awaited"),
    # An automation says that it is time for one.
    "automation.campaign_due",
]


class Campaigns(StageStack):
    """The state machine and what drives it."""

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
        super().__init__(scope, "Campaigns", settings, description="Huntaze: campaign workflow")
        self._settings = settings
        self._place = network.functions if network else None
        self._layers = Layers(self, "Layers", settings)

        steps = self._function("Tasks", "functions.campaigns.tasks.handler.handler", seconds=300)
        database.admit(steps, DatabaseRole.APP)
        permissions.wake_lanes(steps, messaging)
        permissions.nudge_outbox(steps, outbox_relay)
        self._state_machine(
            "Machine",
            state_machine_name(settings),
            CampaignSteps(self, "Steps", steps).definition,
            steps,
        )
        hybrid = self._hybrid_steps(database, data, outbox_relay)
        self._state_machine(
            "HybridMachine",
            hybrid_machine_name(settings),
            HybridSteps(self, "HybridSteps", hybrid).definition,
            hybrid,
        )

        sweep = self._function("Sweep", "functions.campaigns.sweep.handler.handler", seconds=60)
        database.admit(sweep, DatabaseRole.APP)
        permissions.start_campaigns(sweep, settings)
        permissions.start_hybrids(sweep, settings)
        permissions.release_campaigns(sweep, settings)
        self._when_campaigns_move(sweep, messaging)

    def _hybrid_steps(
        self, database: Database, data: Data, outbox_relay: FeatureFunction
    ) -> FeatureFunction:
        steps = self._function(
            "HybridTasks",
            "functions.campaigns.hybrid.tasks.handler.handler",
            # Less than what holds a step for whoever has died with it.
            seconds=100,
            heavy_packages=("openai",),
        )
        database.admit(steps, DatabaseRole.APP)
        ask_models(steps, self._settings, data)
        permissions.start_campaigns(steps, self._settings)
        permissions.nudge_outbox(steps, outbox_relay)
        return steps

    def _function(
        self,
        construct_id: str,
        handler: str,
        *,
        seconds: int,
        heavy_packages: Sequence[str] = (),
    ) -> FeatureFunction:
        return FeatureFunction(
            self,
            construct_id,
            settings=self._settings,
            layers=self._layers,
            handler=handler,
            heavy_packages=heavy_packages,
            network=self._place,
            timeout=Duration.seconds(seconds),
        )

    def _state_machine(
        self,
        construct_id: str,
        name: str,
        definition: sfn.IChainable,
        function: FeatureFunction,
    ) -> None:
        role = iam.Role(
            self, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com")
        )
        machine = sfn.StateMachine(
            self,
            construct_id,
            state_machine_name=name,
            definition_body=sfn.DefinitionBody.from_chainable(definition),
            logs=self._machine_logs(construct_id, name),
            role=role,
            tracing_enabled=self._settings.on_aws,
        )
        acknowledge_wildcard(role, f"{function.function_arn}:*", "the versions of one function")
        if self._settings.on_aws:
            acknowledge_wildcard(role, "*", "X-Ray and log deliveries have no resource level")
        else:
            acknowledge(machine, "SF1", NO_LOGS_LOCALLY)
            acknowledge(machine, "SF2", NO_TRACES_LOCALLY)
            acknowledge(
                machine, "StepFunctionStateMachineXray", NO_TRACES_LOCALLY, pack="Serverless"
            )

    def _machine_logs(self, construct_id: str, name: str) -> sfn.LogOptions | None:
        if not self._settings.on_aws:
            return None
        return sfn.LogOptions(
            # Step Functions may write to log groups of this prefix without a policy of theirs.
            destination=logs.LogGroup(
                self,
                f"{construct_id}Logs",
                log_group_name=f"/aws/vendedlogs/states/{name}",
                retention=self._settings.log_retention,
                removal_policy=self._settings.removal_policy,
            ),
            include_execution_data=False,
            level=sfn.LogLevel.ALL,
        )

    def _when_campaigns_move(self, sweep: FeatureFunction, messaging: Messaging) -> None:
        run_every_minute("EveryMinute", sweep)
        moved = events.Rule(
            self,
            "CampaignMoved",
            event_bus=messaging.bus,
            event_pattern=events.EventPattern(detail_type=_MOVES_CAMPAIGNS),
            targets=[targets.LambdaFunction(sweep)],
        )
        acknowledge(
            moved, "EventBusDLQ", "the sweep of the next minute finds it", pack="Serverless"
        )
