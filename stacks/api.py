"""The functions behind the routes, what each may do, and the REST API in front of them."""

from aws_cdk import CfnOutput, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks import permissions
from stacks.build import ROOT
from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_function import API_TIMEOUT, FeatureFunction
from stacks.layers import Layers
from stacks.messaging import Messaging
from stacks.migration import Migration
from stacks.rest_api import RestApi
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

_EVERY_MINUTE = events.Schedule.rate(Duration.minutes(1))

# The routes with which a stranger becomes somebody, and the ones that describe the API.
_PUBLIC_AUTH = (
    *("register", "login", "refresh", "verify-email", "resend-verification"),
    *("forgot-password", "reset-password", "magic-link", "magic-link/consume"),
)
_DOCS = ("/api/docs", "/api/openapi.json", "/api/health")


def below(*paths: str) -> list[str]:
    """Each path and everything below it."""
    return [route for path in paths for route in (path, f"{path}/{{proxy+}}")]


class Api(StageStack):
    """The stateless half of the stage: functions, roles and routes."""

    def __init__(
        self,
        scope: Construct,
        settings: StageSettings,
        *,
        database: Database,
        data: Data,
        messaging: Messaging,
    ) -> None:
        super().__init__(scope, "Api", settings, description="Huntaze: functions and routes")
        self._settings = settings
        self._database = database
        self._data = data
        self._messaging = messaging
        self._layers = Layers(self, "Layers", settings)
        self._migration = Migration(
            self, "Migration", settings=settings, layers=self._layers, database=database
        )
        self.outbox_relay = self._outbox_relay()
        self._lanes()
        authorizer = self._function("Authorizer", "authorizer", DatabaseRole.AUTHORIZER)
        self._sign_tokens(authorizer)
        self._rest = RestApi(self, "Routes", settings=settings, authorizer=authorizer)
        self._docs()
        self._auth()
        self._management()
        self._platforms()
        self._fans()
        self._segments()
        self._campaigns()
        self._conversations()
        self._content()
        CfnOutput(self, "ApiUrl", value=self._rest.url)

    def _function(
        self,
        construct_id: str,
        slice_name: str,
        role: DatabaseRole,
        *,
        environment: dict[str, str] | None = None,
        memory_mb: int = 512,
        timeout: Duration = API_TIMEOUT,
    ) -> FeatureFunction:
        function = FeatureFunction(
            self,
            construct_id,
            settings=self._settings,
            layers=self._layers,
            handler=f"functions.{slice_name}.handler.handler",
            environment=environment,
            memory_mb=memory_mb,
            timeout=timeout,
        )
        self._database.admit(function, role)
        self._migration.precede(function)
        return function

    def _outbox_relay(self) -> FeatureFunction:
        relay = self._function(
            "OutboxRelay",
            "outbox_relay",
            DatabaseRole.RELAY,
            environment={"EVENT_BUS_NAME": self._messaging.bus.event_bus_name},
            timeout=Duration.seconds(60),
        )
        self._messaging.bus.grant_put_events_to(relay)
        self._every_minute("OutboxSweep", relay)
        return relay

    def _lanes(self) -> None:
        lanes = self._function("Lanes", "lanes", DatabaseRole.RELAY)
        permissions.wake_lanes(lanes, self._messaging)
        self._every_minute("LaneSweep", lanes)

    def _every_minute(self, construct_id: str, function: FeatureFunction) -> None:
        events.Rule(
            self,
            construct_id,
            schedule=_EVERY_MINUTE,
            # The next minute repeats the work: a late retry would only add to it.
            targets=[targets.LambdaFunction(function, retry_attempts=0)],
        )

    def _sign_tokens(self, function: FeatureFunction) -> None:
        function.add_environment("TOKEN_KEYS_SECRET_ARN", self._data.token_keys.arn)
        self._data.token_keys.grant_value(function)

    def _docs(self) -> None:
        docs = FeatureFunction(
            self,
            "Docs",
            settings=self._settings,
            layers=self._layers,
            handler="functions.docs.handler.handler",
            extra_files=[ROOT / "docs" / "openapi.json"],
            memory_mb=256,
        )
        self._rest.serve(docs, _DOCS, method="GET", public=True)

    def _auth(self) -> None:
        auth = self._function(
            "Auth",
            "auth",
            DatabaseRole.IDENTITY,
            environment={"ALLOWED_ORIGINS": ",".join(self._settings.allowed_origins)},
            # Argon2 works in proportion to the processor that comes with the memory.
            memory_mb=1024,
        )
        self._sign_tokens(auth)
        public = [f"/api/auth/{name}" for name in _PUBLIC_AUTH]
        self._rest.serve(auth, public, method="POST", public=True)
        self._rest.serve(
            auth,
            ["/api/auth/me", "/api/auth/logout", "/api/auth/sessions", "/api/auth/sessions/{id}"],
        )

    def _management(self) -> None:
        management = self._function("Management", "management", DatabaseRole.APP)
        if self._settings.lane_limits is not None:
            management.add_environment("LANE_LIMITS", self._settings.lane_limits)
        permissions.nudge_outbox(management, self.outbox_relay)
        self._rest.serve(management, ["/api/management/{proxy+}"])

    def _platforms(self) -> None:
        platforms = self._function("Platforms", "platforms", DatabaseRole.APP)
        permissions.write_creator_credentials(platforms, self._data)
        permissions.write_browser_sessions(platforms, self._data)
        permissions.wake_lanes(platforms, self._messaging)
        names = ("connect", "connect/code", "session", "resume", "sync", "disconnect", "status")
        self._rest.serve(platforms, [f"/api/of/{name}" for name in names])

    def _fans(self) -> None:
        fans = self._function(
            "Fans",
            "fans",
            DatabaseRole.APP,
            environment={"UPLOADS_BUCKET": self._data.uploads.bucket_name},
            timeout=Duration.seconds(60),
        )
        permissions.read_objects(fans, self._data.uploads)
        permissions.write_objects(fans, self._data.uploads)
        self._rest.serve(
            fans,
            below(
                "/api/crm/fans",
                "/api/crm/transactions",
                "/api/crm/lists",
                "/api/onlyfans/subscribers",
            ),
        )

    def _segments(self) -> None:
        segments = self._function("Segments", "segments", DatabaseRole.APP)
        self._rest.serve(segments, below("/api/marketing/segments"))

    def _campaigns(self) -> None:
        campaigns = self._function("Campaigns", "campaigns.api", DatabaseRole.APP)
        permissions.start_campaigns(campaigns, self._settings)
        permissions.stop_campaigns(campaigns, self._settings)
        permissions.wake_lanes(campaigns, self._messaging)
        permissions.nudge_outbox(campaigns, self.outbox_relay)
        self._rest.serve(campaigns, below("/api/marketing/campaigns", "/api/of/campaigns"))

    def _conversations(self) -> None:
        conversations = self._function("Conversations", "conversations", DatabaseRole.APP)
        permissions.wake_lanes(conversations, self._messaging)
        permissions.nudge_outbox(conversations, self.outbox_relay)
        self._rest.serve(
            conversations,
            [
                *below("/api/of/send", "/api/of/inbox", "/api/of/threads"),
                *below("/api/crm/conversations"),
                "/api/messages/{proxy+}",
            ],
        )

    def _content(self) -> None:
        content = self._function("Content", "content", DatabaseRole.APP)
        self._rest.serve(content, below("/api/content"))
