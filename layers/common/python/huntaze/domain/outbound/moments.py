"""When a campaign may be told to begin."""

from datetime import datetime, timedelta

from huntaze.errors import InvalidInputError

# Clocks differ, and a request takes its time.
_GRACE = timedelta(minutes=1)
# An execution of Step Functions lives for a year; approval and delivery take their share of it.
_FAR = timedelta(days=300)


class SendTimePassedError(InvalidInputError):
    """The moment to send has already gone by."""


class SendTimeTooFarError(InvalidInputError):
    """The moment to send is further away than a launch can wait."""


def check_time(scheduled_at: datetime | None, now: datetime) -> None:
    """Refuse a time that has gone by, or that a launch cannot wait for."""
    if scheduled_at is None:
        return
    if scheduled_at < now - _GRACE:
        raise SendTimePassedError(
            f"{scheduled_at:%Y-%m-%d %H:%M %Z} is in the past; change scheduled_at, or leave it out"
            " to send as soon as the campaign is approved.",
            fields={"scheduled_at": "in the past"},
        )
    if scheduled_at > now + _FAR:
        raise SendTimeTooFarError(
            f"A campaign can be scheduled {_FAR.days} days ahead at most.",
            fields={"scheduled_at": "too far ahead"},
        )
