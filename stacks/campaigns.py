"""Campaigns in motion: the state machine, the function of its steps and the sweeper."""

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
from stacks.database import Database, DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import run_every_minute
from stacks.layers import Layers
from stacks.messaging import Messaging
from stacks.network import Network
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

# What may let a waiting campaign go on; the sweep of each minute finds it otherwise.
_MOVES_CAMPAIGNS = ["lane.drained", "campaign.decided", "campaign.delivery_awaited"]


class Campaigns(StageStack):
    """The state machine and what drives it."""

    def __init__(
        self,
        scope: Construct,
        settings: StageSettings,
        *,
        database: Database,
        messaging: Messaging,
        outbox_relay: FeatureFunction,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, "Campaigns", settings, description="Huntaze: campaign workflow")
        self._settings = settings
        self._place = network.functions if network else None
        self._layers = Layers(self, "Layers", settings)

        steps = self._function("Tasks", "functions.campaigns.tasks.handler.handler", minutes=5)
        database.admit(steps, DatabaseRole.APP)
        permissions.wake_lanes(steps, messaging)
        permissions.nudge_outbox(steps, outbox_relay)
        self._state_machine(steps)

        sweep = self._function("Sweep", "functions.campaigns.sweep.handler.handler", minutes=1)
        database.admit(sweep, DatabaseRole.APP)
        permissions.start_campaigns(sweep, settings)
        permissions.release_campaigns(sweep, settings)
        self._when_campaigns_move(sweep, messaging)

    def _function(self, construct_id: str, handler: str, *, minutes: int) -> FeatureFunction:
        return FeatureFunction(
            self,
            construct_id,
            settings=self._settings,
            layers=self._layers,
            handler=handler,
            network=self._place,
            timeout=Duration.minutes(minutes),
        )

    def _state_machine(self, steps: FeatureFunction) -> None:
        role = iam.Role(
            self, "MachineRole", assumed_by=iam.ServicePrincipal("states.amazonaws.com")
        )
        machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=state_machine_name(self._settings),
            definition_body=sfn.DefinitionBody.from_chainable(
                CampaignSteps(self, "Steps", steps).definition
            ),
            logs=self._machine_logs(),
            role=role,
            tracing_enabled=self._settings.on_aws,
        )
        acknowledge_wildcard(role, f"{steps.function_arn}:*", "the versions of one function")
        if self._settings.on_aws:
            acknowledge_wildcard(role, "*", "X-Ray and log deliveries have no resource level")
        else:
            acknowledge(machine, "SF1", NO_LOGS_LOCALLY)
            acknowledge(machine, "SF2", NO_TRACES_LOCALLY)
            acknowledge(
                machine, "StepFunctionStateMachineXray", NO_TRACES_LOCALLY, pack="Serverless"
            )

    def _machine_logs(self) -> sfn.LogOptions | None:
        if not self._settings.on_aws:
            return None
        return sfn.LogOptions(
            # Step Functions may write to log groups of this prefix without a policy of theirs.
            destination=logs.LogGroup(
                self,
                "MachineLogs",
                log_group_name=f"/aws/vendedlogs/states/{state_machine_name(self._settings)}",
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
