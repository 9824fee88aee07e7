"""The functions of the features, what each may do, and the routes that reach them."""

from aws_cdk import Duration
from constructs import Construct

from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_parts import FeatureParts, FunctionParts, run_every_minute
from stacks.features.analytics import add_analytics
from stacks.features.assistant import add_assistant
from stacks.features.assistant_chat import add_assistant_chat
from stacks.features.assistant_config import add_assistant_config
from stacks.features.auth import add_auth
from stacks.features.automations import add_automations
from stacks.features.billing import add_billing
from stacks.features.campaigns import add_campaigns
from stacks.features.chatbot import add_chatbot
from stacks.features.content import add_content
from stacks.features.content_generation import add_content_generation
from stacks.features.conversations import add_conversations
from stacks.features.costs import add_costs
from stacks.features.docs import add_docs
from stacks.features.fans import add_fans
from stacks.features.management import add_management
from stacks.features.money import add_money
from stacks.features.notifications import add_notifications
from stacks.features.oauth import add_oauth
from stacks.features.onboarding import add_onboarding
from stacks.features.operators import add_operators
from stacks.features.platforms import add_platforms
from stacks.features.realtime import add_realtime
from stacks.features.segments import add_segments
from stacks.features.uploads import add_uploads
from stacks.layers import Layers
from stacks.messaging import Messaging
from stacks.migration import Migration
from stacks.network import Network
from stacks.permissions import keys, queues
from stacks.role_passwords import RolePasswords
from stacks.routes import RouteTable
from stacks.settings import StageSettings
from stacks.socket_api import SocketApi
from stacks.stage_stack import StageStack
from stacks.token_keys import TokenKeys

_FEATURES = (
    add_docs,
    add_auth,
    add_oauth,
    add_management,
    add_onboarding,
    add_platforms,
    add_fans,
    add_money,
    add_segments,
    add_campaigns,
    add_automations,
    add_conversations,
    add_chatbot,
    add_content,
    add_uploads,
    add_content_generation,
    add_assistant_config,
    add_assistant_chat,
    add_analytics,
    add_notifications,
    add_realtime,
    add_billing,
    add_operators,
    add_costs,
    add_assistant,
)


class Functions(StageStack):
    """The stateless half of the stage: functions and their roles."""

    def __init__(
        self,
        scope: Construct,
        settings: StageSettings,
        *,
        database: Database,
        data: Data,
        messaging: Messaging,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, "Functions", settings, description="Huntaze: functions and roles")
        layers = Layers(self, "Layers", settings)
        migration = Migration(
            self,
            "Migration",
            settings=settings,
            layers=layers,
            database=database,
            network=network,
        )
        RolePasswords(
            self,
            "RolePasswords",
            settings=settings,
            layers=layers,
            database=database,
            migration=migration,
            network=network,
        )
        place = network.functions if network else None
        base = FunctionParts(self, settings, database, layers, migration, place)
        self.outbox_relay = base.function(
            "OutboxRelay",
            "outbox_relay",
            DatabaseRole.RELAY,
            environment={"EVENT_BUS_NAME": messaging.bus.event_bus_name},
            timeout=Duration.seconds(60),
        )
        messaging.bus.grant_put_events_to(self.outbox_relay)
        run_every_minute("OutboxSweep", self.outbox_relay)
        lanes = base.function(
            "Lanes",
            "lanes",
            DatabaseRole.RELAY,
            environment={"PERIODIC_SYNC": str(settings.periodic_sync).lower()},
        )
        queues.wake_lanes(lanes, messaging)
        queues.queue_platform_events(lanes, messaging)
        run_every_minute("LaneSweep", lanes)
        token_keys = TokenKeys(self, "TokenKeys", settings=settings, layers=layers, data=data)
        self.authorizer = base.function("Authorizer", "authorizer", DatabaseRole.AUTHORIZER)
        keys.check_tokens(self.authorizer, data)
        token_keys.precede(self.authorizer)
        self.routes = RouteTable()
        self.sockets = SocketApi(self, "Sockets", settings)
        parts = FeatureParts(
            self,
            settings,
            database,
            layers,
            migration,
            place,
            data=data,
            messaging=messaging,
            routes=self.routes,
            outbox_relay=self.outbox_relay,
            token_keys=token_keys,
            sockets=self.sockets,
        )
        for add_feature in _FEATURES:
            add_feature(parts)
