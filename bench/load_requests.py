"""What fifty people ask of one creator's fans: the mix of the load test."""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from bench.people import FIRST, LAST
from bench.scratch import Scratch
from functions.segments.models import SegmentDraft
from functions.segments.repository import PostgresSegments
from huntaze.db import Connection
from huntaze.domain.fans import lists
from huntaze.ids import new_id

_FAN = """
  SELECT f.*, c.currency,
         EXISTS (SELECT FROM suppressions x WHERE x.platform_key = f.platform_key) AS suppressed,
         ARRAY(SELECT tag FROM fan_tags t WHERE t.fan_id = f.id ORDER BY tag) AS tags,
         ARRAY(SELECT list_id FROM fan_list_members m WHERE m.fan_id = f.id) AS lists
    FROM ({}) f JOIN creators c ON c.id = f.creator_id
"""
_PAGE = " ORDER BY f.created_at DESC, f.id DESC LIMIT 51"
_OF_CREATOR = "SELECT f.* FROM fans f WHERE f.creator_id = %(creator)s AND f.erased_at IS NULL"
_SPENT = (
    "(SELECT fan_id FROM transactions WHERE creator_id = %(creator)s"
    " AND created_at >= now() - interval '30 days' GROUP BY fan_id"
    " HAVING sum(effective_cents) >= 1600)"
)
_SPENDERS = f" AND f.status = 'active' AND f.id IN {_SPENT}"
_TAGGED = (
    " AND EXISTS (SELECT FROM fan_tags t WHERE t.creator_id = f.creator_id AND t.fan_id = f.id"
    " AND t.tag = 'vip')"
)
_LISTED = (
    " AND EXISTS (SELECT FROM fan_list_members m WHERE m.list_id = %(list)s AND m.fan_id = f.id)"
)
_RULES = {
    "kind": "and",
    "rules": [
        {"kind": "text", "field": "status", "values": ["active"]},
        {"kind": "spend", "days": 30, "compare": "gte", "cents": 1600},
    ],
}

FANS = "/api/crm/fans"
SEGMENTS = "/api/marketing/segments"


class Call(NamedTuple):
    """A request, and the SQL that would answer it by hand."""

    name: str
    method: str
    path: str
    query: dict[str, object]
    body: object = None
    bare: list[tuple[str, dict[str, object]]] = []  # noqa: RUF012  (never changed)


class Facts(NamedTuple):
    """What clients know of the creator's fans."""

    creator_id: UUID
    list_id: UUID
    segment_id: UUID
    fans: list[tuple[UUID, str, str]]


# How often of a hundred.
MIX = {
    "list": 20,
    "list by value": 4,
    "list of a tag": 8,
    "list of a list": 5,
    "fans of a segment": 2,
    "search exact": 4,
    "search beginning": 7,
    "search one typo": 5,
    "search two typos": 4,
    "read a fan": 18,
    "transactions of a fan": 8,
    "transactions": 4,
    "preview of a segment": 2,
    "change a fan": 5,
    "create a fan": 2,
    "import transactions": 2,
}
READS = [name for name in MIX if name.split()[0] not in {"change", "create", "import"}]
# Counted anew from a month of transactions at each call: `bench.segment_preview` judges these.
COUNTED_ANEW = {"fans of a segment", "preview of a segment"}


def read_facts(scratch: Scratch) -> Facts:
    """Make a list of a thousand fans and a segment, and get to know some fans."""
    tenant = scratch.tenant()
    with tenant.transaction() as connection:
        made = lists.create_list(connection, scratch.creator_id, "Bench")
        known = _some_fans(connection, scratch.creator_id)
        for start in range(0, 1000, 200):
            lists.add_to_list(connection, made.id, [fan[0] for fan in known[start : start + 200]])
    draft = SegmentDraft.model_validate({"name": "Spenders", "rules": _RULES})
    segment = PostgresSegments(tenant, scratch.user_id).add(draft)
    return Facts(scratch.creator_id, made.id, segment.id, known)


def _some_fans(connection: Connection, creator_id: UUID) -> list[tuple[UUID, str, str]]:
    # Some 2,000 wherever they are.
    rows = connection.execute(
        "SELECT id, handle, coalesce(display_name, handle) FROM fans WHERE creator_id = %s"
        " AND bucket %% 500 = 3 LIMIT 2000",
        (creator_id,),
    )
    return [(row[0], row[1], row[2]) for row in rows]


def calls(draw: random.Random, facts: Facts) -> Iterator[Call]:
    """Requests without end."""
    names, weights = list(MIX), list(MIX.values())
    while True:
        (name,) = draw.choices(names, weights)
        yield _call(name, draw, facts)


def _call(name: str, draw: random.Random, facts: Facts) -> Call:
    fan_id, handle, display_name = draw.choice(facts.fans)
    values: dict[str, object] = {"creator": facts.creator_id, "fan": fan_id, "list": facts.list_id}
    lists: dict[str, tuple[str, dict[str, object], str]] = {
        "list": (FANS, {}, _PAGE),
        "list by value": (FANS, {"sort": "value"}, _PAGE.replace("created_at", "value_cents")),
        "list of a tag": (FANS, {"tag": "vip"}, _TAGGED + _PAGE),
        "list of a list": (FANS, {"list": facts.list_id}, _LISTED + _PAGE),
        "fans of a segment": (f"{SEGMENTS}/{facts.segment_id}/fans", {}, _SPENDERS + _PAGE),
    }
    if name in lists:
        path, query, condition = lists[name]
        return Call(name, "GET", path, query, bare=[(_FAN.format(_OF_CREATOR + condition), values)])
    searches = {
        "search exact": lambda: handle,
        "search beginning": lambda: f"{draw.choice(FIRST)} {draw.choice(LAST)[:3]}",
        "search one typo": lambda: mistype(draw.choice([*FIRST, *LAST]), draw),
        "search two typos": lambda: mistype(mistype(display_name, draw, after=3), draw),
    }
    if name in searches:
        return Call(name, "GET", FANS, {"search": searches[name]()[:200]})
    return _of_one_fan(name, draw, values)


def _of_one_fan(name: str, draw: random.Random, values: dict[str, object]) -> Call:
    fan = f"{FANS}/{values['fan']}"
    match name:
        case "read a fan":
            one = _OF_CREATOR + " AND f.id = %(fan)s"
            return Call(name, "GET", fan, {}, bare=[(_FAN.format(one), values)])
        case "transactions of a fan" | "transactions":
            of_fan = name != "transactions"
            statement = (
                "SELECT * FROM transactions WHERE creator_id = %(creator)s"
                + (" AND fan_id = %(fan)s" if of_fan else "")
                + " ORDER BY created_at DESC, id DESC LIMIT 51"
            )
            query = {"fan_id": values["fan"]} if of_fan else {}
            return Call(name, "GET", "/api/crm/transactions", query, bare=[(statement, values)])
        case "preview of a segment":
            counted = f"SELECT count(*) FROM ({_OF_CREATOR}{_SPENDERS}) f"
            sample = _FAN.format(_OF_CREATOR + _SPENDERS + _PAGE.replace("51", "10"))
            bare = [(counted, values), (sample, values)]
            return Call(name, "POST", f"{SEGMENTS}/preview", {}, {"rules": _RULES}, bare)
        case "change a fan":
            return Call(name, "PATCH", fan, {}, {"notes": f"called {draw.random()}"})
        case "create a fan":
            return Call(name, "POST", FANS, {}, {"handle": f"new_{draw.getrandbits(40):x}"})
        case _:
            rows = [_payment(draw) for _ in range(5)]
            body = {"format": "jsonl", "content": "\n".join(map(json.dumps, rows))}
            return Call(name, "POST", "/api/crm/transactions/import", {}, body)


def _payment(draw: random.Random) -> dict[str, Any]:
    return {
        "transaction_id": str(new_id()),
        "platform_id": f"p{draw.randrange(1, 100_000)}",
        "type": "tip",
        "amount_cents": draw.randrange(100, 20_000),
    }


def mistype(text: str, draw: random.Random, after: int = 0) -> str:
    """Make one typo."""
    at = draw.randrange(min(after, len(text) - 1), len(text))
    letter = chr(draw.randrange(ord("a"), ord("z") + 1))
    return draw.choice(
        (
            text[:at] + text[at + 1 :] or text,
            text[:at] + letter + text[at:],
            text[:at] + letter + text[at + 1 :],
            text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :] if at else text[::-1],
        )
    )
