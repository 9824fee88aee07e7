"""All doors of the API without AWS behind them, and full workspaces to ask them about."""

import importlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest

from functions.assistant.chat import handler as chat
from functions.assistant.chat.models import AssistantStep, Saying
from functions.auth import handler as auth
from functions.auth.link_repository import PostgresLinks
from functions.auth.oauth import handler as oauth
from functions.auth.oauth.repository import PostgresOAuth
from functions.billing.api import handler as billing
from functions.billing.records import CheckoutPage
from functions.campaigns.hybrid import routes as hybrid
from functions.content.pipelines import routes as pipelines
from functions.conversations import callers as conversation_callers
from functions.management import callers as management_callers
from huntaze import ai, clients, http
from huntaze.db import Connection, SingleConnection
from huntaze.flags import flags
from huntaze.ids import new_id
from huntaze.settings import load
from local.oauth import provider_settings
from tests.fakes import token_keys
from tests.fakes.chat_writer import ChatWriter
from tests.fakes.full_workspace.filling import FullWorkspace
from tests.fakes.noted_writer import NotedWriter
from tests.fakes.willing_writer import WillingWriter
from tests.integration.matrix.document import OPERATIONS, named_refusals
from tests.integration.matrix.entries import MATRIX
from tests.integration.matrix.entry import Ids

NOTHING_KNOWN = Saying(kind="no_data", text="Nothing is known.")
TAGS = (
    "analytics",
    "content",
    "conversations",
    "fans",
    "management",
    "onboarding",
    "platforms",
    "segments",
)
DOORS = {
    "ai-chat": chat,
    "ai-config": importlib.import_module("functions.assistant.config.handler"),
    "costs": importlib.import_module("functions.assistant.costs.handler"),
    "auth": auth,
    "automations": importlib.import_module("functions.automations.api.handler"),
    "billing": billing,
    "oauth": oauth,
    "chatbot": importlib.import_module("functions.chatbot.api.handler"),
    "campaigns": importlib.import_module("functions.campaigns.api.handler"),
    "notifications": importlib.import_module("functions.notifications.api.handler"),
    "realtime": importlib.import_module("functions.realtime.api.handler"),
    "generation": importlib.import_module("functions.content.generation.handler"),
    "uploads": importlib.import_module("functions.uploads.api.handler"),
    "docs": importlib.import_module("functions.docs.handler"),
    "operators": importlib.import_module("functions.operators.api.handler"),
    **{tag: importlib.import_module(f"functions.{tag}.handler") for tag in TAGS},
}
SETTINGS = (
    *("CAMPAIGN_STATE_MACHINE_ARN", "HYBRID_STATE_MACHINE_ARN"),
    "PIPELINE_STATE_MACHINE_ARN",
    *("LANES_QUEUE_URL", "OUTBOX_RELAY_FUNCTION"),
    *("CREDENTIALS_PREFIX", "CREDENTIALS_KEY_ARN", "OF_SESSIONS_TABLE", "SESSIONS_KEY_ARN"),
    *("IMPORTS_BUCKET", "IMPORTS_QUEUE_URL"),
    *("MEDIA_BUCKET", "UPLOADS_BUCKET", "ENRICHMENT_QUEUE_URL"),
    *("EXPORTS_BUCKET", "EXPORTS_KEY_ARN", "EXPORTS_QUEUE_URL", "ERASURES_QUEUE_URL"),
    *("EMAIL_QUEUE_URL", "FEATURE_FLAGS_TABLE", "CIRCUIT_BREAKERS_TABLE"),
    *("APP_URL", "OAUTH_CALLBACK_URL", "OAUTH_SECRETS_ARN"),
    *("CONNECTIONS_TABLE", "REALTIME_URL"),
)


class Answer(NamedTuple):
    """What API Gateway gets back."""

    status: int
    text: str


@pytest.fixture(autouse=True)
def wired(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The doors on the test's database, with nothing of AWS behind them."""
    roles = ("app", "identity", "auditor")
    app, identity, auditor = (SingleConnection(lambda r=role: as_role(r)) for role in roles)
    for tag, door in DOORS.items():
        if tag not in ("auth", "conversations", "docs", "management", "oauth"):
            monkeypatch.setattr(door, "database", lambda: app)
    for module in (hybrid, pipelines, conversation_callers, management_callers):
        monkeypatch.setattr(module, "database", lambda: app)
    monkeypatch.setattr(DOORS["operators"], "database", lambda: auditor)
    # Where replies are kept; `test_sessions` shows that the doors of accounts keep none.
    monkeypatch.setattr(http, "database", lambda: app)
    auth.app.dependency_overrides[auth.stored_accounts] = lambda: PostgresLinks(identity)
    oauth.app.dependency_overrides[oauth.stored_accounts] = lambda: PostgresOAuth(identity)
    monkeypatch.setenv("OAUTH_PROVIDERS", provider_settings("https://idp.example"))
    token_keys.use(monkeypatch)
    desk = Mock()
    desk.price_id.return_value = "price"
    desk.portal_url.return_value = "https://pay.example.com/"
    desk.pages.return_value, desk.has_subscription.return_value = [], False
    desk.open_page.return_value = CheckoutPage("cs_1", None, "https://pay.example.com/")
    billing.app.dependency_overrides[billing.stripe_desk] = lambda: desk
    generation = DOORS["generation"].app.dependency_overrides
    generation[DOORS["generation"].model_writer] = WillingWriter
    writer = NotedWriter(app, AssistantStep(calls=[], answer=NOTHING_KNOWN))
    chat.app.dependency_overrides[chat.models] = lambda: writer
    monkeypatch.setattr(ai, "writer", lambda: ChatWriter(app))
    for name in ("dynamodb", "events", "functions", "secrets"):
        monkeypatch.setattr(clients, name, Mock())
    clients.dynamodb().get_item.return_value = {}
    clients.dynamodb().get_paginator().paginate.return_value = []
    bucket = Mock()
    found = {"ETag": "e", "ContentLength": 1, "ContentType": "image/jpeg"}
    bucket.head_object.return_value = found
    bucket.generate_presigned_url.return_value = "https://bucket/key"
    bucket.generate_presigned_post.return_value = {"url": "https://bucket", "fields": {"key": "k"}}
    monkeypatch.setattr(clients, "s3", lambda: bucket)
    machine, kms, queue = Mock(), Mock(), Mock()
    queue.send_message_batch.return_value = {"Successful": []}
    monkeypatch.setattr(clients, "sqs", lambda: queue)
    machine.start_execution.return_value = {"executionArn": "arn"}
    kms.generate_data_key.return_value = {"Plaintext": bytes(32), "CiphertextBlob": b"sealed"}
    monkeypatch.setattr(clients, "step_functions", lambda: machine)
    monkeypatch.setattr(clients, "kms", lambda: kms)
    for name in SETTINGS:
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("ALLOWED_ORIGINS", "https://app.example.com")
    load.cache_clear()
    flags.cache_clear()
    yield
    auth.app.dependency_overrides.clear()
    generation.clear()
    billing.app.dependency_overrides.clear()
    chat.app.dependency_overrides.clear()
    oauth.app.dependency_overrides.clear()
    load.cache_clear()


@pytest.fixture
def call(api_event, lambda_context) -> Callable[..., Answer]:
    """Ask an operation; ids fill in its path."""

    def make(method: str, path: str, ids: Ids, who: dict[str, str] | None, **event: Any) -> Answer:
        door = DOORS[OPERATIONS[method, path]["tags"][0]]
        if MATRIX[method, path].ended:
            ids = {**ids, "campaign_id": ids.get("ended_campaign_id", ids["campaign_id"])}
        # Repeatable or not, every request that changes something may have a key.
        keyed = {} if method == "get" else {"Idempotency-Key": str(new_id())}
        sent = api_event(
            method.upper(), path.format_map(ids), principal=who, headers=keyed, **event
        )
        answer = door.handler(sent, lambda_context)
        status, text = int(answer["statusCode"]), answer["body"] or ""
        if status >= 400:
            assert json.loads(text)["error"] in named_refusals(method, path, status), text
        return Answer(status, text)

    return make


@pytest.fixture
def workspace(as_role, tenant, tenant_factory, principal) -> Callable[[], Any]:
    """Make a full workspace; answers its ids and how its members call."""

    def make() -> tuple[Ids, Callable[..., dict[str, str]]]:
        made = tenant_factory()
        filler = FullWorkspace(as_role, tenant(made.workspace_id), made.user_id, made.creator_id)
        ids = {**filler.fill(), "workspace_id": str(made.workspace_id)}

        def member(
            role: str = "owner", creators: list[Any] | None = None, *, operator: bool = False
        ) -> dict[str, str]:
            context = principal(
                made.workspace_id,
                user_id=made.user_id,
                role=role,
                creators=creators,
                operator=operator,
            )
            return {**context, "session_id": ids["session_id"]}

        return ids, member

    return make


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    """Workspaces that no test changes, so that one of each is enough."""
    return {}


@pytest.fixture
def standing(kept, workspace) -> Callable[..., Any]:
    """A full workspace for tests that are refused."""
    return lambda name="mine": kept.get(name) or kept.setdefault(name, workspace())


@pytest.fixture
def stranger(tenant_factory, principal) -> dict[str, str]:
    """The owner of another workspace, which has a creator and nothing else."""
    made = tenant_factory()
    return principal(made.workspace_id, user_id=made.user_id)
