"""When a campaign may be scheduled: not in the past, not further than an execution can wait."""

from datetime import UTC, datetime, timedelta
from unittest.mock import Mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.campaigns import drafting
from functions.campaigns.models import CampaignChanges, CampaignDraft
from huntaze.domain.outbound import moments
from huntaze.ids import new_id

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def _refused(offset: timedelta) -> str | None:
    """Draft a campaign for then; the name of the refusal, if there is one."""
    draft = CampaignDraft(name="Later", message="Hello", scheduled_at=NOW + offset)
    try:
        drafting.create(draft, Mock(), creator_id=new_id(), author=new_id(), now=NOW)
    except (moments.SendTimePassedError, moments.SendTimeTooFarError) as refusal:
        return refusal.code if "scheduled_at" in (refusal.fields or {}) else "unnamed field"
    else:
        return None


@given(st.timedeltas(min_value=timedelta(minutes=10), max_value=timedelta(days=20_000)))
def test_refuses_a_send_time_in_the_past(ago: timedelta) -> None:
    assert _refused(-ago) == "SendTimePassed"


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=299)))
def test_takes_a_send_time_within_the_year(ahead: timedelta) -> None:
    assert _refused(ahead) is None


@given(st.timedeltas(min_value=timedelta(days=301), max_value=timedelta(days=2_000_000)))
def test_refuses_a_send_time_that_no_execution_lives_to_see(ahead: timedelta) -> None:
    assert _refused(ahead) == "SendTimeTooFar"


def test_no_time_is_as_soon_as_approved() -> None:
    draft = CampaignDraft(name="Now", message="Hello")
    store = Mock()
    drafting.create(draft, store, creator_id=new_id(), author=new_id(), now=NOW)
    store.add.assert_called_once()


def test_a_change_is_judged_like_a_draft() -> None:
    with pytest.raises(moments.SendTimePassedError):
        drafting.change(
            new_id(),
            CampaignChanges(scheduled_at=NOW - timedelta(days=1)),
            Mock(),
            now=NOW,
        )
