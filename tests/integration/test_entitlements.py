"""What a plan allows, asked of Postgres: exact side by side, and messages counted by the ledger."""

import threading
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import sql

from huntaze.db import SingleConnection, Tenant
from huntaze.domain.billing import entitlements
from huntaze.domain.billing.plans import Feature, Limit, catalogue
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.states import Priority
from huntaze.domain.outbound.texts import parse
from huntaze.errors import ForbiddenError, NotFoundError, PaymentRequiredError
from huntaze.ids import new_id

NOW = datetime.now(UTC)


@pytest.fixture
def workspace(as_role, tenant):
    """Make a workspace of a plan with creators and a fan of each."""

    def make(plan, *, until=None, creators=1, members=1):
        found = SimpleNamespace(id=new_id(), creators=[], fans=[])
        with as_role("identity") as connection, connection.transaction():
            connection.execute(
                "INSERT INTO workspaces (id, name, plan, plan_until) VALUES (%s, 'T', %s, %s)",
                (found.id, plan, until),
            )
            for _ in range(members):
                user_id = new_id()
                connection.execute(
                    "INSERT INTO users (id, email, name, password_hash) VALUES (%s, %s, 'T', '')",
                    (user_id, f"{user_id}@example.com"),
                )
                connection.execute(
                    "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'manager')",
                    (found.id, user_id),
                )
        found.tenant = tenant(found.id)
        with found.tenant.transaction() as connection:
            for _ in range(creators):
                found.creators.append(add_creator(connection, found.id))
                found.fans.append(add_fan(connection, found.id, found.creators[-1]))
        return found

    return make


def add_creator(connection, workspace_id):
    creator_id = new_id()
    connection.execute(
        "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
        " VALUES (%s, %s, 'fan_platform', %s, 'T')",
        (workspace_id, creator_id, f"c-{creator_id}"),
    )
    return creator_id


def add_fan(connection, workspace_id, creator_id):
    fan_id = new_id()
    connection.execute(
        "INSERT INTO fans (workspace_id, id, creator_id, handle, platform_id, platform_key)"
        " VALUES (%s, %s, %s, %s, %s, %s)",
        (workspace_id, fan_id, creator_id, f"f-{fan_id}", str(fan_id), fan_id.bytes),
    )
    return fan_id


def send(connection, workspace, at=0):
    return planning.plan_direct(
        connection,
        planning.DirectSend(
            workspace.id,
            workspace.creators[at],
            workspace.fans[at],
            "hello",
            planning.Authorship("person"),
            Priority.PERSON,
        ),
    )


def plan_of(workspace, fans):
    """A campaign of a creator to all of its fans, one more than there were."""
    with workspace.tenant.transaction() as connection:
        for _ in range(fans - 1):
            add_fan(connection, workspace.id, workspace.creators[0])
        campaign_id = new_id()
        connection.execute(
            "INSERT INTO campaigns (workspace_id, id, creator_id, name, variants, created_by)"
            " VALUES (%s, %s, %s, 'c', '[]', %s)",
            (workspace.id, campaign_id, workspace.creators[0], new_id()),
        )
    return planning.CampaignPlan(
        workspace_id=workspace.id,
        creator_id=workspace.creators[0],
        campaign_id=campaign_id,
        platform="fan_platform",
        rules=(sql.SQL("true"), {}),
        variants=[planning.Variant("A", parse("hello"), 1)],
        authorship=planning.Authorship("person"),
    )


@pytest.fixture
def counted():
    """How many messages of this month count."""

    def read(workspace):
        with workspace.tenant.transaction() as connection:
            return entitlements.used(connection, workspace.id, Limit.MESSAGES)

    return read


@pytest.fixture
def set_state():
    """Move rows of the ledger on."""

    def move(workspace, state, *send_ids, **more):
        values = {"state": state, **more}
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(k), sql.Literal(v)) for k, v in values.items()
        )
        with workspace.tenant.transaction() as connection:
            connection.execute(
                sql.SQL("UPDATE sends SET {} WHERE id = ANY (%s)").format(assignments),
                (list(send_ids),),
            )

    return move


def test_a_plan_counts_until_it_ends(workspace):
    running = workspace("pro", until=datetime.now(UTC) + timedelta(hours=1))
    over = workspace("pro", until=datetime.now(UTC) - timedelta(seconds=1))
    unknown = workspace("a plan of next year")
    for one, name in ((running, "pro"), (over, "free"), (unknown, "free")):
        with one.tenant.transaction() as connection:
            assert entitlements.current(connection, one.id).plan.name == name


def test_nobody_reads_the_plan_of_another_workspace(workspace):
    mine, theirs = workspace("pro"), workspace("agency")
    with mine.tenant.transaction() as connection, pytest.raises(NotFoundError):
        entitlements.current(connection, theirs.id)


def test_a_refusal_names_the_least_plan_that_would_do(workspace):
    starter = workspace("starter")
    with starter.tenant.transaction() as connection:
        with pytest.raises(PaymentRequiredError, match=r"includes 1 creators.*Pro") as refused:
            entitlements.require_room(connection, starter.id, Limit.CREATORS)
        assert refused.value.fields == {"plan": "pro"}
        assert refused.value.status == 402
        with pytest.raises(PaymentRequiredError) as refused:
            entitlements.require_room(connection, starter.id, Limit.MEMBERS, adding=10)
        assert refused.value.fields == {"plan": "agency"}
        with pytest.raises(PaymentRequiredError) as refused:
            entitlements.require(connection, starter.id, Feature.AB_TESTS)
        assert refused.value.fields == {"plan": "pro"}


def test_what_no_plan_includes_is_forbidden(workspace, monkeypatch):
    plans = catalogue()
    monkeypatch.setattr(
        entitlements, "catalogue", lambda: plans.model_copy(update={"plans": plans.plans[:3]})
    )
    pro = workspace("pro", creators=5)
    with pro.tenant.transaction() as connection, pytest.raises(ForbiddenError, match="No plan"):
        entitlements.require_room(connection, pro.id, Limit.CREATORS)


def test_a_limit_is_used_to_the_last_and_no_further(workspace):
    pro = workspace("pro", creators=4, members=9)
    with pro.tenant.transaction() as connection:
        entitlements.require_room(connection, pro.id, Limit.CREATORS)
        add_creator(connection, pro.id)
        with pytest.raises(PaymentRequiredError):
            entitlements.require_room(connection, pro.id, Limit.CREATORS)
        entitlements.require_room(connection, pro.id, Limit.MEMBERS)
        # One who is there, and two who are invited.
        with pytest.raises(PaymentRequiredError):
            entitlements.require_room(connection, pro.id, Limit.MEMBERS, adding=2)


def test_twenty_at_once_add_no_more_than_there_is_room_for(workspace, as_role):
    pro = workspace("pro", creators=2)
    start, outcomes = threading.Barrier(20), []

    def add():
        tenant = Tenant(SingleConnection(lambda: as_role("app")), pro.id)
        start.wait()
        try:
            with tenant.transaction() as connection:
                entitlements.require_room(connection, pro.id, Limit.CREATORS)
                add_creator(connection, pro.id)
            outcomes.append("added")
        except PaymentRequiredError:
            outcomes.append("refused")

    threads = [threading.Thread(target=add) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("added"), outcomes.count("refused")) == (3, 17)


# Messages


def test_the_ledger_counts_what_is_queued_and_gives_back_what_is_not_sent(
    workspace, counted, set_state
):
    pro = workspace("pro", creators=2)
    with pro.tenant.transaction() as connection:
        ids = [send(connection, pro) for _ in range(5)]
    assert counted(pro) == 5
    soon = datetime.now(UTC) + timedelta(minutes=1)
    granted = {"granted_at": NOW, "submit_until": NOW, "readable_at": soon}
    set_state(pro, "submitting", *ids[:3], **granted)
    assert counted(pro) == 5
    set_state(pro, "sent", ids[0])
    set_state(pro, "unknown", ids[1])
    assert counted(pro) == 5
    set_state(pro, "not_sent", ids[2])
    set_state(pro, "skipped", ids[3], reason="cap")
    set_state(pro, "cancelled", ids[4])
    assert counted(pro) == 2
    with pro.tenant.transaction() as connection:
        again = send(connection, pro)
        connection.execute("DELETE FROM sends WHERE id = %s", (again,))
    assert counted(pro) == 2


def test_a_refused_message_leaves_nothing(workspace, counted):
    free = workspace("free")
    with pytest.raises(PaymentRequiredError, match="Starter"), free.tenant.transaction() as c:
        send(c, free)
    assert counted(free) == 0
    with free.tenant.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM sends").fetchone() == (0,)


@pytest.fixture
def few_messages(monkeypatch):
    """The starter plan with three messages a month."""
    plans = [
        plan.model_copy(update={"limits": {**plan.limits, Limit.MESSAGES: 3}})
        if plan.name == "starter"
        else plan
        for plan in catalogue().plans
    ]
    small = catalogue().model_copy(update={"plans": tuple(plans)})
    monkeypatch.setattr(entitlements, "catalogue", lambda: small)


@pytest.mark.usefixtures("few_messages")
def test_messages_are_used_to_the_last_and_no_further(workspace, set_state, counted):
    starter = workspace("starter")
    with starter.tenant.transaction() as connection:
        ids = [send(connection, starter) for _ in range(3)]
    with (
        pytest.raises(PaymentRequiredError, match="3 messages a month; this would make 4"),
        starter.tenant.transaction() as connection,
    ):
        send(connection, starter)
    set_state(starter, "cancelled", ids[0])
    with starter.tenant.transaction() as connection:
        send(connection, starter)
    assert counted(starter) == 3


@pytest.mark.usefixtures("few_messages")
def test_twenty_messages_at_once_pass_no_limit(workspace, as_role, counted):
    starter = workspace("starter")
    start, outcomes = threading.Barrier(20), []

    def write():
        tenant = Tenant(SingleConnection(lambda: as_role("app")), starter.id)
        start.wait()
        try:
            with tenant.transaction() as connection:
                send(connection, starter)
            outcomes.append("queued")
        except PaymentRequiredError:
            outcomes.append("refused")

    threads = [threading.Thread(target=write) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (outcomes.count("queued"), outcomes.count("refused")) == (3, 17)
    assert counted(starter) == 3


@pytest.mark.usefixtures("few_messages")
def test_a_campaign_that_the_month_has_no_room_for_is_not_planned(workspace, counted):
    starter = workspace("starter")
    with starter.tenant.transaction() as connection:
        send(connection, starter)
    too_large = plan_of(starter, fans=3)
    with (
        pytest.raises(PaymentRequiredError, match="this would make 4"),
        starter.tenant.transaction() as connection,
    ):
        planning.plan_campaign(connection, too_large)
    assert counted(starter) == 1
    with starter.tenant.transaction() as connection:
        connection.execute("UPDATE fans SET consent = false WHERE id = %s", (starter.fans[0],))
        # Who is left out needs no room.
        assert planning.plan_campaign(connection, too_large) == 3
    assert counted(starter) == 3


def test_after_a_smaller_plan_was_chosen_the_oldest_creators_send(workspace, as_role):
    starter = workspace("starter", creators=3)
    with starter.tenant.transaction() as connection:
        send(connection, starter, at=0)
    for at in (1, 2):
        with (
            pytest.raises(PaymentRequiredError, match="includes 1 creators"),
            starter.tenant.transaction() as connection,
        ):
            send(connection, starter, at=at)
    # Who works for the last one alone sees one creator, and may send no more than others.
    narrow = SingleConnection(lambda: as_role("app"))
    with (
        pytest.raises(PaymentRequiredError),
        Tenant(narrow, starter.id, [starter.creators[2]]).transaction() as connection,
    ):
        send(connection, starter, at=2)


def test_a_new_month_begins_at_zero(workspace, counted):
    pro = workspace("pro")
    with pro.tenant.transaction() as connection:
        send_id = send(connection, pro)
        connection.execute(
            "INSERT INTO sends (workspace_id, creator_id, fan_id, priority, text, text_hash,"
            " written_by, created_at) VALUES (%s, %s, %s, 0, 'x', 'x', 'person', %s)",
            (pro.id, pro.creators[0], pro.fans[0], NOW - timedelta(days=40)),
        )
        months = connection.execute("SELECT count(*) FROM message_usage").fetchone()
    assert months == (2,)
    assert counted(pro) == 1
    assert send_id


@pytest.mark.parametrize("role", ["app", "worker"])
def test_nobody_but_billing_writes_plans_and_counts(workspace, as_role, role):
    pro = workspace("pro")
    tenant = Tenant(SingleConnection(lambda: as_role(role)), pro.id)
    for statement in (
        "UPDATE workspaces SET plan = 'agency'",
        "UPDATE workspaces SET plan_until = NULL",
        "UPDATE message_usage SET messages = 0",
        "DELETE FROM message_usage",
        "UPDATE subscriptions SET status = 'active'",
        "INSERT INTO invoices (workspace_id) VALUES (NULL)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), tenant.transaction() as c:
            c.execute(statement)
