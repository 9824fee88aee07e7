"""When an answer that was written beforehand fits a message."""

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from functions.chatbot.models import (
    AutoReplyRule,
    AwayCondition,
    Condition,
    FirstMessageCondition,
    IntentCondition,
    KeywordCondition,
    Moment,
    TimeCondition,
    aware,
)


def first_fitting(rules: list[AutoReplyRule], moment: Moment) -> list[AutoReplyRule]:
    """The rules that fit, the first one first."""
    return [rule for rule in rules if fits(rule.condition, moment)]


def fits(condition: Condition, moment: Moment) -> bool:
    """Whether a condition holds; one of the clock, also when the answer would go out."""
    match condition:
        case KeywordCondition(words=words, match=how):
            said = [_says(moment.text, word) for word in words]
            return all(said) if how == "all" else any(said)
        case IntentCondition(intents=intents):
            return moment.intent in intents
        case FirstMessageCondition():
            return moment.is_first
        case TimeCondition() | AwayCondition():
            # "Asleep until eight" is no answer at eight.
            return all(_holds(condition, moment, at) for at in (moment.now, moment.goes_out) if at)


def _holds(condition: TimeCondition | AwayCondition, moment: Moment, at: datetime) -> bool:
    if isinstance(condition, AwayCondition):
        begun = condition.begins is None or aware(condition.begins) <= at
        return begun and (condition.ends is None or at < aware(condition.ends))
    zone = (moment.fan_zone if condition.zone == "fan" else None) or moment.creator_zone
    begins, ends = (one.replace(tzinfo=None) for one in (condition.begins, condition.ends))
    return _within(_clock(at, zone), begins, ends)


def _says(text: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word.casefold())}(?!\w)", text.casefold()) is not None


def _within(clock: time, begins: time, ends: time) -> bool:
    """Whether a time of day is within hours; equal ends are the whole day."""
    if begins < ends:
        return begins <= clock < ends
    return clock >= begins or clock < ends


def _clock(now: datetime, zone: str) -> time:
    try:
        return now.astimezone(ZoneInfo(zone)).time().replace(tzinfo=None)
    except (ZoneInfoNotFoundError, ValueError):
        # As the database does it: what nobody knows is UTC.
        return now.astimezone(UTC).time().replace(tzinfo=None)
