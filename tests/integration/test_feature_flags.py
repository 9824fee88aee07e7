"""Feature flags: how operators change them, on moto and Postgres, and what features are told."""

import json

import pytest
from botocore.exceptions import EndpointConnectionError
from moto import mock_aws

from functions.operators.api import handler as door
from huntaze import clients, flags
from huntaze.db import SingleConnection
from huntaze.flags import DynamoFlags, Flag, Rollout
from huntaze.ids import new_id
from huntaze.settings import load

TABLE = "huntaze-feature-flags"
PATH = "/api/admin/feature-flags"
FLAG = Flag.HYBRID_CAMPAIGNS
DRAFT = {"flag": FLAG.value, "share_percent": 0, "version": 0, "reason": "held back"}


@pytest.fixture
def store(monkeypatch):
    """The table, and the flags of one function whose clock a test moves."""
    for name, value in (
        *(("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")),
        *(("AWS_DEFAULT_REGION", "us-east-1"), ("FEATURE_FLAGS_TABLE", TABLE)),
    ):
        monkeypatch.setenv(name, value)
    caches = (clients._client, load, flags.flags)
    for one in caches:
        one.cache_clear()
    with mock_aws():
        clients.dynamodb().create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "flag", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "flag", "AttributeType": "S"}],
        )
        yield Clocked(TABLE)
    for one in caches:
        one.cache_clear()


class Clocked(DynamoFlags):
    """The flags of a function at a moment that a test chooses."""

    def __init__(self, table):
        self.seconds = 0.0
        super().__init__(table, clock=lambda: self.seconds)


@pytest.fixture
def ask(store, as_role, monkeypatch, api_event, lambda_context, lone_operator):  # noqa: ARG001
    source = SingleConnection(lambda: as_role("auditor"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, **event):
        sent = api_event(method, PATH, principal=event.pop("who", lone_operator), **event)
        answer = door.handler(sent, lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return make


def test_a_change_is_stored_told_and_written_down_with_who_and_why(ask, lone_operator):
    status, before = ask("GET")
    assert status == 200
    assert [(one["flag"], one["version"]) for one in before["items"]] == [(FLAG.value, 0)]
    known = {row["ordered_at"] for row in before["items"][0]["changes"]}
    pilot = str(new_id())
    status, changed = ask("PUT", body={**DRAFT, "workspaces": [pilot]})
    assert (status, changed["version"]) == (200, 1)
    assert changed["changed_by"] == lone_operator["user_id"]
    assert changed["rollout"] == {"share_percent": 0, "workspaces": [pilot]}
    (item,) = ask("GET")[1]["items"]
    assert item["rollout"] == changed["rollout"]
    (entry,) = [row for row in item["changes"] if row["ordered_at"] not in known]
    assert (entry["reason"], entry["applied"]) == ("held back", True)
    assert (entry["changed_by"], entry["rollout"]) == (changed["changed_by"], changed["rollout"])


def test_what_somebody_else_changed_is_not_overwritten(ask):
    ask("PUT", body=DRAFT)
    status, refusal = ask("PUT", body={**DRAFT, "share_percent": 100})
    assert (status, refusal["error"]) == (409, "FlagChanged")
    (item,) = ask("GET")[1]["items"]
    assert item["rollout"]["share_percent"] == 0
    # The order is on record all the same, as one that was not followed.
    assert [row["applied"] for row in item["changes"][:2]] == [False, True]


@pytest.mark.parametrize(
    "wrong",
    [
        *({"share_percent": -1}, {"share_percent": 101}, {"flag": "unheard_of"}, {"reason": ""}),
        *({"version": -1}, {"workspaces": ["x"]}, {"on": True}),
    ],
)
def test_what_is_no_rollout_is_refused(ask, wrong):
    assert ask("PUT", body={**DRAFT, **wrong})[0] == 422
    assert ask("GET")[1]["items"][0]["version"] == 0


def test_who_is_no_operator_sees_and_changes_nothing(ask, principal):
    for who in (principal(new_id(), role="owner"), None):
        assert ask("GET", who=who)[0] == (403 if who else 401)
        assert ask("PUT", who=who, body=DRAFT)[0] == (403 if who else 401)


@pytest.mark.usefixtures("store")
def test_no_role_but_that_of_the_routes_writes_the_log(as_role):
    for role in ("app", "worker", "relay", "operations", "mailer"):
        with pytest.raises(Exception, match="permission denied"):
            as_role(role).execute("SELECT * FROM list_flag_changes('x', 1)")
    for statement in ("SELECT * FROM flag_changes", "DELETE FROM flag_changes"):
        with pytest.raises(Exception, match="permission denied"):
            as_role("auditor").execute(statement)


def test_a_function_learns_of_a_change_within_seconds_and_reads_no_more_often(store):
    one = new_id()
    other = DynamoFlags(TABLE)
    assert store.is_on(FLAG, one)
    other.roll_out(FLAG, Rollout(share_percent=0), version=0, by=one)
    assert store.is_on(FLAG, one)
    store.seconds = flags.BELIEVED
    assert not store.is_on(FLAG, one)
    assert not flags.is_on(FLAG.value, one)


def test_without_the_store_holds_what_was_known_last_and_else_the_default(store, monkeypatch):
    class Away:
        asked = 0

        def get_item(self, **_):
            Away.asked += 1
            raise EndpointConnectionError(endpoint_url="https://dynamodb")

    store.roll_out(FLAG, Rollout(share_percent=0), version=0, by=new_id())
    assert not store.is_on(FLAG, new_id())
    monkeypatch.setattr(clients, "dynamodb", Away)
    store.seconds = 60.0
    assert not store.is_on(FLAG, new_id())
    fresh = Clocked(TABLE)
    assert fresh.is_on(FLAG, new_id()) is (flags.default_of(FLAG).rollout.share_percent == 100)
    # Who waits for nobody once does not wait again at once.
    asked = Away.asked
    fresh.is_on(FLAG, new_id())
    assert Away.asked == asked


def test_a_flag_that_there_is_not_is_a_mistake(store):
    with pytest.raises(ValueError, match="unheard_of"):
        store.is_on("unheard_of", new_id())
