"""A paid message of which nobody knows, sent again: nothing is offered twice, nothing vanishes."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from psycopg import sql

from huntaze.domain.outbound import grants, judging, planning, settlement
from huntaze.domain.outbound.grants import Granted
from huntaze.domain.outbound.judging import Settlement
from huntaze.domain.outbound.planning import Authorship, CampaignPlan, Variant
from huntaze.domain.outbound.settlement import Sighting
from huntaze.domain.outbound.states import SendState
from huntaze.domain.outbound.texts import parse
from huntaze.errors import ConflictError
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import BRIEF, Desk
from tests.fakes.talk import Talk

NOTHING, LOST = Sighting(True, []), Sighting(False, [])


class Doubt:
    """A paid message with a medium whose outcome nobody knows."""

    def __init__(self, desk: Desk, talk: Talk) -> None:
        self.desk = desk
        self.talk = talk
        self.medium = desk.medium()
        self.id = desk.send(talk.fan_id, media_ids=[self.medium], price_cents=700)
        self.submit()
        assert self.read_back(LOST) is SendState.UNKNOWN

    def submit(self) -> None:
        """Submit the lane's next message."""
        assert isinstance(self.desk.grant(self._claim(), deadlines=BRIEF), Granted)

    def read_back(self, *sightings: Sighting) -> SendState:
        """Settle the message in doubt by what was seen."""
        claim = self._claim()
        with self.desk.worker.transaction() as connection:
            (doubt,) = settlement.in_doubt(connection, claim)
            return settlement.settle_read_back(connection, claim, doubt, list(sightings))

    def send_again(self, send_id: UUID | None = None) -> UUID:
        """Have it sent again."""
        with self.desk.app.transaction() as connection:
            again = judging.settle(
                connection,
                send_id or self.id,
                Settlement(decision="send_again"),
                decided_by=self.desk.user_id,
            )
        assert again is not None
        return again

    def skip(self) -> None:
        """Let the lane's next message be skipped."""
        self.desk.set_fan(self.talk.fan_id, consent=False)
        assert not isinstance(self.desk.grant(self._claim()), Granted)
        self.desk.set_fan(self.talk.fan_id, consent=None)

    def give_up(self) -> None:
        """Let the lane's next message be given up, its thread never opening."""
        for _ in range(grants.MAX_OPEN_FAILURES):
            claim = self._claim()
            due = self.desk.next_due(claim)
            assert due is not None
            with self.desk.worker.transaction() as connection:
                grants.could_not_open(
                    connection, claim, due, "server_error", delay=timedelta(seconds=-1)
                )

    def come_to_nothing(self) -> None:
        """Submit the lane's next message twice; the thread never shows it."""
        for _ in range(settlement.MAX_ATTEMPTS):
            self.submit()
            assert self.read_back(NOTHING, NOTHING) is SendState.NOT_SENT

    def holders(self) -> list[UUID]:
        """Whose offer of the medium stands."""
        rows = self.desk.rows("SELECT send_id FROM media_grants WHERE media_id = %s", self.medium)
        return [row["send_id"] for row in rows]

    def is_offered_by_a_campaign(self) -> bool:
        """Whether a campaign with the medium would go to the fan."""
        campaign_id = self.desk.campaign("scheduled")
        plan = CampaignPlan(
            workspace_id=self.desk.workspace_id,
            creator_id=self.desk.creator_id,
            campaign_id=campaign_id,
            platform="onlyfans",
            rules=(sql.SQL("true"), {}),
            variants=[Variant("A", parse("hi"), 1)],
            authorship=Authorship("template", author_id=self.desk.user_id),
            price_cents=700,
            media_ids=[self.medium],
        )
        with self.desk.app.transaction() as connection:
            planning.plan_campaign(connection, plan)
        (row,) = self.desk.rows("SELECT reason FROM sends WHERE campaign_id = %s", campaign_id)
        assert row["reason"] in (None, "already_offered")
        return row["reason"] is None

    def _claim(self) -> Any:
        self.desk.set_lane(leased_until="2020-01-01")
        return self.desk.claim()


@pytest.fixture
def doubt(desk: Desk, talk: Callable[..., Talk]) -> Doubt:
    one = talk()
    one.theirs(60 * 24)
    return Doubt(desk, one)


@pytest.fixture
def under_way(call: Callable[..., Answer], doubt: Doubt) -> Callable[[], dict[str, str]]:
    """The replies that the thread names beside its messages, and how they stand."""

    def read() -> dict[str, str]:
        found = call("GET", f"{doubt.talk.path}/messages").body["under_way"]
        return {one["send_id"]: one["state"] for one in found}

    return read


def test_what_is_called_back_leaves_the_question_open(
    call: Callable[..., Answer], doubt: Doubt, under_way: Callable[[], dict[str, str]]
) -> None:
    path = f"/api/of/send/{doubt.id}/settle"
    again = call("POST", path, {"decision": "send_again"}).body["new_send_id"]
    assert under_way() == {again: "planned"}
    for decision in ("send_again", "assume_sent"):
        assert call("POST", path, {"decision": decision}).status == 409
    assert call("DELETE", f"/api/of/send/{again}").body["state"] == "cancelled"
    # The fan may have it all the same.
    assert under_way() == {str(doubt.id): "unknown"}
    assert not doubt.is_offered_by_a_campaign()
    once_more = call("POST", path, {"decision": "send_again"}).body["new_send_id"]
    assert call("DELETE", f"/api/of/send/{once_more}").body["state"] == "cancelled"
    assert call("POST", path, {"decision": "assume_sent"}).body["send"]["state"] == "sent"
    assert (doubt.holders(), under_way()) == ([doubt.id], {})
    assert not doubt.is_offered_by_a_campaign()


@pytest.mark.parametrize("ending", [Doubt.skip, Doubt.give_up, Doubt.come_to_nothing])
def test_however_the_new_message_fails_the_old_one_is_asked_about(
    ending: Callable[[Doubt], None], doubt: Doubt, under_way: Callable[[], dict[str, str]]
) -> None:
    again = doubt.send_again()
    ending(doubt)
    assert under_way()[str(doubt.id)] == "unknown"
    assert under_way()[str(again)] in ("skipped", "not_sent")
    assert doubt.holders() == [doubt.id]
    assert not doubt.is_offered_by_a_campaign()
    once_more = doubt.send_again()
    doubt.submit()
    assert doubt.holders() == [once_more]


def test_the_new_message_takes_the_offer_over_when_it_is_granted(
    doubt: Doubt, under_way: Callable[[], dict[str, str]]
) -> None:
    again = doubt.send_again()
    assert doubt.holders() == [doubt.id]
    assert not doubt.is_offered_by_a_campaign()
    doubt.submit()
    assert doubt.holders() == [again]
    # Nobody knows of that one either: now it is the one to ask about, and to repeat.
    assert doubt.read_back(LOST) is SendState.UNKNOWN
    assert under_way() == {str(again): "unknown"}
    third = doubt.send_again(again)
    doubt.submit()
    assert (doubt.holders(), under_way()) == ([third], {str(third): "submitting"})
    with pytest.raises(ConflictError):
        doubt.send_again()


def test_an_offer_that_was_lost_comes_back_with_the_word_that_it_arrived(
    call: Callable[..., Answer], desk: Desk, doubt: Doubt
) -> None:
    with desk.app.transaction() as connection:
        connection.execute("DELETE FROM media_grants")
    call("POST", f"/api/of/send/{doubt.id}/settle", {"decision": "assume_sent"})
    assert doubt.holders() == [doubt.id]
