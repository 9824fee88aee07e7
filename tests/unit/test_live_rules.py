"""Who may see which event, what clients are told of it, and the cursors that they carry."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.realtime import cursors, kinds, progress, service
from functions.realtime.models import START, BusEvent, News, Place, Ticket, Viewer
from huntaze.auth import RIGHTS, Right, Role
from huntaze.errors import BadRequestError, ForbiddenError
from huntaze.ids import new_id
from stacks.messaging import TOLD_LIVE

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
CREATOR, OTHER, MEMBER = new_id(), new_id(), new_id()
PAGES = {"https://app.example.com"}


def _news(kind: str, *, creator: UUID | None = CREATOR, user: UUID | None = None) -> News:
    return News(
        event_id=new_id(), type=kind, creator_id=creator, user_id=user, data={}, occurred_at=NOW
    )


def _bus(kind: str, aggregate: str, **payload: object) -> BusEvent:
    return BusEvent.model_validate(
        {
            "detail-type": kind,
            "detail": {
                "id": str(new_id()),
                "workspace_id": str(new_id()),
                "aggregate_type": aggregate,
                "aggregate_id": str(CREATOR),
                "created_at": NOW.isoformat(),
                "payload": payload,
            },
        }
    )


def test_what_the_bus_brings_is_what_clients_are_told():
    assert {*TOLD_LIVE, kinds.CAMPAIGN_PROGRESS} == set(kinds.RULES)


@pytest.mark.parametrize("kind", sorted(kinds.RULES))
@pytest.mark.parametrize("role", list(Role))
def test_nobody_sees_what_their_role_or_scope_does_not_show(kind, role):
    rule = kinds.RULES[kind]
    everything = Viewer(MEMBER, role, None)
    of_this = Viewer(MEMBER, role, frozenset({CREATOR}))
    of_another = Viewer(MEMBER, role, frozenset({OTHER}))
    user = MEMBER if rule.reach is kinds.Reach.MEMBER else None
    creator = None if rule.reach is kinds.Reach.WORKSPACE else CREATOR
    event = _news(kind, creator=creator, user=user)
    may = rule.right in RIGHTS[role]
    assert kinds.may_see(everything, event) is may
    assert kinds.may_see(of_this, event) is (may and creator is not None)
    assert not kinds.may_see(of_another, event)


def test_a_notification_is_its_members_and_a_cost_alert_nobody_elses_than_managers():
    theirs = _news("notification.created", creator=None, user=MEMBER)
    assert kinds.may_see(Viewer(MEMBER, Role.CHATTER, frozenset({OTHER})), theirs)
    assert not kinds.may_see(Viewer(OTHER, Role.OWNER, None), theirs)
    assert not kinds.may_see(Viewer(OTHER, Role.OWNER, None), _news("notification.created"))
    alert = _news("cost.alert", creator=None)
    seen_by = {role for role in Role if kinds.may_see(Viewer(MEMBER, role, None), alert)}
    assert seen_by == {role for role in Role if Right.MANAGE in RIGHTS[role]}


def test_an_event_without_a_creator_is_for_who_sees_every_creator():
    nobodys = _news("message.created", creator=None)
    assert kinds.may_see(Viewer(MEMBER, Role.CHATTER, None), nobodys)
    assert not kinds.may_see(Viewer(MEMBER, Role.CHATTER, frozenset({CREATOR})), nobodys)


def test_what_nobody_has_heard_of_is_shown_to_nobody():
    assert kinds.read(_bus("fan.imported", "fan")) is None
    assert not kinds.may_see(Viewer(MEMBER, Role.OWNER, None), _news("fan.imported"))


def test_only_ids_leave():
    said = {"creator_id": str(OTHER), "text": "secret", "note_id": "secret", "campaign_id": None}
    news = kinds.read(_bus("message.settled", "send", **said))
    assert news is not None
    assert news.data == {"send_id": str(CREATOR), "creator_id": str(OTHER)}
    assert (news.creator_id, news.occurred_at) == (OTHER, NOW)


def test_whatever_happens_to_a_campaign_is_progress_of_it():
    news = kinds.read(_bus("campaign.paused", "campaign", move="pause"))
    assert news is not None
    assert (news.type, news.data) == ("campaign.progress", {"campaign_id": str(CREATOR)})
    stopped = kinds.read(_bus("creator.stopped", "creator", reason="challenge"))
    assert stopped is not None
    assert (stopped.creator_id, stopped.user_id) == (CREATOR, None)


def test_a_notification_says_whose_it_is():
    news = kinds.read(
        _bus("notification.created", "notification", user_id=str(MEMBER), creator_id=None)
    )
    assert news is not None
    assert (news.user_id, news.creator_id) == (MEMBER, None)


@given(position=st.integers(1, 10**17), event_id=st.uuids())
def test_a_cursor_leads_back_to_its_place(position, event_id):
    place = Place(position, event_id)
    assert cursors.read(cursors.write(place)) == place


def test_the_start_is_a_place():
    assert cursors.read(cursors.write(START)) == START


@given(text=st.text(max_size=60))
def test_what_is_no_cursor_is_refused(text):
    try:
        place = cursors.read(text)
    except BadRequestError:
        return
    assert cursors.write(place) == text


def test_pages_of_others_may_not_listen_and_programs_may():
    service.check_origin(None, PAGES)
    service.check_origin("https://app.example.com", PAGES)
    with pytest.raises(ForbiddenError):
        service.check_origin("https://evil.example.com", PAGES)


@pytest.mark.parametrize(
    ("asked_by", "comes_from", "admitted"),
    [
        (None, None, True),
        (None, "https://app.example.com", True),
        (None, "https://evil.example.com", False),
        ("https://app.example.com", "https://app.example.com", True),
        # A browser's ticket is of no use to a program that has got hold of it.
        ("https://app.example.com", None, False),
        ("https://app.example.com", "https://evil.example.com", False),
    ],
)
def test_a_ticket_lets_in_who_asked_for_it(asked_by, comes_from, admitted):
    ticket = Ticket(new_id(), new_id(), MEMBER, asked_by, NOW + service.TICKET_LIFE)
    assert service.admits(ticket, comes_from, PAGES, NOW) is admitted
    assert not service.admits(ticket, comes_from, PAGES, NOW + timedelta(seconds=30))


def test_no_ticket_lets_nobody_in():
    assert not service.admits(None, None, PAGES, NOW)


# Progress of campaigns


@given(
    at=st.lists(st.floats(0, 60, allow_nan=False), min_size=1, max_size=40),
    campaigns=st.integers(1, 3),
)
def test_progress_follows_every_message_and_is_told_once_in_five_seconds(at, campaigns):
    workspace, ids = new_id(), [str(new_id()) for _ in range(campaigns)]
    told: dict[tuple[str, str], float] = {}
    for number, seconds in enumerate(sorted(at)):
        campaign = ids[number % campaigns]
        settled = _news("message.settled").model_copy(update={"data": {"campaign_id": campaign}})
        now = NOW + timedelta(seconds=seconds)
        (later,) = progress.of(workspace, [settled, settled, _news("message.created")], now)
        assert 1 <= later.delay_seconds <= 5
        detail = later.event["detail"]
        ends = datetime.fromisoformat(detail["created_at"])
        # It comes back when its five seconds are over, not before.
        assert now < ends <= now + timedelta(seconds=later.delay_seconds)
        told[campaign, detail["id"]] = ends.timestamp()
    for campaign in ids:
        moments = sorted(ends for (of, _), ends in told.items() if of == campaign)
        assert all(b - a >= 5 for a, b in pairwise(moments))
    news = kinds.read(BusEvent.model_validate(later.event))
    assert news is not None
    assert (news.type, news.creator_id) == ("campaign.progress", CREATOR)
