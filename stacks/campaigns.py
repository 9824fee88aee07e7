"""Campaigns in motion: the state machines, the functions of their steps and the sweeper."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.campaign_state_machine import CampaignSteps
from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_function import FeatureFunction
from stacks.feature_parts import run_every_minute
from stacks.layers import Layers
from stacks.messaging import Messaging
from stacks.model_state_machines import hybrid_steps
from stacks.network import Network
from stacks.permissions import calls, queues
from stacks.permissions.models import ask_models
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack
from stacks.step_machine import Machine, add_machine

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
        queues.wake_lanes(steps, messaging)
        calls.nudge_outbox(steps, outbox_relay)
        states = CampaignSteps(self, "Steps", steps)
        add_machine(self, "Machine", settings, Machine.CAMPAIGN, states)
        hybrid = self._hybrid_steps(database, data, outbox_relay)
        prepared = hybrid_steps(self, "HybridSteps", hybrid)
        add_machine(self, "HybridMachine", settings, Machine.HYBRID, prepared)

        sweep = self._function("Sweep", "functions.campaigns.sweep.handler.handler", seconds=60)
        database.admit(sweep, DatabaseRole.APP)
        calls.start_executions(sweep, settings, Machine.CAMPAIGN)
        calls.start_executions(sweep, settings, Machine.HYBRID)
        calls.release_campaigns(sweep, settings)
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
        calls.start_executions(steps, self._settings, Machine.CAMPAIGN)
        calls.nudge_outbox(steps, outbox_relay)
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
