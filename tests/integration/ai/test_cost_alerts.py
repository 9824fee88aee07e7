"""Alerts of budgets: each crossing once, whoever looks when; told once, and acknowledged."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import psycopg
import pytest
import uvicorn
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from functions.assistant import slack
from functions.assistant.alerts import gateway, service
from functions.assistant.alerts import handler as telling
from functions.assistant.alerts.repository import PostgresAlerts
from functions.assistant.costs import handler as door
from functions.notifications.events import handler as members
from huntaze import clients, outbox
from huntaze.crypto import Envelope, of_workspace, unseal_for
from huntaze.db import SingleConnection
from huntaze.domain import mails
from huntaze.ids import new_id
from huntaze.settings import load
from local.identity_provider.app import create_app
from local.processes import free_port, wait_until
from tests.fakes.staff import Staff

CENT = 10_000_000
HOOK = "/services/T0/B0/secretsecret"


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def rows(ids, tenant):
    """Ask something in the workspace."""

    def read(query, *values):
        with tenant(ids.workspace_id).transaction() as connection:
            return connection.execute(query, values).fetchall()

    return read


@pytest.fixture
def spend(ids, tenant):
    """Let the workspace have spent so many cents today, of a limit of so many."""
    workspace = tenant(ids.workspace_id)

    def write(cents=None, limit=None):
        with workspace.transaction() as connection:
            if limit is not None:
                connection.execute(
                    "INSERT INTO ai_budgets (workspace_id, daily_cents, updated_by)"
                    " VALUES (%s, %s, %s) ON CONFLICT (workspace_id) DO UPDATE"
                    " SET daily_cents = excluded.daily_cents",
                    (ids.workspace_id, limit, ids.user_id),
                )
            if cents is not None:
                connection.execute(
                    "INSERT INTO ai_spending (workspace_id, period, starts_on, spent_nanos)"
                    " VALUES (%s, 'day', (now() AT TIME ZONE 'UTC')::date, %s)"
                    " ON CONFLICT (workspace_id, period, starts_on) DO UPDATE"
                    " SET spent_nanos = ai_spending.spent_nanos + excluded.spent_nanos",
                    (ids.workspace_id, cents * CENT),
                )

    return write


@pytest.fixture
def store(as_role):
    return PostgresAlerts(SingleConnection(lambda: as_role("relay")))


@pytest.fixture
def raised(rows):
    """What was raised: the parts and their limits in cents; and how many events tell of it."""

    def read():
        alerts = rows("SELECT threshold, limit_nanos / 10000000 FROM ai_cost_alerts")
        ((events,),) = rows("SELECT count(*) FROM events_outbox WHERE event_type = 'cost.alert'")
        return sorted(alerts), events

    return read


def test_the_highest_of_what_is_crossed_together_tells_of_it(spend, store, raised, rows):
    spend(85, limit=100)
    assert store.raise_alerts() >= 2
    assert raised() == ([(50, 100), (80, 100)], 1)
    assert rows("SELECT payload->>'threshold' FROM events_outbox") == [("80",)]
    store.raise_alerts()
    assert raised() == ([(50, 100), (80, 100)], 1)
    spend(10)
    store.raise_alerts()
    assert raised() == ([(50, 100), (80, 100), (95, 100)], 2)
    # A larger limit can be crossed anew, the same one not again.
    for limit, crossed in ((190, [(50, 190)]), (100, [])):
        spend(limit=limit)
        before, _ = raised()
        store.raise_alerts()
        assert raised()[0] == sorted(before + crossed)


def test_what_is_used_up_is_told_to_who_sees_the_costs_of_all(
    spend, store, ids, as_role, lambda_context, monkeypatch
):
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(members, "database", lambda: source)
    monkeypatch.setattr(mails, "enqueue", lambda found: len(list(found)))
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    staff = Staff(ids.workspace_id, ids.user_id, as_role, lambda_context)
    staff.join("manager", "manager")
    staff.join("of one creator", "manager", [ids.creator_id])
    staff.join("chatter", "chatter")
    staff.join("analyst", "analyst")
    staff.join("gone", "manager")
    staff.leave("gone")
    spend(100, limit=100)
    for _ in range(2):
        store.raise_alerts()
        assert staff.told("cost_alert") == ["manager", "owner"]
        assert staff.mailed("cost_alert") == ["manager", "owner"]
    # A larger limit is crossed anew.
    spend(100, limit=200)
    store.raise_alerts()
    assert staff.told("cost_alert") == ["manager"] * 2 + ["owner"] * 2


orders = st.lists(
    st.one_of(
        st.tuples(st.just("spend"), st.integers(1, 60)),
        st.tuples(st.just("limit"), st.sampled_from([0, 40, 100, 200])),
        st.tuples(st.just("look"), st.integers(1, 3)),
    ),
    max_size=20,
)


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(orders)
def test_each_crossing_is_one_alert_in_whatever_order_things_happen(
    ids, as_role, spend, store, raised, rows, order
):
    for table in ("ai_cost_alerts", "events_outbox", "ai_spending"):
        as_role("master").execute(
            f"DELETE FROM {table} WHERE workspace_id = %s", (ids.workspace_id,)
        )
    spent, limit, seen, told = 0, 1000, set(), 0
    spend(limit=limit)
    for what, value in [*order, ("look", 1)]:
        if what == "spend":
            spend(value)
            spent += value
        elif what == "limit":
            spend(limit=value)
            limit = value
        else:
            for _ in range(value):
                store.raise_alerts()
            crossed = {
                (part, limit) for part in (50, 80, 95) if limit and spent * 100 >= limit * part
            }
            told += bool(crossed - seen)
            seen |= crossed
    assert raised() == (sorted(seen), told)
    assert rows("SELECT count(*) FROM ai_cost_alert_posts") == [(told,)]


def test_many_who_look_while_it_is_spent_raise_each_once(spend, database, raised):
    spend(1, limit=100)

    def look(_):
        with psycopg.connect(database["relay"], autocommit=True) as connection:
            store = PostgresAlerts(SingleConnection(lambda: connection))
            return sum(store.raise_alerts() for _ in range(10))

    def use(_):
        spend(5)

    with ThreadPoolExecutor(8) as pool:
        looks = [pool.submit(look, number) for number in range(6)]
        for number in range(20):
            use(number)
        sum(one.result() for one in looks)
    look(0)
    alerts, events = raised()
    assert alerts == [(50, 100), (80, 100), (95, 100)]
    assert 1 <= events <= 3


def test_a_month_is_held_against_the_smaller_of_plan_and_budget(ids, tenant, store, raised, rows):
    (plan,) = rows("SELECT plan FROM workspaces WHERE id = %s", ids.workspace_id)[0]
    from huntaze.ai.ledger import monthly_caps  # noqa: PLC0415

    cap = monthly_caps()[plan]
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO ai_spending (workspace_id, period, starts_on, spent_nanos)"
            " VALUES (%s, 'month', usage_month(now()), %s)",
            (ids.workspace_id, cap // 2),
        )
    store.raise_alerts()
    assert raised()[0] == [(50, cap // CENT)]


@pytest.fixture
def slack_url():
    """The stand-in for Slack."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    server = uvicorn.Server(uvicorn.Config(create_app(url), port=port, log_level="critical"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert wait_until(lambda: server.started, 10)
    yield url
    server.should_exit = True
    server.force_exit = True
    thread.join(10)


@pytest.fixture
def cloud(monkeypatch, slack_url):
    """KMS and SNS of moto, and where the functions find them."""
    for name, value in (
        *(("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")),
        *(("AWS_DEFAULT_REGION", "us-east-1"), ("SLACK_HOOKS_ORIGIN", slack_url)),
        ("OUTBOX_RELAY_FUNCTION", "relay"),
    ):
        monkeypatch.setenv(name, value)
    clients._client.cache_clear()
    load.cache_clear()
    with mock_aws():
        key = clients.kms().create_key()["KeyMetadata"]["Arn"]
        monkeypatch.setenv("SESSIONS_KEY_ARN", key)
        topic = clients.sns().create_topic(Name="budgets")["TopicArn"]
        monkeypatch.setenv("COST_ALERTS_TOPIC_ARN", topic)
        yield slack_url
    clients._client.cache_clear()
    load.cache_clear()


@pytest.fixture
def ask(ids, monkeypatch, as_role, api_event, principal, lambda_context):
    """Ask a route of costs as a member of the workspace."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, path, *, whose=ids, role="owner", **event):
        who = principal(whose.workspace_id, user_id=whose.user_id, role=role)
        answer = door.handler(
            api_event(method, f"/api/v2/costs/{path}", principal=who, **event), lambda_context
        )
        return answer["statusCode"], json.loads(answer["body"])

    return make


@pytest.fixture
def tell(monkeypatch, as_role, lambda_context):
    """Let the function run that tells."""
    source = SingleConnection(lambda: as_role("relay"))
    monkeypatch.setattr(telling, "database", lambda: source)
    return lambda: telling.handler({}, lambda_context)


@pytest.fixture
def later(as_role):
    """Let pauses and leases be over."""
    return lambda: as_role("master").execute(
        "UPDATE ai_cost_alert_posts SET look_at = look_at - interval '1 hour'"
    )


@pytest.fixture
def connected(cloud, ask):
    """The workspace has named a channel."""
    body = {"thresholds_percent": [80], "slack_webhook_url": f"{cloud}{HOOK}"}
    status, told = ask("PUT", "alert-settings", body=body)
    assert (status, told) == (200, {"thresholds_percent": [80], "slack_connected": True})
    return cloud


def posted(url):
    return [one["text"] for one in httpx.get(f"{url}/_sim/slack").json()["messages"]]


@pytest.mark.usefixtures("connected")
def test_the_address_is_sealed_for_its_workspace_and_never_told(ask, rows, ids, tenant_factory):
    assert ask("GET", "alert-settings")[1] == {"thresholds_percent": [80], "slack_connected": True}
    ((key, sealed, row),) = rows(
        "SELECT slack_sealed_key, slack_sealed, s::text FROM ai_cost_settings s"
    )
    for secret in (HOOK, "secretsecret"):
        assert secret not in row
        assert secret.encode() not in bytes(sealed) + bytes(key)
        assert all(secret not in str(one) for one in rows("SELECT a::text FROM audit_log a"))
    arn = load(slack.SlackSettings).sessions_key_arn
    envelope = Envelope(bytes(key), bytes(sealed))
    own = of_workspace(ids.workspace_id, slack.KIND)
    assert unseal_for(own, envelope, key_arn=arn) == HOOK.encode()
    for owner in (
        of_workspace(tenant_factory().workspace_id, slack.KIND),
        of_workspace(ids.workspace_id, "another kind"),
    ):
        with pytest.raises(ClientError):
            unseal_for(owner, envelope, key_arn=arn)
    # What is left out stays; null forgets it.
    kept = ask("PUT", "alert-settings", body={"thresholds_percent": [90, 10, 90]})[1]
    assert kept == {"thresholds_percent": [10, 90], "slack_connected": True}
    forgotten = ask("PUT", "alert-settings", body={"slack_webhook_url": None})[1]
    assert forgotten["slack_connected"] is False


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(
    "wrong",
    [
        {"slack_webhook_url": "https://evil.example/services/T/B/x"},
        {"slack_webhook_url": "http://169.254.169.254/latest/meta-data"},
        {"thresholds_percent": [0]},
        {"thresholds_percent": [101]},
        {"thresholds_percent": list(range(1, 12))},
    ],
)
def test_what_is_no_setting_is_refused_and_not_stored(ask, rows, wrong):
    status, refusal = ask("PUT", "alert-settings", body=wrong)
    assert status == 422
    assert "evil" not in json.dumps(refusal)
    assert rows("SELECT 1 FROM ai_cost_settings") == []


def test_slack_and_the_operators_are_told_once(connected, spend, tell, ask, later):
    spend(85, limit=100)
    for _ in range(3):
        tell()
        later()
    (text,) = posted(connected)
    assert "0.85 USD" in text
    assert "80 % of the budget of 1.00 USD" in text
    (alert,) = ask("GET", "alerts")[1]["items"]
    assert alert["posts"] == {"slack": "posted", "sns": "posted"}
    assert (alert["threshold_percent"], alert["spent"]["usd"]) == (80, "0.85")


def test_a_channel_that_is_gone_is_tried_five_times_and_called_failed(
    cloud, ask, spend, tell, later
):
    ask("PUT", "alert-settings", body={"slack_webhook_url": f"{cloud}/services/T0/GONE/x"})
    spend(50, limit=100)
    for _ in range(service.MOST_TRIES + 2):
        tell()
        later()
    (alert,) = ask("GET", "alerts")[1]["items"]
    assert alert["posts"] == {"slack": "failed", "sns": "posted"}


def test_who_dies_while_posting_is_followed_by_nobody(
    connected, spend, tell, ask, later, monkeypatch
):
    post = gateway.slack.post

    def arrives_and_dies(*what):
        post(*what)
        raise ConnectionAbortedError

    monkeypatch.setattr(gateway.slack, "post", arrives_and_dies)
    spend(85, limit=100)
    assert tell()["unknown"] == 1
    monkeypatch.setattr(gateway.slack, "post", post)
    for _ in range(3):
        later()
        tell()
    assert len(posted(connected)) == 1
    (alert,) = ask("GET", "alerts")[1]["items"]
    assert alert["posts"] == {"slack": "unknown", "sns": "posted"}


def test_what_was_marked_and_never_answered_for_is_unknown(spend, store, ask, later, rows):
    spend(55, limit=100)
    store.raise_alerts()
    mine = set(rows("SELECT alert_id FROM ai_cost_alert_posts"))
    taken = []
    while (one := store.next_post(timedelta(minutes=2))) is not None:
        taken.append((one.alert_id,))
    assert mine <= set(taken)
    later()
    assert store.next_post(timedelta(minutes=2)) is None
    (alert,) = ask("GET", "alerts")[1]["items"]
    assert alert["posts"] == {"sns": "unknown"}


def test_an_alert_is_acknowledged_once_by_whoever_was_first(
    ids, spend, store, ask, rows, tenant_factory
):
    spend(55, limit=100)
    store.raise_alerts()
    (alert,) = ask("GET", "alerts")[1]["items"]
    assert (alert["acknowledged_at"], alert["acknowledged_by"]) == (None, None)
    path = f"alerts/{alert['id']}/acknowledge"
    assert ask("POST", path, role="chatter")[0] == 403
    assert ask("POST", path, whose=tenant_factory())[0] == 404
    assert ask("POST", f"alerts/{new_id()}/acknowledge")[0] == 404
    first = ask("POST", path)[1]
    assert first["acknowledged_by"] == str(ids.user_id)
    assert ask("POST", path)[1] == first
    assert ask("GET", "alerts")[1]["items"] == [first]
    assert rows("SELECT action FROM audit_log") == [("cost_alert.acknowledged",)]


def test_owners_and_managers_are_mailed_once_however_often_the_event_comes(
    ids, spend, store, rows, as_role, monkeypatch
):
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(members, "database", lambda: source)
    monkeypatch.setattr(members, "send_soon", lambda _: None)
    monkeypatch.setattr(members.outbox, "nudge", lambda: None)
    spend(81, limit=100)
    store.raise_alerts()
    ((detail,),) = rows(
        "SELECT json_build_object('id', id, 'workspace_id', workspace_id, 'aggregate_type',"
        " aggregate_type, 'aggregate_id', aggregate_id, 'created_at', created_at, 'payload',"
        " payload) FROM events_outbox WHERE event_type = 'cost.alert'"
    )
    body = json.dumps({"detail-type": "cost.alert", "detail": detail})
    for _ in range(3):
        event = {"Records": [{"messageId": "1", "body": body}]}
        assert members.handler(event, None) == {"batchItemFailures": []}
    mails = as_role("master").execute(
        "SELECT template, parameters ->> 'about' FROM mails WHERE user_id = %s", (ids.user_id,)
    )
    ((template, about),) = mails.fetchall()
    assert template == "cost_alert"
    assert about.startswith("80 % (20")
