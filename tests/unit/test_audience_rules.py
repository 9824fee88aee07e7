"""Segment rules: what is refused, and that nothing of a rule reaches the text of the statement."""

import pytest
from psycopg.sql import SQL
from pydantic import ValidationError

from huntaze.domain.audience import SegmentRules, compile_rules
from huntaze.domain.audience.rules import MAX_DEPTH, MAX_RULES

EVIL = [
    "'; DROP TABLE fans; --",
    '" OR 1=1 --',
    "%(segment_0)s",
    "%s",
    "{f}",
    "{}",
    "\\'; SELECT pg_sleep(9)",
    "$$evil$$",
    "é\u202e😀",
]


def nested(depth):
    rule = {"kind": "everyone"}
    for _ in range(depth - 1):
        rule = {"kind": "not", "rule": rule}
    return rule


@pytest.mark.parametrize(
    "rules",
    [
        None,
        [],
        {},
        {"kind": "sql", "text": "true"},
        {"kind": "everyone", "extra": 1},
        {"kind": "and", "rules": []},
        {"kind": "not"},
        {"kind": "text", "field": "handle; --", "values": ["a"]},
        {"kind": "text", "field": "status", "values": []},
        {"kind": "text", "field": "status", "values": ["a\x00"]},
        {"kind": "text", "field": "status", "values": ["a\ud800"]},
        {"kind": "text", "field": "status", "values": ["x"] * 201},
        {"kind": "number", "field": "value_cents", "compare": "> 0 OR", "cents": 1},
        {"kind": "number", "field": "value_cents", "compare": "gt", "cents": 10**16},
        {"kind": "number", "field": "value_cents", "compare": "gt", "cents": 1.5},
        {"kind": "time", "field": "created_at", "match": "last_days"},
        {"kind": "time", "field": "created_at", "match": "before", "days": 3},
        {"kind": "time", "field": "created_at", "match": "before", "at": "2026-01-01T00:00:00"},
        {"kind": "time", "field": "created_at", "match": "known", "days": 3},
        {"kind": "time", "field": "created_at", "match": "last_days", "days": 3651},
        {"kind": "spend", "compare": "gt", "cents": 1, "types": []},
        {"kind": "spend", "compare": "gt", "cents": 1, "types": ["gift"]},
        {"kind": "lists", "match": "any", "lists": ["not an id"]},
        {"kind": "subscription", "state": "expiring"},
        {"kind": "subscription", "state": "active", "days": 3},
        {"kind": "bucket", "from": 10, "to": 9},
        {"kind": "bucket", "from": 0, "to": 10000},
        nested(MAX_DEPTH + 1),
        nested(10_000),
        {"kind": "or", "rules": [{"kind": "everyone"}] * (MAX_RULES + 1)},
        {
            "kind": "or",
            "rules": [{"kind": "and", "rules": [{"kind": "everyone"}] * 20} for _ in range(6)],
        },
    ],
)
def test_refuses_rules_that_are_none(rules):
    with pytest.raises(ValidationError):
        SegmentRules.model_validate(rules)


def test_says_what_is_wrong_with_a_tree_that_is_too_deep():
    with pytest.raises(ValidationError, match="nested 8 deep at most"):
        SegmentRules.model_validate(nested(9))
    SegmentRules.model_validate(nested(MAX_DEPTH))


@pytest.mark.parametrize("text", EVIL)
def test_what_a_user_types_is_a_parameter(text):
    def leaf(value):
        return {
            "kind": "and",
            "rules": [
                {"kind": "text", "field": "tier", "values": [value]},
                {"kind": "handle", "match": "contains", "value": value},
                {"kind": "tags", "match": "all", "tags": [value, value + "x"]},
            ],
        }

    evil, values = compile_rules(SegmentRules.model_validate(leaf(text)))
    plain, _ = compile_rules(SegmentRules.model_validate(leaf("plain")))
    assert evil.as_string(None) == plain.as_string(None)
    assert values["segment_1"] == text


def test_names_parameters_so_that_they_can_be_merged():
    rules = {
        "kind": "or",
        "rules": [{"kind": "bucket", "from": 0, "to": 9}, {"kind": "bucket", "from": 5, "to": 7}],
    }
    condition, values = compile_rules(SegmentRules.model_validate(rules), fan_alias='we"ird')
    assert values == {"segment_0": 0, "segment_1": 9, "segment_2": 5, "segment_3": 7}
    text = SQL("SELECT {}").format(condition).as_string(None)
    assert '"we""ird"."bucket" BETWEEN %(segment_0)s AND %(segment_1)s' in text
    assert '"we""ird".erased_at IS NULL' in text


def test_stored_rules_read_back_as_they_were():
    rules = SegmentRules.model_validate(
        {
            "kind": "and",
            "rules": [
                {"kind": "flag", "field": "consent", "value": None},
                {"kind": "bucket", "from": 1, "to": 2},
                {
                    "kind": "time",
                    "field": "created_at",
                    "match": "after",
                    "at": "2026-01-01T00:00:00Z",
                },
            ],
        }
    )
    stored = rules.model_dump(mode="json", by_alias=True)
    assert SegmentRules.model_validate(stored) == rules
