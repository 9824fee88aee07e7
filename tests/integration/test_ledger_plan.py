"""Planning: who gets what and who does not, on real Postgres under row level security."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from huntaze.db import Connection
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.planning import (
    Audience,
    Authorship,
    CampaignPlan,
    DirectSend,
    Variant,
)
from huntaze.domain.outbound.states import Priority, SkipReason
from huntaze.domain.outbound.texts import parse
from huntaze.errors import NotFoundError
from huntaze.ids import new_id
from tests.fakes.creator_desk import Desk


@pytest.fixture
def desk(
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]], as_role: Callable[[str], Connection]
) -> Desk:
    workspace_id, user_id, creator_id = tenant_factory(platform="onlyfans")
    made = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    made.open_lane()
    return made


@pytest.fixture
def plan_for(desk: Desk) -> Callable[..., CampaignPlan]:
    def make(campaign_id: UUID | None = None, **changes: Any) -> CampaignPlan:
        values: dict[str, Any] = {
            "workspace_id": desk.workspace_id,
            "creator_id": desk.creator_id,
            "campaign_id": campaign_id or desk.campaign("scheduled"),
            "platform": "onlyfans",
            "rules": (sql.SQL("true"), {}),
            "variants": [Variant("A", parse("Hi {display_name|love}"), 1)],
            "authorship": Authorship("template", author_id=desk.user_id),
        }
        return CampaignPlan(**values | changes)

    return make


@pytest.fixture
def write(desk: Desk) -> Callable[[CampaignPlan], int]:
    def plan(wanted: CampaignPlan) -> int:
        with desk.app.transaction() as connection:
            return planning.plan_campaign(connection, wanted)

    return plan


@pytest.fixture
def preview(desk: Desk) -> Callable[[CampaignPlan], Audience]:
    def look(wanted: CampaignPlan) -> Audience:
        with desk.app.transaction() as connection:
            return planning.preview(connection, wanted)

    return look


@pytest.fixture
def everyone(desk: Desk) -> dict[UUID, str | None]:
    """A fan for each reason to be left out, and two for whom there is none."""
    desk.set_creator(recent_chat_minutes=30)
    medium = desk.medium()
    fans: dict[UUID, str | None] = {desk.fan(): None, desk.fan(status="expired"): None}
    suppressed, offered, capped = desk.fan(), desk.fan(), desk.fan()
    desk.suppress(suppressed)
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, state)"
            " VALUES (%s, %s, %s, %s, 'bought')",
            (desk.workspace_id, desk.creator_id, offered, medium),
        )
    desk.had(capped, 2)
    return fans | {
        desk.fan(platform_id=None): SkipReason.UNMATCHED.value,
        suppressed: SkipReason.SUPPRESSED.value,
        desk.fan(blocked_at="now"): SkipReason.BLOCKED.value,
        desk.fan(consent=False): SkipReason.NO_CONSENT.value,
        offered: SkipReason.ALREADY_OFFERED.value,
        desk.fan(last_inbound_at=datetime.now(UTC) - timedelta(minutes=5)): "recent_chat",
        capped: SkipReason.CAP.value,
    }


def test_every_fan_gets_a_row_and_who_is_left_out_a_reason(
    desk: Desk,
    everyone: dict[UUID, str | None],
    plan_for: Callable[..., CampaignPlan],
    write: Callable[[CampaignPlan], int],
) -> None:
    (medium,) = (row["id"] for row in desk.rows("SELECT id FROM media"))
    wanted = plan_for(price_cents=500, media_ids=[medium])
    assert write(wanted) == len(everyone)
    rows = desk.rows("SELECT * FROM sends WHERE campaign_id = %s", wanted.campaign_id)
    assert {row["fan_id"]: row["reason"] for row in rows} == everyone
    assert {row["state"] for row in rows if row["reason"]} == {"skipped"}
    assert {row["state"] for row in rows if not row["reason"]} == {"planned"}
    for row in rows:
        assert row["text"] == "Hi love"
        assert row["text_hash"] == hashlib.sha256(row["text"].encode()).hexdigest()
        assert (row["price_cents"], row["media_ids"]) == (500, [medium])
        assert (row["written_by"], row["author_id"]) == ("template", desk.user_id)
        assert row["compliance_passed_at"] is not None
        assert row["priority"] == Priority.CAMPAIGN


def test_an_erased_fan_is_in_no_audience(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    desk.fan(platform_id=None, erased_at="now", platform_key=b"x")
    assert write(plan_for()) == 0


def test_the_first_reason_that_is_a_persons_word_wins(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    fan_id = desk.fan(blocked_at="now", consent=False)
    desk.suppress(fan_id)
    write(plan_for())
    assert desk.rows("SELECT reason FROM sends") == [{"reason": "suppressed"}]


@pytest.mark.parametrize("days", [None, -3, 3])
def test_caps_and_running_chats_are_those_of_the_time_at_which_it_goes_out(
    desk: Desk,
    everyone: dict[UUID, str | None],
    plan_for: Callable[..., CampaignPlan],
    write: Callable[[CampaignPlan], int],
    preview: Callable[[CampaignPlan], Audience],
    days: int | None,
) -> None:
    due_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    wanted = plan_for(due_at=due_at)
    foreseen = {one.reason for one in preview(wanted).counts}
    write(wanted)
    rows = desk.rows("SELECT fan_id, reason FROM sends WHERE campaign_id = %s", wanted.campaign_id)
    passing = {"cap", "recent_chat"}
    left_out = {row["reason"] for row in rows if everyone[row["fan_id"]] in passing}
    assert left_out == ({None} if days == 3 else passing)
    assert foreseen == {row["reason"] for row in rows}


def test_planning_twice_adds_nothing(
    desk: Desk,
    everyone: dict[UUID, str | None],
    plan_for: Callable[..., CampaignPlan],
    write: Callable[[CampaignPlan], int],
) -> None:
    wanted = plan_for()
    write(wanted)
    before = desk.rows("SELECT * FROM sends ORDER BY id")
    assert write(wanted) == 0
    assert desk.rows("SELECT * FROM sends ORDER BY id") == before
    # Only who was not there before gets a row.
    desk.fan()
    assert write(wanted) == 1
    assert len(before) >= len(everyone)


def test_a_dry_run_tells_what_the_plan_then_does(
    desk: Desk,
    everyone: dict[UUID, str | None],
    plan_for: Callable[..., CampaignPlan],
    write: Callable[[CampaignPlan], int],
    preview: Callable[[CampaignPlan], Audience],
) -> None:
    for _ in range(60):
        desk.fan()
    wanted = plan_for(holdout_percent=20)
    foreseen = preview(wanted)
    assert desk.rows("SELECT FROM sends WHERE campaign_id = %s", wanted.campaign_id) == []
    assert sum(count.fans for count in foreseen.counts) == write(wanted)
    written = Counter(
        (row["state"], row["reason"])
        for row in desk.rows("SELECT * FROM sends WHERE campaign_id = %s", wanted.campaign_id)
    )
    assert {(count.state.value, count.reason): count.fans for count in foreseen.counts} == written
    # The capped fan of the fixture has messages of another origin; the audience is the same still.
    assert preview(wanted) == foreseen
    assert len(everyone) + 60 == sum(written.values())


@pytest.mark.parametrize("change", ["joins", "leaves", "comes_out_differently", "swaps_reasons"])
def test_the_digest_shows_any_change_of_the_audience(
    desk: Desk,
    plan_for: Callable[..., CampaignPlan],
    preview: Callable[[CampaignPlan], Audience],
    change: str,
) -> None:
    fans = [desk.fan() for _ in range(4)]
    blocked, silent = desk.fan(blocked_at="now"), desk.fan(consent=False)
    wanted = plan_for()
    before = preview(wanted).digest
    if change == "joins":
        desk.fan()
    elif change == "leaves":
        desk.set_fan(fans[0], platform_id=None, erased_at="now")
    elif change == "comes_out_differently":
        desk.set_fan(fans[0], consent=False)
    else:
        desk.set_fan(blocked, blocked_at=None, consent=False)
        desk.set_fan(silent, blocked_at="now", consent=None)
    assert preview(wanted).digest != before


def test_a_share_is_held_out_the_same_one_every_time(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    for _ in range(400):
        desk.fan()
    wanted = plan_for(holdout_percent=25)
    write(wanted)
    held_out = {
        row["fan_id"] for row in desk.rows("SELECT fan_id FROM sends WHERE state = 'held_out'")
    }
    # Four standard deviations around a quarter of 400.
    assert 65 <= len(held_out) <= 135
    with desk.app.transaction() as connection:
        planning.discard_plan(connection, wanted.campaign_id)
    write(wanted)
    again = desk.rows("SELECT fan_id FROM sends WHERE state = 'held_out'")
    assert {row["fan_id"] for row in again} == held_out
    # Another campaign leaves others out.
    other = plan_for(holdout_percent=25)
    write(other)
    others = desk.rows(
        "SELECT fan_id FROM sends WHERE state = 'held_out' AND campaign_id = %s", other.campaign_id
    )
    assert {row["fan_id"] for row in others} != held_out


def test_variants_get_their_shares_and_their_texts(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    for _ in range(400):
        desk.fan(display_name="Ann")
    variants = [Variant("A", parse("one {display_name|x}"), 3), Variant("B", parse("two"), 1)]
    write(plan_for(variants=variants, holdout_percent=0))
    counts = Counter((row["variant"], row["text"]) for row in desk.rows("SELECT * FROM sends"))
    assert set(counts) == {("A", "one Ann"), ("B", "two")}
    assert 265 <= counts["A", "one Ann"] <= 335


def test_each_fan_gets_a_text_of_the_first_group_that_they_are_in(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    kinds = {
        name: {desk.fan(tier=tier, language=language) for _ in range(40)}
        for name, tier, language in (
            *(("both", "gold", "fr"), ("gold", "gold", "en")),
            *(("french", "free", "fr"), ("neither", "free", "en")),
        )
    }
    groups = [
        (sql.SQL("f.tier = %(group0_0)s"), {"group0_0": "gold"}),
        (sql.SQL("f.language = %(group1_0)s"), {"group1_0": "fr"}),
    ]
    labels = (("A", 0, 1), ("B", 0, 1), ("C", 1, 5), ("D", 2, 1))
    variants = [Variant(label, parse(label), weight, group) for label, group, weight in labels]
    write(plan_for(variants=variants, groups=groups))
    got: dict[str, set[object]] = {label: set() for label, *_ in labels}
    for row in desk.rows("SELECT fan_id, variant, text FROM sends WHERE state = 'planned'"):
        assert row["text"] == row["variant"]
        got[row["variant"]].add(row["fan_id"])
    assert got["A"] | got["B"] == kinds["both"] | kinds["gold"]
    # Shares are those of the group, whatever others there are.
    assert min(len(got["A"]), len(got["B"])) > 15
    assert (got["C"], got["D"]) == (kinds["french"], kinds["neither"])


def test_holdout_and_variant_are_drawn_apart(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    for _ in range(400):
        desk.fan()
    variants = [Variant("A", parse("one"), 1), Variant("B", parse("two"), 1)]
    write(plan_for(variants=variants, holdout_percent=50))
    held_out = Counter(
        row["variant"] for row in desk.rows("SELECT * FROM sends WHERE state = 'held_out'")
    )
    assert min(held_out["A"], held_out["B"]) > 60


def test_rules_choose_the_audience_and_their_values_stay_values(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    tricky = desk.fan(tier="'; DROP TABLE sends; --")
    desk.fan(tier="gold")
    rules = (sql.SQL("f.tier = %(rule_0)s"), {"rule_0": "'; DROP TABLE sends; --"})
    assert write(plan_for(rules=rules)) == 1
    assert desk.rows("SELECT fan_id FROM sends") == [{"fan_id": tricky}]


def test_only_this_creators_fans_are_planned(
    desk: Desk,
    plan_for: Callable[..., CampaignPlan],
    write: Callable[[CampaignPlan], int],
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
) -> None:
    workspace_id, user_id, creator_id = tenant_factory()
    stranger = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    stranger.fan()
    mine = desk.fan()
    assert write(plan_for()) == 1
    assert desk.rows("SELECT fan_id FROM sends") == [{"fan_id": mine}]
    # Nor does a plan that names the other creator reach over.
    assert write(plan_for(creator_id=creator_id)) == 0


def test_cancelling_leaves_what_is_under_way(desk: Desk) -> None:
    campaign_id = desk.campaign()
    first, second = desk.send(campaign_id=campaign_id), desk.send(campaign_id=campaign_id)
    desk.grant(desk.claim())
    with desk.app.transaction() as connection:
        assert planning.cancel_planned(connection, campaign_id) == 1
        counts = planning.totals(connection, campaign_id)
    assert {desk.row(first)["state"], desk.row(second)["state"]} == {"submitting", "cancelled"}
    assert (counts["submitting"], counts["cancelled"]) == (1, 1)


def test_a_plan_can_be_thrown_away_until_something_was_granted(
    desk: Desk, plan_for: Callable[..., CampaignPlan], write: Callable[[CampaignPlan], int]
) -> None:
    desk.fan()
    wanted = plan_for(desk.campaign())
    write(wanted)
    with desk.app.transaction() as connection:
        planning.discard_plan(connection, wanted.campaign_id)
    assert desk.rows("SELECT FROM sends") == []
    write(wanted)
    desk.grant(desk.claim())
    with (
        pytest.raises(psycopg.errors.CheckViolation),
        desk.app.transaction() as connection,
    ):
        planning.discard_plan(connection, wanted.campaign_id)


def test_totals_name_the_reasons(
    desk: Desk,
    everyone: dict[UUID, str | None],
    plan_for: Callable[..., CampaignPlan],
    write: Callable[[CampaignPlan], int],
) -> None:
    wanted = plan_for()
    write(wanted)
    with desk.app.transaction() as connection:
        counts = planning.totals(connection, wanted.campaign_id)
    # Without media nobody owns it already.
    reasons = Counter(reason for reason in everyone.values() if reason)
    del reasons["already_offered"]
    assert counts["skipped"] == sum(reasons.values())
    assert {key: counts[f"skipped:{key}"] for key in reasons} == dict(reasons)
    assert counts["planned"] == 3


@pytest.mark.parametrize("erased", [True, False])
def test_a_direct_message_needs_a_fan_of_this_creator(desk: Desk, erased: bool) -> None:
    fan_id = desk.fan(platform_id=None, erased_at="now") if erased else new_id()
    message = DirectSend(
        desk.workspace_id,
        desk.creator_id,
        fan_id,
        "hi",
        Authorship("person"),
        Priority.PERSON,
    )
    with desk.app.transaction() as connection, pytest.raises(NotFoundError):
        planning.plan_direct(connection, message)


@pytest.mark.parametrize(
    "table", ["sends", "send_attempts", "media_grants", "creator_lanes", "creator_commands", "fans"]
)
def test_a_worker_sees_the_workspace_of_its_lane_and_no_other(
    desk: Desk,
    tenant_factory: Callable[..., tuple[UUID, UUID, UUID]],
    as_role: Callable[[str], Connection],
    table: str,
) -> None:
    desk.send(media_ids=[desk.medium()], price_cents=500)
    desk.grant(desk.claim())
    workspace_id, user_id, creator_id = tenant_factory()
    stranger = Desk(as_role, workspace_id=workspace_id, creator_id=creator_id, user_id=user_id)
    query = sql.SQL("SELECT count(*) FROM {} WHERE workspace_id = %s").format(sql.Identifier(table))
    with stranger.worker.transaction() as connection:
        row = connection.execute(query, (desk.workspace_id,)).fetchone()
        assert row == (0,)
        if table not in ("fans", "send_attempts", "media_grants"):
            key = sql.SQL("creator_id = creator_id")
            update = sql.SQL("UPDATE {} SET {} WHERE workspace_id = %s").format(
                sql.Identifier(table), key
            )
            assert connection.execute(update, (desk.workspace_id,)).rowcount == 0
    # Outside any workspace the question fails instead of leaking.
    with pytest.raises(psycopg.Error):
        as_role("worker").execute(query, (desk.workspace_id,))
