"""Audiences that a model proposes, as rules of segments; a person chooses, or nobody does.

A model knows the fields below and nothing else. What it says is data: only a whole proposal of
known fields, operators and values becomes rules, and rules choose nobody by themselves.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from huntaze.ai.agents.outputs import Audience, AudienceField, AudienceOperator, Rule
from huntaze.domain.audience.rules import MAX_DAYS, SegmentRules

type Words = Mapping[str, Collection[str]]

_F, _O = AudienceField, AudienceOperator
_IS = (_O.IS, _O.IS_NOT)
_AMOUNTS = (_O.AT_LEAST, _O.AT_MOST)
_TIMES = (_O.WITHIN_DAYS, _O.LONGER_AGO_THAN_DAYS)
_TEXTS = (_F.STATUS, _F.TIER, _F.LANGUAGE)
_SPENT = {_F.SPENT_CENTS: None, _F.SPENT_CENTS_IN_30_DAYS: 30}
_MOMENTS = {
    _F.SUBSCRIBED: "subscribed_at",
    _F.LAST_SEEN: "last_seen_at",
    _F.LAST_PURCHASE: "last_purchase_at",
    _F.LAST_WROTE: "last_inbound_at",
    _F.LAST_WRITTEN_TO: "last_outbound_at",
}
_FIXED: Words = {
    _F.STATUS: ("active", "expired", "follower"),
    _F.SUBSCRIPTION: ("active", "expired"),
}
_MOST_CENTS = 10**9


class NotARuleError(ValueError):
    """It is not made of what was offered."""


def vocabulary(words: Words) -> dict[str, Any]:
    """The fields by which fans can be chosen, for a model.

    Args:
        words: What fans of this creator really have, by field.
    """
    known = {**_FIXED, **words}
    return {
        field.value: {
            "operators": [one.value for one in _operators(field)],
            "values": list(known[field]) if field in known else "a whole number",
        }
        for field in AudienceField
        if field not in known or known[field]
    }


def proposals(
    found: Collection[Audience],
    words: Words,
    count: Callable[[SegmentRules], int],
) -> dict[str, Any]:
    """What a person may choose from, each with its size now; and what is no audience, and why.

    Args:
        found: What the model proposes.
        words: What it was offered.
        count: Counts the fans that rules mean.
    """
    proposed, refused = [], []
    for audience in found:
        try:
            rules = rules_of(audience.rules, words)
        except NotARuleError as error:
            refused.append({"name": audience.name, "reason": str(error)})
            continue
        proposed.append(
            {
                "name": audience.name,
                "reason": audience.reason,
                "rules": rules.model_dump(mode="json", by_alias=True, exclude_none=True),
                "fans": count(rules),
            }
        )
    return {"proposals": proposed, "refused": refused}


def rules_of(rules: Collection[Rule], words: Words) -> SegmentRules:
    """The rules of a segment, all of which hold.

    Raises:
        NotARuleError: One of them is not made of what was offered.
    """
    known = {**_FIXED, **words}
    return SegmentRules.model_validate(
        {"kind": "and", "rules": [_rule_of(rule, known) for rule in rules]}
    )


def _rule_of(rule: Rule, known: Words) -> dict[str, Any]:
    field, value = rule.field, rule.value.strip()
    if rule.operator not in _operators(field):
        raise NotARuleError(f"{field} has no operator {rule.operator}")
    if field in known:
        if value not in known[field]:
            raise NotARuleError(f"no fan can have this {field}")
        return _word(field, value, negated=rule.operator is _O.IS_NOT)
    if field in _SPENT:
        compare = "gte" if rule.operator is _O.AT_LEAST else "lte"
        cents = _whole(field, value, _MOST_CENTS)
        days = {"days": _SPENT[field]} if _SPENT[field] else {}
        return {"kind": "spend", "compare": compare, "cents": cents, **days}
    match = "last_days" if rule.operator is _O.WITHIN_DAYS else "older_than_days"
    days_ago = _whole(field, value, MAX_DAYS)
    return {"kind": "time", "field": _MOMENTS[field], "match": match, "days": days_ago}


def _word(field: AudienceField, value: str, *, negated: bool) -> dict[str, Any]:
    match = "none" if negated else "any"
    if field in _TEXTS:
        return {"kind": "text", "field": field.value, "match": match, "values": [value]}
    if field is _F.TAG:
        return {"kind": "tags", "match": match, "tags": [value]}
    state = {"kind": "subscription", "state": value}
    return {"kind": "not", "rule": state} if negated else state


def _whole(field: AudienceField, value: str, most: int) -> int:
    if not (value.isascii() and value.isdigit()) or int(value) > most:
        raise NotARuleError(f"{field} takes a whole number up to {most}")
    return int(value)


def _operators(field: AudienceField) -> tuple[AudienceOperator, ...]:
    if field in _SPENT:
        return _AMOUNTS
    return _TIMES if field in _MOMENTS else _IS
