"""Segment rules against real fans: each question, its unknowns, and their combinations."""

import pytest
from psycopg.sql import SQL

from huntaze.domain import fans, money
from huntaze.domain.audience import SegmentRules, compile_rules
from huntaze.domain.fans import FanRow, lists
from huntaze.domain.money import TransactionRow

ALL = {"anna", "bob", "cid", "dora"}


@pytest.fixture
def audience(tenant_factory, tenant):
    """A creator with four fans and an erased one; answers whom rules mean."""
    ids = tenant_factory()
    transactions = tenant(ids.workspace_id)
    with transactions.transaction() as connection:
        ago = {
            days: connection.execute(
                "SELECT (now() - make_interval(days => %s))::text", (days,)
            ).fetchone()[0]
            for days in (1, 10, 40, -2, -20)
        }
        fans.upsert(
            connection,
            ids.creator_id,
            [
                FanRow(1, "1", "anna", status="active", language="en", price_cents=500,
                       rebill_on=True, expires_at=ago[-2], last_seen_at=ago[1], tags=["vip", "x"]),
                FanRow(2, "2", "bob", status="active", language="de", price_cents=1500,
                       rebill_on=False, expires_at=ago[10], last_seen_at=ago[40], tags=["vip"]),
                FanRow(3, "3", "cid", status="expired", expires_at=ago[40], consent=False),
                FanRow(4, "4", "dora", tier="gold", expires_at=None),
                FanRow(5, "5", "gone", status="active", language="en", tags=["vip"]),
            ],
        )  # fmt: skip
        money.record(
            connection,
            ids.creator_id,
            [
                TransactionRow(1, "a", "1", "tip", 100, 0, 100, None, ago[1]),
                TransactionRow(2, "b", "1", "message", 300, 0, 300, None, ago[40]),
                TransactionRow(3, "c", "2", "tip", 900, 0, 900, None, ago[10]),
                TransactionRow(4, "d", "2", "refund", 0, 0, 0, None, ago[1], "c"),
            ],
        )
        by_handle = dict(connection.execute("SELECT handle, id FROM fans").fetchall())
        made = lists.create_list(connection, ids.creator_id, "L")
        lists.add_to_list(connection, made.id, [by_handle["cid"], by_handle["anna"]])
        fans.erase(connection, by_handle["gone"])

    def meant(rules):
        text = str(rules).replace("LIST", str(made.id))
        condition, values = compile_rules(SegmentRules.model_validate(eval(text)))  # noqa: S307
        with transactions.transaction() as connection:
            found = connection.execute(
                SQL("SELECT handle FROM fans f WHERE f.creator_id = %(creator)s AND {}").format(
                    condition
                ),
                {**values, "creator": ids.creator_id},
            ).fetchall()
        return {handle for (handle,) in found}

    return meant


def no(rule):
    return {"kind": "not", "rule": rule}


def spend(compare, cents, **more):
    return {"kind": "spend", "compare": compare, "cents": cents, **more}


def when(field, match, **more):
    return {"kind": "time", "field": field, "match": match, **more}


QUESTIONS = [
    ({"kind": "everyone"}, ALL),
    ({"kind": "text", "field": "status", "values": ["active"]}, {"anna", "bob"}),
    ({"kind": "text", "field": "language", "values": ["en", "fr"]}, {"anna"}),
    # A language nobody knows is not English.
    ({"kind": "text", "field": "language", "match": "none", "values": ["en"]}, ALL - {"anna"}),
    ({"kind": "text", "field": "tier", "values": ["gold"]}, {"dora"}),
    ({"kind": "number", "field": "price_cents", "compare": "gte", "cents": 500}, {"anna", "bob"}),
    ({"kind": "number", "field": "value_cents", "compare": "eq", "cents": 0}, ALL - {"anna"}),
    ({"kind": "flag", "field": "rebill_on", "value": True}, {"anna"}),
    ({"kind": "flag", "field": "rebill_on", "value": False}, {"bob"}),
    ({"kind": "flag", "field": "consent", "value": None}, ALL - {"cid"}),
    (when("last_seen_at", "last_days", days=7), {"anna"}),
    (when("last_seen_at", "older_than_days", days=7), {"bob"}),
    (when("last_seen_at", "known"), {"anna", "bob"}),
    (when("last_seen_at", "unknown"), {"cid", "dora"}),
    (when("expires_at", "next_days", days=7), {"anna"}),
    (when("created_at", "before", at="2000-01-01T00:00:00Z"), set()),
    (when("created_at", "after", at="2000-01-01T00:00:00Z"), ALL),
    (when("last_purchase_at", "last_days", days=7), {"anna"}),
    (when("last_inbound_at", "unknown"), ALL),
    ({"kind": "handle", "match": "contains", "value": "O"}, {"bob", "dora"}),
    ({"kind": "handle", "match": "starts", "value": "AN"}, {"anna"}),
    ({"kind": "handle", "match": "ends", "value": "A"}, {"anna", "dora"}),
    ({"kind": "handle", "match": "is", "value": "Bob"}, {"bob"}),
    ({"kind": "handle", "match": "contains", "value": "%"}, set()),
    (spend("gte", 400), {"anna"}),
    (spend("gte", 400, days=30), set()),
    (spend("gt", 0, days=30), {"anna"}),
    (spend("gt", 0, types=["message"]), {"anna"}),
    (spend("gte", 900, types=["tip"]), {"bob"}),
    # The refund of the window lowers the sum, the payment's own date does not matter.
    (spend("lt", 0, days=5), {"bob"}),
    (spend("lt", 100), ALL - {"anna"}),
    (spend("eq", 0), ALL - {"anna"}),
    (spend("ne", 0), {"anna"}),
    (spend("gte", 0), ALL),
    (spend("lte", -1), set()),
    ({"kind": "tags", "match": "any", "tags": ["vip", "none"]}, {"anna", "bob"}),
    ({"kind": "tags", "match": "all", "tags": ["vip", "x"]}, {"anna"}),
    ({"kind": "tags", "match": "none", "tags": ["x"]}, ALL - {"anna"}),
    ({"kind": "lists", "match": "any", "lists": ["LIST"]}, {"anna", "cid"}),
    ({"kind": "lists", "match": "none", "lists": ["LIST"]}, {"bob", "dora"}),
    ({"kind": "subscription", "state": "active"}, {"anna"}),
    ({"kind": "subscription", "state": "expired"}, {"bob", "cid"}),
    ({"kind": "subscription", "state": "expiring", "days": 3}, {"anna"}),
    ({"kind": "subscription", "state": "expiring", "days": 1}, set()),
    ({"kind": "bucket", "from": 0, "to": 9999}, ALL),
]


@pytest.mark.parametrize(("rule", "handles"), QUESTIONS)
def test_a_question_and_its_opposite_divide_the_fans(audience, rule, handles):
    assert audience(rule) == handles
    assert audience(no(rule)) == ALL - handles
    assert audience(no(no(rule))) == handles


def test_groups_hold_together(audience):
    vip = {"kind": "tags", "match": "any", "tags": ["vip"]}
    gold = {"kind": "text", "field": "tier", "values": ["gold"]}
    spent = spend("gt", 0)
    assert audience({"kind": "and", "rules": [vip, spent]}) == {"anna"}
    assert audience({"kind": "or", "rules": [gold, spent]}) == {"anna", "dora"}
    both = {"kind": "or", "rules": [{"kind": "and", "rules": [vip, no(spent)]}, gold]}
    assert audience(both) == {"bob", "dora"}
    assert audience(no(both)) == {"anna", "cid"}
