"""A workspace is forgotten: canaries in every table and store, killed at every step."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from psycopg import sql

from functions.management import handler as management
from functions.management.erasures import service
from functions.management.erasures.gateway import AwsStores
from functions.management.erasures.repository import PostgresErasures
from functions.management.erasures.service import Step
from huntaze.db import SingleConnection, Tenant
from huntaze.flags import DynamoFlags, Flag, FlagChangedError, Rollout
from huntaze.ids import new_id
from tests.fakes.full_workspace.filling import FullWorkspace
from tests.integration.erasing.conftest import PREFIX

ACCOUNT = "/api/management/account"
# What stays, without a word of anybody.
KEPT = {"workspaces", "billing_accounts", "audit_log", "audit_heads", "erasures"}


@pytest.fixture
def canary():
    """Stands in every text of a full workspace."""
    return f"canary{new_id().hex}"


@pytest.fixture
def full(cloud, as_role, tenant, tenant_factory, canary):
    """A workspace with canaries in every table and every store, and another that has none."""
    made = tenant_factory()
    workspace = tenant(made.workspace_id)
    ids = FullWorkspace(as_role, workspace, made.user_id, made.creator_id, mark=canary).fill()
    identity = as_role("identity")
    identity.execute("UPDATE users SET name = %s WHERE id = %s", (canary, made.user_id))
    email = identity.execute("SELECT email FROM users WHERE id = %s", (made.user_id,)).fetchone()[0]
    identity.execute("INSERT INTO login_attempts (email, success) VALUES (%s, false)", (email,))
    identity.execute(
        "INSERT INTO identity_requests (subject, requested_at) VALUES (%s, now())",
        (f"mail to {email}",),
    )
    with workspace.transaction() as connection:
        connection.execute("UPDATE workspaces SET name = %s", (canary,))
        connection.execute(
            "INSERT INTO mails (id, template, address, parameters) VALUES (%s, 'invitation', %s,"
            " jsonb_build_object('workspace', %s::text))",
            (new_id(), f"{canary}@example.com", canary),
        )
        connection.execute("UPDATE campaigns SET execution_arn = 'arn:x' WHERE status = 'draft'")
        connection.execute("UPDATE workflows SET execution_arn = 'arn:y'")
    for place in (
        *(
            ("imports", f"{part}/{made.workspace_id}/{new_id()}")
            for part in ("incoming", "accepted")
        ),
        *((bucket, f"{made.workspace_id}/x") for bucket in ("exports", "screenshots")),
        ("uploads", f"incoming/{made.workspace_id}/x"),
        *(("media", f"{made.workspace_id}/{name}") for name in "ab"),
    ):
        cloud.s3.put_object(Bucket=place[0], Key=place[1], Body=canary.encode())
    cloud.s3.delete_object(Bucket="media", Key=f"{made.workspace_id}/b")
    cloud.secrets.create_secret(Name=f"{PREFIX}{made.creator_id}", SecretString=canary)
    cloud.dynamodb.put_item(
        TableName="sessions",
        Item={"creator_id": {"S": str(made.creator_id)}, "sealed": {"B": canary.encode()}},
    )
    for number in range(30):
        call = {"workspace_id": {"S": str(made.workspace_id)}, "call": {"S": f"{canary}-{number}"}}
        cloud.dynamodb.put_item(TableName="costs", Item=call)
    connection = {"owner": {"S": str(made.workspace_id)}, "connection_id": {"S": canary}}
    cloud.dynamodb.put_item(TableName="connections", Item=connection)
    return SimpleNamespace(**made._asdict(), session_id=ids["session_id"], email=email)


@pytest.fixture
def order(full, ask, canary):
    """Order the erasure with a login that is fresh."""

    def make(name=canary, **more):
        return ask(
            management,
            full,
            "DELETE",
            ACCOUNT,
            {"workspace_name": name},
            **{"session_id": full.session_id, **more},
        )

    return make


@pytest.fixture
def no_last_look(monkeypatch):
    """Nobody is let in while the test runs."""
    defaults = {**service.run.__kwdefaults__, "last_look": timedelta(0)}
    monkeypatch.setattr(service.run, "__kwdefaults__", defaults)


@pytest.fixture
def payments_ended(as_role):
    """What the sweep of the billing feature says."""

    def make(ids):
        source = SingleConnection(lambda: as_role("intake"))
        with Tenant(source, ids.workspace_id).transaction() as connection:
            connection.execute("UPDATE erasures SET billing_ended_at = now()")

    return make


@pytest.mark.usefixtures("no_last_look")
def test_nothing_is_left_anywhere(
    full,
    order,
    work,
    later,
    seek,
    canary,
    payments_ended,
    as_role,
    cloud,
):
    places = seek(canary)
    assert len(places) > 25
    assert places >= {
        *("table fans", "table sends", "table users", "table mails", "table workspaces"),
        "table ai_chat_turns",
        *("bucket imports", "bucket exports", "bucket uploads", "bucket media"),
        *("bucket screenshots", "items of sessions", "secrets"),
    }
    answer = order()
    assert (answer.status, answer.body["state"]) == (202, "scheduled")
    # Nothing is sent from now on, and the logins of creators are gone at once.
    assert work("erasures") == ["waiting"]
    assert {"items of sessions", "secrets"} & seek(canary) == set()
    later(full, grace=True)
    assert work("erasures") == ["waiting"]
    payments_ended(full)
    later(full)
    assert set(work("erasures")) == {"done"}
    # The customer at Stripe is what law wants kept; here its id is a canary.
    assert seek(canary) == {"table billing_accounts"}
    assert seek(full.email) == set()
    assert _tables_with_rows(as_role, full) == KEPT
    # What is kept says nothing of anybody.
    later(full)
    assert work("erasures") == []
    stopped = cloud.executions.stop_execution.call_args_list
    assert {call.kwargs["executionArn"] for call in stopped} == {"arn:x", "arn:y"}


@pytest.mark.usefixtures("no_last_look")
def test_a_flag_forgets_the_workspace_and_no_other(full, order, work, later, seek, monkeypatch):
    flag, operator, other = Flag.HYBRID_CAMPAIGNS, new_id(), new_id()
    store = DynamoFlags("flags")
    store.roll_out(
        flag,
        Rollout(share_percent=7, workspaces=frozenset({full.workspace_id, other})),
        version=0,
        by=operator,
    )
    assert "items of flags" in seek(str(full.workspace_id))
    seen = store.read(flag)
    write = DynamoFlags._write

    def an_operator_is_quicker(self, flag, state):
        monkeypatch.setattr(DynamoFlags, "_write", write)
        store.roll_out(flag, seen.rollout, version=1, by=operator)
        write(self, flag, state)

    monkeypatch.setattr(DynamoFlags, "_write", an_operator_is_quicker)
    order()
    work("erasures")
    later(full, grace=True)
    work("erasures")
    assert "items of flags" not in seek(str(full.workspace_id))
    left = store.read(flag)
    assert left.rollout == Rollout(share_percent=7, workspaces=frozenset({other}))
    assert (left.changed_by, left.version) == (operator, 3)
    # Who has seen the workspace there does not bring it back.
    with pytest.raises(FlagChangedError):
        store.roll_out(flag, seen.rollout, version=2, by=operator)


def _tables_with_rows(as_role, ids):
    connection = as_role("eraser")
    with connection.transaction():
        connection.execute(
            "SELECT set_config('app.workspace_id', %s, true)", (str(ids.workspace_id),)
        )
        tables = connection.execute(
            "SELECT tablename FROM pg_policies WHERE policyname = 'eraser'"
        ).fetchall()
        return {
            table
            for (table,) in tables
            if connection.execute(
                sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table))
            ).fetchone()
            is not None
        }


@pytest.mark.usefixtures("no_last_look")
def test_another_workspace_and_its_people_stay(
    full,
    order,
    work,
    later,
    payments_ended,
    tenant_factory,
    as_role,
    seek,
):
    other = tenant_factory()
    as_role("identity").execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'analyst')",
        (other.workspace_id, full.user_id),
    )
    order()
    work("erasures")
    later(full, grace=True)
    work("erasures")
    payments_ended(full)
    later(full)
    assert set(work("erasures")) == {"done"}
    # A member of another workspace keeps the account.
    assert "table users" in seek(full.email)
    assert _tables_with_rows(as_role, other) == {"workspaces", "members", "creators"}


@pytest.mark.parametrize(
    ("name", "more", "answer"),
    [
        ("another name", {}, (422, "InvalidInput")),
        (None, {"session_id": None}, (409, "LoginTooOld")),
        (None, {"role": "manager"}, (403, "Forbidden")),
    ],
)
def test_refuses_who_does_not_prove_it(order, canary, seek, name, more, answer):
    refused = order(name or canary, **more)
    assert (refused.status, refused.body["error"]) == answer
    assert "table erasures" not in seek(canary)


def test_a_login_of_yesterday_is_no_proof(full, order, as_role):
    as_role("identity").execute(
        "UPDATE sessions SET proven_at = now() - interval '1 day' WHERE id = %s",
        (full.session_id,),
    )
    assert order().body["error"] == "LoginTooOld"


def test_lanes_stop_with_the_order_and_cannot_be_started(full, order, tenant, as_role):
    with tenant(full.workspace_id).transaction() as connection:
        connection.execute("UPDATE creator_lanes SET status = 'active', stop_reason = NULL")
    order()
    worker = as_role("worker")
    with worker.transaction():
        worker.execute("SELECT set_config('app.workspace_id', %s, true)", (str(full.workspace_id),))
        lanes = "SELECT status, stop_reason FROM creator_lanes"
        assert worker.execute(lanes).fetchall() == [("stopped", "disconnected")]
        worker.execute("UPDATE creator_lanes SET status = 'active', stop_reason = NULL")
        assert worker.execute(lanes).fetchall() == [("stopped", "erasure")]


def test_an_owner_can_withdraw_until_it_begins(full, order, ask, work, later, seek, canary):
    first = order().body
    # Ordered again it is the same order, and does not begin later.
    assert order().body == first
    work("erasures")
    kept = ask(management, full, "POST", f"{ACCOUNT}/keep")
    assert (kept.status, kept.body["erasure"], kept.body["name"]) == (200, None, canary)
    again = ask(management, full, "POST", f"{ACCOUNT}/keep")
    assert (again.status, again.body["error"]) == (409, "NoErasure")
    later(full, grace=True)
    assert work("erasures") == []
    assert "table fans" in seek(canary)
    assert order().body["id"] != first["id"]


def test_an_erasure_is_ordered_and_withdrawn_so_often_a_day(full, order, ask, a_day_passes):
    for _ in range(3):
        assert order().status == 202
        assert ask(management, full, "POST", f"{ACCOUNT}/keep").status == 200
    refused = order()
    assert (refused.status, refused.body["error"]) == (429, "TooManyRequests")
    assert refused.headers["Retry-After"] == ["3600"]
    a_day_passes("erasures", full)
    assert order().status == 202


def test_nobody_withdraws_what_has_begun(full, order, ask, work, later):
    order()
    work("erasures")
    later(full, grace=True)
    work("erasures")
    assert ask(management, full, "POST", f"{ACCOUNT}/keep").status == 409


def test_owners_are_told_by_mail(full, order, as_role, canary):
    begins = datetime.fromisoformat(order().body["begins_at"])
    rows = (
        as_role("mailer")
        .execute(
            "SELECT parameters FROM mails WHERE template = 'erasure_scheduled' AND user_id = %s",
            (full.user_id,),
        )
        .fetchall()
    )
    assert rows == [({"workspace": canary, "day": f"{begins:%Y-%m-%d}"},)]
    assert timedelta(days=6) < begins - datetime.now(UTC) < timedelta(days=8)


class KilledError(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("is_done", [False, True])
@pytest.mark.parametrize("fatal", [step for step in Step if step in service._OF_WORKSPACE])
def test_killed_at_any_step_it_goes_on(
    full, order, later, seek, canary, payments_ended, as_role, monkeypatch, fatal, is_done
):
    """Before the step is written down, with its work done or not."""
    erasure_id = UUID(order().body["id"])
    later(full, grace=True)
    real = service._OF_WORKSPACE[fatal]

    def die(working, seconds_left):
        if is_done:
            real(working, seconds_left)
        raise KilledError

    source = SingleConnection(lambda: as_role("eraser"))

    def run():
        later(full)
        end = service.run(
            erasure_id,
            PostgresErasures(Tenant(source, full.workspace_id)),
            AwsStores(),
            now=lambda: datetime.now(UTC),
            seconds_left=lambda: 900.0,
            last_look=timedelta(0),
        )
        payments_ended(full)
        return end

    monkeypatch.setitem(service._OF_WORKSPACE, fatal, die)
    with pytest.raises(KilledError):
        _four_times(run)
    monkeypatch.setitem(service._OF_WORKSPACE, fatal, real)
    payments_ended(full)
    ends = _four_times(run)
    # Its last step is written down with its work: there nothing was left to do.
    assert "done" in ends or (fatal, is_done) == (Step.CLOSED, True)
    assert ends[-1] == "not ours"
    assert seek(canary) == {"table billing_accounts"}
    assert _tables_with_rows(as_role, full) == KEPT


def _four_times(run):
    return [run() for _ in range(4)]


def test_a_member_forgets_themselves_alone(full, ask, as_role, seek, canary, tenant):
    identity = as_role("identity")
    me, session_id = new_id(), new_id()
    identity.execute(
        "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Leaving')",
        (me, f"leaving-{me}@example.com"),
    )
    identity.execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'chatter')",
        (full.workspace_id, me),
    )
    identity.execute(
        "INSERT INTO sessions (id, user_id, workspace_id, expires_at)"
        " VALUES (%s, %s, %s, 'infinity')",
        (session_id, me, full.workspace_id),
    )
    who = SimpleNamespace(workspace_id=full.workspace_id, user_id=me)
    path = f"{ACCOUNT}/me"
    assert ask(management, who, "DELETE", path, role="chatter").body["error"] == "LoginTooOld"
    gone = ask(management, who, "DELETE", path, role="chatter", session_id=session_id)
    assert gone.status == 204
    assert seek(f"leaving-{me}") == set()
    last = ask(management, full, "DELETE", path, session_id=full.session_id)
    assert (last.status, last.body["error"]) == (409, "LastOwner")
    assert "table users" in seek(canary)
    with tenant(full.workspace_id).transaction() as connection:
        assert connection.execute("SELECT count(*) FROM members").fetchone() == (2,)
