"""The rule tree of a segment: what a person may ask about fans.

A tree is groups (``and``, ``or``, ``not``) over questions; ``kind`` says which. Every question is a
model of its own, so that a wrong field or operator is refused by name before any SQL is made:

    {"kind": "and", "rules": [
        {"kind": "subscription", "state": "active"},
        {"kind": "spend", "days": 30, "compare": "gte", "cents": 5000},
        {"kind": "not", "rule": {"kind": "tags", "match": "any", "tags": ["vip"]}}]}
"""

from collections.abc import Iterator
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    StringConstraints,
    model_validator,
)

from huntaze.moments import Moment

MAX_DEPTH = 8
MAX_RULES = 100
MAX_VALUES = 200
# Ten years: what is older than that is asked for by date.
MAX_DAYS = 3650
BIGGEST_CENTS = 10**15

type Comparison = Literal["eq", "ne", "gt", "gte", "lt", "lte"]
type Match = Literal["any", "all", "none"]
type Days = Annotated[int, Field(ge=0, le=MAX_DAYS)]
type Cents = Annotated[int, Field(ge=-BIGGEST_CENTS, le=BIGGEST_CENTS)]
# Postgres stores no NUL in a text; a lone surrogate is no UTF-8 and pydantic refuses it itself.
type Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
type Words = Annotated[list[Word], Field(min_length=1, max_length=MAX_VALUES)]

type MoneyType = Literal["subscription", "tip", "message", "post", "stream", "refund", "chargeback"]


class _Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Everyone(_Rule):
    """Every fan."""

    kind: Literal["everyone"]


class And(_Rule):
    """All of the rules hold."""

    kind: Literal["and"]
    rules: Annotated[list["Rule"], Field(min_length=1, max_length=MAX_RULES)]


class Or(_Rule):
    """At least one of the rules holds."""

    kind: Literal["or"]
    rules: Annotated[list["Rule"], Field(min_length=1, max_length=MAX_RULES)]


class Not(_Rule):
    """The rule does not hold; a fan of whom the fact is unknown counts as not."""

    kind: Literal["not"]
    rule: "Rule"


class TextIs(_Rule):
    """A text of the fan is, or is not, one of the values."""

    kind: Literal["text"]
    field: Literal["status", "tier", "language", "time_zone"]
    match: Literal["any", "none"] = "any"
    values: Words


class NumberIs(_Rule):
    """An amount of the fan compares with a number of cents."""

    kind: Literal["number"]
    field: Literal["price_cents", "value_cents"]
    compare: Comparison
    cents: Cents


class FlagIs(_Rule):
    """A yes-or-no of the fan; ``null`` asks for those of whom it is unknown."""

    kind: Literal["flag"]
    field: Literal["rebill_on", "consent"]
    value: bool | None


class TimeIs(_Rule):
    """A moment of the fan, measured from now by the database's clock, or against a date.

    ``last_days`` and ``next_days`` need ``days``: within so many days before or after now.
    ``older_than_days``: longer ago. ``before`` and ``after`` need ``at``.
    """

    kind: Literal["time"]
    field: Literal[
        "subscribed_at",
        "renewed_at",
        "expires_at",
        "last_seen_at",
        "created_at",
        "last_purchase_at",
        "last_inbound_at",
        "last_outbound_at",
    ]
    match: Literal[
        "last_days", "next_days", "older_than_days", "before", "after", "known", "unknown"
    ]
    days: Days | None = None
    at: Moment | None = None

    @model_validator(mode="after")
    def _has_what_it_compares_with(self) -> Self:
        needs_days = self.match in ("last_days", "next_days", "older_than_days")
        needs_at = self.match in ("before", "after")
        if needs_days != (self.days is not None) or needs_at != (self.at is not None):
            wanted = "days" if needs_days else "at" if needs_at else "neither days nor at"
            raise ValueError(f"{self.match} takes {wanted}")
        return self


class HandleIs(_Rule):
    """The handle, whatever its case, holds, starts with, ends with or is a text."""

    kind: Literal["handle"]
    match: Literal["contains", "starts", "ends", "is"]
    value: Word


class SpendIs(_Rule):
    """What the fan brought in: the sum of what transactions added, minus what was taken back.

    Without ``days`` it is all time; without ``types`` it is every type, so that a refund in the
    window lowers the sum. A fan without transactions has spent 0.
    """

    kind: Literal["spend"]
    days: Days | None = None
    types: Annotated[list[MoneyType], Field(min_length=1)] | None = None
    compare: Comparison
    cents: Cents


class TagsAre(_Rule):
    """The fan carries any, all or none of the tags."""

    kind: Literal["tags"]
    match: Match
    tags: Annotated[list[Word], Field(min_length=1, max_length=50)]


class ListsAre(_Rule):
    """The fan is on any, all or none of the lists."""

    kind: Literal["lists"]
    match: Match
    lists: Annotated[list[UUID], Field(min_length=1, max_length=50)]


class SubscriptionIs(_Rule):
    """What the subscription is now, by its status and its end; ``expiring`` needs ``days``."""

    kind: Literal["subscription"]
    state: Literal["active", "expired", "expiring"]
    days: Days | None = None

    @model_validator(mode="after")
    def _knows_how_soon(self) -> Self:
        if (self.state == "expiring") != (self.days is not None):
            raise ValueError("days is needed for expiring, and for it alone")
        return self


class BucketIs(_Rule):
    """A random share that stays the same: each fan has drawn a number from 0 to 9999."""

    kind: Literal["bucket"]
    from_: Annotated[int, Field(ge=0, le=9999, alias="from")]
    to: Annotated[int, Field(ge=0, le=9999)]

    @model_validator(mode="after")
    def _is_a_range(self) -> Self:
        if self.from_ > self.to:
            raise ValueError("from must not be above to")
        return self


type Rule = Annotated[
    Everyone
    | And
    | Or
    | Not
    | TextIs
    | NumberIs
    | FlagIs
    | TimeIs
    | HandleIs
    | SpendIs
    | TagsAre
    | ListsAre
    | SubscriptionIs
    | BucketIs,
    Field(discriminator="kind"),
]


class SegmentRules(RootModel[Rule]):
    """The rules of a segment."""

    @model_validator(mode="before")
    @classmethod
    def _is_of_a_size_to_compile(cls, value: object) -> object:
        # Before the models are built, and without recursion: the depth is the caller's to choose.
        level, depth, count = [value], 0, 0
        while level := [node for node in level if isinstance(node, dict)]:
            depth, count = depth + 1, count + len(level)
            if depth > MAX_DEPTH:
                raise ValueError(f"rules may be nested {MAX_DEPTH} deep at most")
            if count > MAX_RULES:
                raise ValueError(f"a segment may have {MAX_RULES} rules at most")
            level = [child for node in level for child in _children(node)]
        return value

    @property
    def sums_money(self) -> bool:
        """Whether an answer adds up transactions: too much work to be done twice."""
        return any(isinstance(one, SpendIs) for one in self._questions())

    @property
    def lists(self) -> set[UUID]:
        """The lists that are asked for."""
        asked = (one.lists for one in self._questions() if isinstance(one, ListsAre))
        return {list_id for lists in asked for list_id in lists}

    def _questions(self) -> Iterator[object]:
        waiting: list[object] = [self.root]
        while waiting:
            rule = waiting.pop()
            if isinstance(rule, And | Or):
                waiting += rule.rules
            elif isinstance(rule, Not):
                waiting.append(rule.rule)
            else:
                yield rule


def _children(node: dict[object, object]) -> list[object]:
    rules = node.get("rules")
    return [*(rules if isinstance(rules, list) else []), node.get("rule")]
