"""The management routes as API Gateway calls them, on the real database."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest

from functions.management import callers
from functions.management import handler as management
from huntaze import outbox
from huntaze.db import Connection, SingleConnection
from huntaze.domain import money
from huntaze.domain.money import TransactionRow
from huntaze.ids import new_id
from huntaze.platforms.limits import LaneLimits

CREATORS = "/api/management/creators"
ROUTES = [
    ("GET", CREATORS),
    ("POST", CREATORS),
    ("GET", f"{CREATORS}/{UUID(int=1)}"),
    ("PATCH", f"{CREATORS}/{UUID(int=1)}"),
    ("DELETE", f"{CREATORS}/{UUID(int=1)}"),
    ("GET", "/api/management/members"),
]


class Answer(NamedTuple):
    """What API Gateway gets back."""

    status: int
    body: Any


@pytest.fixture(autouse=True)
def nudges(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Wire the feature to the test's database; how often the relay was nudged."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(callers, "database", lambda: source)
    counted: list[str] = []
    monkeypatch.setattr(outbox, "nudge", lambda: counted.append("nudge"))
    return counted


@pytest.fixture
def call(api_event, lambda_context) -> Callable[..., Answer]:
    def make(method: str, path: str, who: dict[str, str] | None, **more: Any) -> Answer:
        event = api_event(method, path, principal=who, **more)
        answer = management.handler(event, lambda_context)
        return Answer(
            answer["statusCode"], json.loads(answer["body"]) if answer.get("body") else None
        )

    return make


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def owner(ids, principal) -> dict[str, str]:
    return principal(ids.workspace_id, user_id=ids.user_id)


@pytest.fixture
def draft() -> dict[str, Any]:
    return {"platform": "fan_platform", "handle": f"h-{new_id()}"}


@pytest.fixture
def created(call, owner, draft) -> dict[str, Any]:
    answer = call("POST", CREATORS, owner, body=draft)
    assert answer.status == 201
    return answer.body


@pytest.fixture
def limits() -> Iterator[Callable[[dict[str, LaneLimits]], None]]:
    def set_limits(value: dict[str, LaneLimits]) -> None:
        management.app.dependency_overrides[management.limits_in_force] = lambda: value

    yield set_limits
    management.app.dependency_overrides.clear()


def test_creates_a_creator_whose_lane_stands_still(created, draft, nudges):
    assert created["handle"] == created["display_name"] == draft["handle"]
    assert created["lane"] == {
        "status": "stopped",
        "stop_reason": "not_connected",
        "kill_switch": False,
        "messages_per_minute": 10,
        "min_gap_ms": 3000,
    }
    assert (created["cap_messages"], created["cap_hours"]) == (2, 24)
    assert created["driver_consent_at"] is None
    assert nudges == ["nudge"]


def test_the_operators_limits_replace_the_profiles(call, owner, draft, limits):
    limits({"fan_platform": LaneLimits(messages_per_minute=600, min_gap_ms=0)})
    lane = call("POST", CREATORS, owner, body=draft).body["lane"]
    assert (lane["messages_per_minute"], lane["min_gap_ms"]) == (600, 0)


@pytest.mark.parametrize(
    ("field", "faster", "slower"), [("messages_per_minute", 11, 9), ("min_gap_ms", 2999, 3001)]
)
def test_a_workspace_may_slow_a_creator_down_only(call, owner, draft, field, faster, slower):
    refused = call("POST", CREATORS, owner, body={**draft, field: faster})
    assert (refused.status, refused.body["error"]) == (422, "TooFast")
    assert list(refused.body["fields"]) == [field]
    assert (
        call("POST", CREATORS, owner, body={**draft, field: slower}).body["lane"][field] == slower
    )


@pytest.mark.parametrize("field", ["lane", "workspace_id", "id"])
def test_no_tenant_sets_what_is_not_its_own(call, owner, draft, field):
    refused = call("POST", CREATORS, owner, body={**draft, field: 1})
    assert (refused.status, list(refused.body["fields"])) == (422, [field])


@pytest.mark.parametrize("field", ["messages_per_minute", "min_gap_ms", "platform"])
def test_what_is_fixed_at_creation_stays(call, owner, created, field):
    path = f"{CREATORS}/{created['id']}"
    assert call("PATCH", path, owner, body={field: 1}).status == 422


def test_keeps_every_setting(call, owner, draft):
    settings = {
        **draft,
        "display_name": "Ada",
        "time_zone": "Europe/Paris",
        "currency": "EUR",
        "cap_messages": None,
        "cap_hours": 48,
        "quiet_from": "22:30:00",
        "quiet_until": "07:00:00",
        "recent_chat_minutes": 15,
    }
    creator = call("POST", CREATORS, owner, body=settings).body
    read = call("GET", f"{CREATORS}/{creator['id']}", owner).body
    assert read == creator
    assert {name: creator.get(name) for name in settings} == settings


def test_changes_what_is_given_and_nothing_else(call, owner, created):
    path = f"{CREATORS}/{created['id']}"
    changes = {"time_zone": "America/New_York", "quiet_from": "23:00", "quiet_until": "06:00"}
    changed = call("PATCH", path, owner, body=changes).body
    assert changed["updated_at"] > created["updated_at"]
    expected = {
        **created,
        "time_zone": "America/New_York",
        "quiet_from": "23:00:00",
        "quiet_until": "06:00:00",
        "updated_at": changed["updated_at"],
    }
    assert changed == expected
    cleared = {"quiet_from": None, "quiet_until": None, "cap_messages": None}
    assert call("PATCH", path, owner, body=cleared).body["quiet_from"] is None
    assert call("PATCH", path, owner, body={}).body["cap_messages"] is None


def test_the_currency_stays_once_there_is_money(call, owner, created, tenant):
    path = f"{CREATORS}/{created['id']}"
    assert call("PATCH", path, owner, body={"currency": "EUR"}).body["currency"] == "EUR"
    with tenant(UUID(owner["workspace_id"])).transaction() as connection:
        row = TransactionRow(1, "t", "u", "tip", 5, 0, 5)
        money.record(connection, UUID(created["id"]), [row])
    refused = call("PATCH", path, owner, body={"currency": "USD", "cap_hours": 5})
    assert (refused.status, refused.body["error"]) == (409, "CurrencyOfMoney")
    read = call("GET", path, owner).body
    assert (read["currency"], read["cap_hours"]) == ("EUR", created["cap_hours"])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"time_zone": "../etc/passwd"}, "time_zone"),
        ({"currency": "euro"}, "currency"),
        ({"cap_messages": 0}, "cap_messages"),
        ({"cap_hours": 721}, "cap_hours"),
        ({"cap_hours": None}, "cap_hours"),
        ({"quiet_from": "25:00", "quiet_until": "07:00"}, "quiet_from"),
        ({"quiet_from": "22:00:30", "quiet_until": "07:00"}, "quiet_from"),
        ({"recent_chat_minutes": -1}, "recent_chat_minutes"),
        ({"handle": " "}, "handle"),
        ({"display_name": "x" * 201}, "display_name"),
    ],
)
def test_refuses_a_bad_value_by_its_field(call, owner, draft, created, change, field):
    refused = call("POST", CREATORS, owner, body={**draft, **change})
    assert (refused.status, list(refused.body["fields"])) == (422, [field])
    assert call("PATCH", f"{CREATORS}/{created['id']}", owner, body=change).status == 422


@pytest.mark.parametrize(
    "change", [{"quiet_from": "22:00"}, {"quiet_from": "22:00", "quiet_until": None}]
)
def test_quiet_hours_have_two_ends(call, owner, draft, created, change):
    assert call("POST", CREATORS, owner, body={**draft, **change}).status == 422
    assert call("PATCH", f"{CREATORS}/{created['id']}", owner, body=change).status == 422


def test_refuses_an_unknown_platform(call, owner, draft):
    refused = call("POST", CREATORS, owner, body={**draft, "platform": "nowhere"})
    assert (refused.status, refused.body["error"]) == (422, "UnknownPlatform")
    assert refused.body["fields"] == {"platform": "one of fan_platform, onlyfans"}


@pytest.mark.usefixtures("created")
def test_an_account_is_run_once_in_a_workspace(call, owner, draft, tenant_factory):
    again = call("POST", CREATORS, owner, body=draft)
    assert (again.status, again.body["error"]) == (409, "CreatorExists")
    renamed = {"handle": draft["handle"]}
    other = call("POST", CREATORS, owner, body={**draft, "handle": "another"}).body
    assert call("PATCH", f"{CREATORS}/{other['id']}", owner, body=renamed).status == 409
    # Another workspace may believe that it runs the account: only connecting proves it.
    stranger = tenant_factory()
    who = {**owner, "workspace_id": str(stranger.workspace_id)}
    assert call("POST", CREATORS, who, body=draft).status == 201


def test_deletes_a_creator_that_nothing_belongs_to(call, owner, created, as_role, ids):
    path = f"{CREATORS}/{created['id']}"
    assert call("DELETE", path, owner).status == 204
    assert call("DELETE", path, owner).status == 404
    assert call("GET", path, owner).status == 404
    events = as_role("relay").execute("SELECT workspace_id, event_type FROM take_outbox(10000)")
    ours = [event for workspace, event in events if workspace == ids.workspace_id]
    assert ours == ["creator.created", "creator.deleted"]


@pytest.fixture
def belongings(tenant, ids, created) -> Callable[[str], None]:
    def add(kind: str) -> None:
        statements = {
            "fan": "INSERT INTO fans (workspace_id, creator_id, handle) VALUES (%s, %s, 'fan')",
            "campaign": "INSERT INTO campaigns (workspace_id, creator_id, name, variants,"
            f" created_by) VALUES (%s, %s, 'x', '[]', '{ids.user_id}')",
            "import": "WITH upload AS (INSERT INTO import_uploads (workspace_id, creator_id,"
            f" created_by, expires_at) VALUES (%s, %s, '{ids.user_id}', clock_timestamp())"
            " RETURNING *) INSERT INTO imports (workspace_id, creator_id, kind, status, upload_id,"
            " created_by) SELECT workspace_id, creator_id, 'fans', 'failed', id, created_by"
            " FROM upload",
        }
        with tenant(ids.workspace_id).transaction() as connection:
            connection.execute(statements[kind], (ids.workspace_id, created["id"]))

    return add


@pytest.mark.parametrize("kind", ["fan", "campaign"])
def test_keeps_a_creator_that_something_belongs_to(call, owner, created, belongings, kind):
    belongings(kind)
    refused = call("DELETE", f"{CREATORS}/{created['id']}", owner)
    assert (refused.status, refused.body["error"]) == (409, "CreatorInUse")
    assert call("GET", f"{CREATORS}/{created['id']}", owner).status == 200


def test_an_import_that_stored_nothing_goes_with_its_creator(call, owner, created, belongings):
    belongings("import")
    assert call("DELETE", f"{CREATORS}/{created['id']}", owner).status == 204


def test_keeps_a_creator_whose_lane_runs(call, owner, created, tenant, ids):
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "UPDATE creator_lanes SET status = 'active', stop_reason = NULL WHERE creator_id = %s",
            (created["id"],),
        )
    refused = call("DELETE", f"{CREATORS}/{created['id']}", owner)
    assert (refused.status, refused.body["error"]) == (409, "CreatorConnected")


@pytest.mark.parametrize(
    ("stop_reason", "status"),
    [("not_connected", 409), ("login_failed", 409), ("challenge", 409), ("disconnected", 204)],
)
def test_keeps_a_creator_whose_login_may_be_kept(
    call, owner, created, tenant, ids, stop_reason, status
):
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "UPDATE creators SET driver_consent_at = now(), driver_consent_by = %s WHERE id = %s",
            (ids.user_id, created["id"]),
        )
        connection.execute(
            "UPDATE creator_lanes SET stop_reason = %s WHERE creator_id = %s",
            (stop_reason, created["id"]),
        )
    answer = call("DELETE", f"{CREATORS}/{created['id']}", owner)
    assert (answer.status, answer.body and answer.body["error"]) == (
        status,
        None if status == 204 else "CreatorConnected",
    )


def test_lists_creators_page_by_page(call, owner):
    made = [
        call("POST", CREATORS, owner, body={"platform": "onlyfans", "handle": f"h{n}"}).body["id"]
        for n in range(3)
    ]
    first = call("GET", CREATORS, owner, query={"limit": "2"}).body
    query = {"limit": "2", "cursor": first["next_cursor"]}
    second = call("GET", CREATORS, owner, query=query).body
    assert [c["id"] for c in first["items"] + second["items"]] == made
    assert second.get("next_cursor") is None


def test_lists_members(call, owner, ids, as_role):
    for number in range(2):
        user_id = new_id()
        identity = as_role("identity")
        identity.execute(
            "INSERT INTO users (id, email, name, password_hash) VALUES (%s, %s, 'Bea', '')",
            (user_id, f"{user_id}@example.com"),
        )
        identity.execute(
            "INSERT INTO members (workspace_id, user_id, role, creator_scope)"
            " VALUES (%s, %s, 'chatter', %s)",
            (ids.workspace_id, user_id, [[], [ids.creator_id]][number]),
        )
    members, cursor = [], None
    for _ in range(3):
        query = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        page = call("GET", "/api/management/members", owner, query=query).body
        members += page["items"]
        cursor = page.get("next_cursor")
    assert cursor is None
    assert [m["role"] for m in members] == ["owner", "chatter", "chatter"]
    assert [m.get("creator_ids") for m in members] == [None, [], [str(ids.creator_id)]]
    assert UUID(members[0]["user_id"]) == ids.user_id
    assert not any("password" in key for member in members for key in member)


# Who may not


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_strangers_are_refused_before_anything_is_looked_at(call, method, path):
    answer = call(method, path, None, body={"nonsense": True})
    assert (answer.status, answer.body["error"]) == (401, "Unauthorized")


@pytest.mark.parametrize("role", ["chatter", "analyst"])
def test_chatters_and_analysts_read_only(call, owner, draft, created, role):
    who = {**owner, "role": role}
    path = f"{CREATORS}/{created['id']}"
    assert call("GET", path, who).status == 200
    assert call("GET", CREATORS, who).status == 200
    assert call("GET", "/api/management/members", who).status == 200
    refused = [
        call("POST", CREATORS, who, body=draft),
        call("PATCH", path, who, body={"display_name": "x"}),
        call("DELETE", path, who),
    ]
    assert [(r.status, r.body["error"]) for r in refused] == [(403, "Forbidden")] * 3


def test_a_manager_may_manage(call, owner, created):
    who = {**owner, "role": "manager"}
    path = f"{CREATORS}/{created['id']}"
    assert call("PATCH", path, who, body={"display_name": "x"}).body["display_name"] == "x"


def test_who_works_for_some_creators_sees_and_changes_those_alone(call, owner, draft, created):
    other = call("POST", CREATORS, owner, body={**draft, "handle": "other"}).body["id"]
    who = {**owner, "role": "manager", "creators": created["id"]}
    assert [c["id"] for c in call("GET", CREATORS, who).body["items"]] == [created["id"]]
    assert call("PATCH", f"{CREATORS}/{created['id']}", who, body={"cap_hours": 1}).status == 200
    for method, body in (("GET", None), ("PATCH", {"cap_hours": 1}), ("DELETE", None)):
        assert call(method, f"{CREATORS}/{other}", who, body=body).status == 404
    assert call("POST", CREATORS, who, body={**draft, "handle": "third"}).status == 403
    nothing = {**owner, "creators": ""}
    assert call("GET", CREATORS, nothing).body["items"] == []


def test_another_workspace_has_no_such_creator(call, created, tenant_factory, principal):
    stranger = tenant_factory()
    who = principal(stranger.workspace_id, user_id=stranger.user_id)
    for method, body in (("GET", None), ("PATCH", {"cap_hours": 1}), ("DELETE", None)):
        assert call(method, f"{CREATORS}/{created['id']}", who, body=body).status == 404
    assert created["id"] not in [c["id"] for c in call("GET", CREATORS, who).body["items"]]
    members = call("GET", "/api/management/members", who).body["items"]
    assert [UUID(m["user_id"]) for m in members] == [stranger.user_id]


@pytest.mark.parametrize("path", [CREATORS, "/api/management/members"])
@pytest.mark.parametrize("cursor", ["x", "WyJ4Il0", "WyJ4IiwieSJd"])
def test_refuses_a_cursor_of_no_list(call, owner, path, cursor):
    assert call("GET", path, owner, query={"cursor": cursor}).status == 400


@pytest.mark.parametrize(("body", "status"), [("{", 400), (None, 422), ("[]", 422)])
def test_refuses_a_body_that_is_no_object(call, owner, created, body, status):
    assert call("POST", CREATORS, owner, body=body).status == status
    assert call("PATCH", f"{CREATORS}/{created['id']}", owner, body=body).status == status


@pytest.mark.parametrize(
    ("handle", "status"), [("a\0b", 400), ("\ud800", 422), ("\U0001f600", 201)]
)
def test_refuses_text_that_cannot_be_stored(call, owner, draft, handle, status):
    assert call("POST", CREATORS, owner, body={**draft, "handle": handle}).status == status
    assert call("GET", CREATORS, owner, query={"cursor": "\0"}).status == 400


def test_refuses_an_id_that_is_none(call, owner):
    assert call("GET", f"{CREATORS}/none", owner).status == 422


@pytest.mark.usefixtures("created")
def test_the_role_cannot_raise_its_limits(tenant, ids):
    with (
        pytest.raises(psycopg.errors.InsufficientPrivilege),
        tenant(ids.workspace_id).transaction() as connection,
    ):
        connection.execute("UPDATE creator_lanes SET messages_per_minute = 6000")
