"""Every operation of the OpenAPI document, asked by those who may and by those who may not.

Who calls: nobody, each role, an operator of the platform, a member who sees the one creator or
another one only, and another workspace that has got hold of ids: in the path, in the query, in the
body.
"""

import base64
import importlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb

from functions.assistant.chat import handler as chat
from functions.assistant.chat.models import AssistantStep, Saying
from functions.auth import handler as auth
from functions.auth.link_repository import PostgresLinks
from functions.auth.oauth import handler as oauth
from functions.auth.oauth.repository import PostgresOAuth
from functions.billing.api import handler as billing
from functions.campaigns.hybrid import routes as hybrid
from functions.content.pipelines import routes as pipelines
from functions.conversations import callers as conversation_callers
from huntaze import ai, clients, http
from huntaze.auth import RIGHTS, Role
from huntaze.db import EVERY_MEMBER, Connection, SingleConnection, Tenant
from huntaze.flags import flags
from huntaze.ids import new_id
from huntaze.settings import load
from local.oauth import provider_settings
from tests.fakes import token_keys
from tests.fakes.chat_writer import ChatWriter
from tests.fakes.full_workspace.filling import FullWorkspace
from tests.fakes.full_workspace.rows import MARK
from tests.fakes.noted_writer import NotedWriter
from tests.fakes.willing_writer import WillingWriter
from tests.integration.route_matrix_entries import MATRIX, PUBLIC, Ids

DOCUMENT = json.loads((Path(__file__).parents[2] / "docs" / "openapi.json").read_text())
OPERATIONS = {
    (method, path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}
NOTHING_KNOWN = Saying(kind="no_data", text="Nothing is known.")
# What has no entry fails a test of its own.
PRIVATE = sorted(OPERATIONS.keys() & MATRIX.keys())
# What belongs to a workspace, and to people in it.
TENANT = [one for one in PRIVATE if not MATRIX[one].operator]
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
# What a message says, and to whom, is frozen before any key is looked at; a draft that waits has
# no message.
REFUSED = defaultdict(lambda: (psycopg.errors.ForeignKeyViolation,)) | dict.fromkeys(
    ("sends", "reply_drafts"), (psycopg.errors.ForeignKeyViolation, psycopg.errors.CheckViolation)
)
UNIQUE_TEXTS = {
    "suppressions": ("platform_key",),
    "fans": ("platform_id",),
    "fan_lists": ("name",),
    "segments": ("name",),
    "media": ("platform_media_id",),
    "transactions": ("transaction_id",),
    "idempotency_keys": ("key",),
}
# Fields of bodies that are called otherwise than what they name.
OF_MANY = {
    "media_ids": "media_id",
    "fan_ids": "fan_id",
    "creator_ids": "creator_id",
    "segment_ids": "segment_id",
}
OF_ONE = {"assigned_to": "member_id"}
GENERATED = {"handle_key", "name_key", "last_name_key", "email_key", "moved_at", "words"}

WITH_BODY = [one for one in PRIVATE if MATRIX[one].body is not None]
WITH_PATH = [one for one in PRIVATE if "{" in one[1]]


def each(operations: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Ask a test of every operation of a list."""
    return pytest.mark.parametrize(
        ("method", "path"), operations, ids=[" ".join(operation) for operation in operations]
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
        if tag not in ("auth", "conversations", "docs", "oauth"):
            monkeypatch.setattr(door, "database", lambda: app)
    for module in (hybrid, pipelines, conversation_callers):
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
    desk.checkout_url.return_value = desk.portal_url.return_value = "https://pay.example.com/"
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
            assert json.loads(text)["error"] in _named(method, path, status), text
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


def test_every_operation_has_an_entry():
    assert MATRIX.keys() | PUBLIC == OPERATIONS.keys()
    for method, path in PRIVATE:
        body = MATRIX[method, path].body
        assert ("requestBody" in OPERATIONS[method, path]) == (body is not None), path


@each(PRIVATE)
def test_the_document_names_the_right(method, path):
    entry, named = MATRIX[method, path], OPERATIONS[method, path].get("x-rights", [])
    assert (entry.right in named) if entry.right else (named == [])


@each(WITH_BODY)
def test_takes_the_example_of_the_document(call, workspace, method, path):
    """Whatever there is none of, or is in no state for it: the body itself is well."""
    ids, member = workspace()
    media = OPERATIONS[method, path]["requestBody"]["content"]["application/json"]
    if "examples" in media:
        shared = media["examples"]["typical"]["$ref"].rpartition("/")[2]
        example = DOCUMENT["components"]["examples"][shared]["value"]
    else:
        example = media["example"]
    status, text = call(method, path, ids, member(), body=example)
    assert status not in (400, 413, 415), text
    if status == 422:
        # A creator's or another thing's id, or a workspace's name, which is nobody's here.
        foreign = ("_id", "_ids", "workspace_name")
        assert all(name.endswith(foreign) for name in json.loads(text).get("fields", {}))


@each(PRIVATE)
def test_refuses_strangers_whatever_they_send(call, method, path):
    ids = dict.fromkeys(_path_names(path), str(new_id()))
    for body in (None, "{", "[]", "{}"):
        assert call(method, path, ids, None, body=body).status == 401


@each(PRIVATE)
@pytest.mark.parametrize("role", list(Role))
def test_allows_what_the_role_may_and_nothing_else(call, workspace, standing, method, path, role):
    entry = MATRIX[method, path]
    may = not entry.operator and (entry.right is None or entry.right in RIGHTS[role])
    ids, member = workspace() if may and method != "get" else standing()
    body = entry.body and entry.body(ids)
    status, text = call(method, path, ids, member(role), body=body)
    if may:
        assert status == 409 if entry.conflict else 200 <= status < 300, text
    else:
        assert status == 403
        assert MARK not in text


@each(PRIVATE)
def test_an_operator_in_no_workspace_reaches_no_workspace(
    call, standing, lone_operator, method, path
):
    ids, _ = standing()
    entry = MATRIX[method, path]
    if path.startswith("/api/auth/"):
        # About the person: their sessions and accounts, in whatever workspace.
        return
    status, text = call(method, path, ids, lone_operator, body=entry.body and entry.body(ids))
    assert MARK not in text
    if entry.operator:
        assert status == 200, text
    else:
        assert (status, json.loads(text)["error"]) == (403, "NoWorkspace")


@each(PRIVATE)
def test_an_operator_has_no_more_rights_in_a_workspace(call, standing, method, path):
    ids, member = standing()
    entry = MATRIX[method, path]
    who = member("analyst", operator=True)
    if entry.operator:
        body = entry.body and entry.body(ids)
        assert call(method, path, ids, who, body=body).status == 200
    elif entry.right not in {None, *RIGHTS[Role.ANALYST]}:
        assert call(method, path, ids, who, body=entry.body and entry.body(ids)).status == 403


@each(TENANT)
def test_lets_a_chatter_work_for_their_creator(call, workspace, standing, method, path):
    entry = MATRIX[method, path]
    may = entry.right is None or entry.right in RIGHTS[Role.CHATTER]
    ids, member = workspace() if may and method != "get" else standing()
    who = member("chatter", [ids["creator_id"]])
    status, text = call(method, path, ids, who, body=entry.body and entry.body(ids))
    if may:
        assert status == 409 if entry.conflict else 200 <= status < 300, text
    else:
        assert status == 403
        assert MARK not in text


@each([one for one in TENANT if not MATRIX[one].of_caller])
@pytest.mark.parametrize("role", ["manager", "chatter", "analyst"])
def test_hides_a_creator_from_who_works_for_another(call, standing, method, path, role):
    ids, member = standing()
    entry = MATRIX[method, path]
    body = entry.body and entry.body(ids)
    query = dict.fromkeys(_query_ids(method, path, only="creator_id"), ids["creator_id"])
    status, text = call(method, path, ids, member(role, [new_id()]), body=body, query=query or None)
    assert MARK not in text
    if entry.right not in RIGHTS[Role(role)]:
        assert status == 403
    elif (method, path) == ("post", "/api/management/creators"):
        assert status == 403, "who sees some creators only would not see the new one"
    elif "{" in path or query or "creator_id" in (body or {}):
        assert status == 404


@each(WITH_PATH)
def test_hides_what_the_path_names_from_others(call, standing, stranger, method, path):
    ids, _ = standing()
    own = {name: str(new_id()) for name in ids}
    body = MATRIX[method, path].body
    status, text = call(method, path, ids, stranger, body=body and body(own))
    assert status in (404, 422)
    assert MARK not in text


@each([one for one in PRIVATE if one[0] == "get"])
def test_hides_what_the_query_names_from_others(call, standing, stranger, method, path):
    ids, _ = standing()
    for name in _query_ids(method, path):
        value = ids[{"list": "list_id", "target_id": "creator_id"}.get(name, name)]
        status, text = call(method, path, ids, stranger, query={name: value})
        # A filter may just find nothing.
        assert status in (404, 422) or json.loads(text)["items"] == [], name
        assert MARK not in text


@each([one for one in PRIVATE if '"cursor"' in json.dumps(OPERATIONS[one].get("parameters"))])
def test_refuses_cursors_that_no_list_gave(call, standing, method, path):
    ids, member = standing()
    keys: list[Any] = [[], [""], ["a"], ["a", "b"], ["9" * 30, ids["fan_id"]], [1], {}, None]
    for cursor in ("x", "é", *map(_packed, keys)):
        status, text = call(method, path, ids, member(), query={"cursor": cursor})
        assert status == 400, (cursor, text)


@each([one for one in WITH_BODY if one in TENANT])
def test_takes_nothing_of_others_in_a_body(call, standing, method, path):
    theirs, _ = standing("theirs")
    ids, member = standing()
    for name in _body_ids(method, path):
        of = OF_MANY.get(name, name)
        foreign = theirs[OF_ONE.get(of, of)] if name == of else [theirs[of]]
        body = {**MATRIX[method, path].body(ids), name: foreign}
        status, text = call(method, path, ids, member(), body=body)
        # A filter may just find nothing.
        assert status in (404, 422) or json.loads(text)["items"] == [], name
        assert MARK not in text


@each(WITH_BODY)
def test_refuses_malformed_bodies(call, standing, method, path):
    ids, member = standing()
    good = MATRIX[method, path].body(ids)
    schema = _body_schema(method, path)
    bad: list[Any] = ["{", "[", "[]", '"x"', "1", {**good, "unheard_of": 1}]
    bad += [{k: v for k, v in good.items() if k != name} for name in schema.get("required", [])]
    # No field takes such a thing, but for those that take anything.
    odd = {"odd": [{"odd": None}]}
    free = {name for name, shape in schema["properties"].items() if shape.get("type") == "object"}
    bad += [{**good, name: odd} for name in schema["properties"].keys() - free]
    for body in bad:
        who = member(operator=MATRIX[method, path].operator)
        status, text = call(method, path, ids, who, body=body)
        assert status in (400, 422), body
        assert {"error", "detail"} <= set(json.loads(text))


def _named(method: str, path: str, status: int) -> set[str]:
    """The refusals that the document names for a status of an operation."""
    response = OPERATIONS[method, path]["responses"][str(status)]
    if "$ref" in response:
        response = DOCUMENT["components"]["responses"][response["$ref"].rpartition("/")[2]]
    return set(response["content"]["application/json"]["examples"])


def _packed(key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def _path_names(path: str) -> list[str]:
    return [part[1:-1] for part in path.split("/") if part.startswith("{")]


def _query_ids(method: str, path: str, only: str | None = None) -> list[str]:
    return [
        parameter["name"]
        for parameter in OPERATIONS[method, path].get("parameters", [])
        if parameter["in"] == "query" and '"uuid"' in json.dumps(parameter["schema"])
        if only in (None, parameter["name"])
    ]


def _body_schema(method: str, path: str) -> dict[str, Any]:
    content = OPERATIONS[method, path]["requestBody"]["content"]["application/json"]["schema"]
    schema: dict[str, Any] = DOCUMENT["components"]["schemas"][content["$ref"].split("/")[-1]]
    return schema


def _body_ids(method: str, path: str) -> list[str]:
    properties = _body_schema(method, path)["properties"]
    return [name for name, shape in properties.items() if '"uuid"' in json.dumps(shape)]


# The same without the routes: no row can be made to point at another workspace's.


@pytest.fixture
def keys(as_role) -> list[tuple[str, str, list[str], list[str]]]:
    """Every key between tables of tenants: table, target, and the columns of each."""
    rows = as_role("master").execute(
        "SELECT k.conrelid::regclass::text, k.confrelid::regclass::text,"
        " (SELECT array_agg(a.attname::text ORDER BY c.place)"
        "    FROM unnest(k.conkey) WITH ORDINALITY c (number, place)"
        "    JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.number),"
        " (SELECT array_agg(a.attname::text ORDER BY c.place)"
        "    FROM unnest(k.confkey) WITH ORDINALITY c (number, place)"
        "    JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.number)"
        " FROM pg_constraint k WHERE k.contype = 'f'"
        " AND k.connamespace = 'public'::regnamespace ORDER BY 1, 2"
    )
    # These are above all workspaces.
    above = {"users", "workspaces", "refresh_tokens"}
    return [row for row in rows.fetchall() if not above & {row[0], row[1]}]


@pytest.mark.parametrize("role", ["app", "worker"])
def test_no_key_reaches_into_another_workspace(as_role, workspace, keys, role):
    mine, _ = workspace()
    theirs, _ = workspace()
    assert len(keys) > 15
    source, reader = (
        SingleConnection(lambda: as_role(role)),
        SingleConnection(lambda: as_role("app")),
    )
    tenant = Tenant(source, UUID(mine["workspace_id"]), member=EVERY_MEMBER)
    tried = 0
    writable = _writable(as_role, role)
    for table, target, columns, targets in keys:
        if table not in writable:
            continue
        their_row = _row(reader, theirs, target)
        foreign = {
            column: str(their_row[to])
            for column, to in zip(columns, targets, strict=True)
            if column != "workspace_id"
        }
        # All of the key, and each part of it alone.
        for change in (foreign, *({name: value} for name, value in foreign.items())):
            # Everybody's first version has the number 1: alone it is nobody else's.
            if all(value.isdigit() for value in change.values()):
                continue
            for statement in (_changed(table, change), _copied(reader, table, mine, change)):
                try:
                    with tenant.transaction() as connection:
                        found = connection.execute(statement).rowcount
                except (psycopg.errors.InsufficientPrivilege, psycopg.errors.UniqueViolation):
                    continue
                except REFUSED[table]:
                    tried += 1
                    continue
                assert found == 0, (table, change)
    assert tried > (30 if role == "app" else 5)


def _writable(as_role: Callable[[str], Connection], role: str) -> set[str]:
    """The tables in which a role could make a row point anywhere."""
    rows = as_role("master").execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind IN ('r', 'p') AND has_any_column_privilege(%s, oid, 'INSERT, UPDATE')",
        (role,),
    )
    return {row[0] for row in rows}


def _row(source: SingleConnection, ids: Ids, table: str) -> dict[str, Any]:
    tenant = Tenant(source, UUID(ids["workspace_id"]), member=EVERY_MEMBER)
    query = sql.SQL("SELECT to_jsonb(t) FROM {} t LIMIT 1").format(sql.Identifier(table))
    with tenant.transaction() as connection:
        row = connection.execute(query).fetchone()
    assert row is not None, f"a full workspace has no row in {table}"
    found: dict[str, Any] = row[0]
    return found


def _fresh(name: str) -> str:
    return f"\\x{new_id().hex}" if name == "platform_key" else str(new_id())


def _changed(table: str, change: dict[str, str]) -> sql.Composed:
    assignments = [
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(value))
        for name, value in change.items()
    ]
    return sql.SQL("UPDATE {} SET {}").format(
        sql.Identifier(table), sql.SQL(", ").join(assignments)
    )


def _copied(
    reader: SingleConnection, table: str, mine: Ids, change: dict[str, str]
) -> sql.Composed:
    """A second row like mine, in conflict with no unique key, that points elsewhere."""
    row = _row(reader, mine, table)
    fresh = {name: _fresh(name) for name in ("id", *UNIQUE_TEXTS.get(table, ())) if name in row}
    if table == "media_grants":
        fresh["media_id"] = mine["spare_media_id"]
    row = {name: value for name, value in row.items() if name not in GENERATED}
    names = sql.SQL(", ").join(map(sql.Identifier, row))
    return sql.SQL(
        "INSERT INTO {0} ({1}) SELECT {1} FROM jsonb_populate_record(NULL::{0}, {2})"
    ).format(sql.Identifier(table), names, sql.Literal(Jsonb({**row, **fresh, **change})))
