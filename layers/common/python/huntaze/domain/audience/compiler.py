"""Segment rules as one SQL condition over the table ``fans``.

Nothing of a rule reaches the text of the statement: columns and operators come from the tables of
this module, values are parameters. The conditions are shaped for row level security, under which
only leakproof operators may use an index, and for sets: sums and tags are sub-queries that the
planner can join or hash once, never one look-up for each fan where that can be helped.
"""

import operator
from collections.abc import Callable, Sequence
from functools import singledispatchmethod

from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder

from huntaze.db import Connection
from huntaze.domain.audience import rules as r
from huntaze.domain.audience.rules import SegmentRules

_OPERATORS: dict[str, tuple[SQL, SQL, Callable[[int, int], bool]]] = {
    # The operator, its negation, and what it says of a fan without any transaction.
    "eq": (SQL("="), SQL("<>"), operator.eq),
    "ne": (SQL("<>"), SQL("="), operator.ne),
    "gt": (SQL(">"), SQL("<="), operator.gt),
    "gte": (SQL(">="), SQL("<"), operator.ge),
    "lt": (SQL("<"), SQL(">="), operator.lt),
    "lte": (SQL("<="), SQL(">"), operator.le),
}

_MOMENTS: dict[str, SQL] = {
    "last_days": SQL("{at} BETWEEN now() - make_interval(days => {value}) AND now()"),
    "next_days": SQL("{at} BETWEEN now() AND now() + make_interval(days => {value})"),
    "older_than_days": SQL("{at} < now() - make_interval(days => {value})"),
    "before": SQL("{at} < {value}"),
    "after": SQL("{at} > {value}"),
    "known": SQL("{at} IS NOT NULL"),
    "unknown": SQL("{at} IS NULL"),
}

_HANDLES: dict[str, SQL] = {
    # strpos and right know no wildcards: a fan's name may hold a percent sign. The upper end of a
    # prefix is the prefix and the last code point there is.
    "contains": SQL("strpos({handle}, lower({value})) > 0"),
    "starts": SQL("{handle} >= lower({value}) AND {handle} < lower({value}) || chr(1114111)"),
    "ends": SQL("right({handle}, length({value})) = lower({value})"),
    "is": SQL("{handle} = lower({value})"),
}

_SUBSCRIPTIONS: dict[str, SQL] = {
    "active": SQL("{f}.status = 'active' AND ({f}.expires_at IS NULL OR {f}.expires_at > now())"),
    "expired": SQL("{f}.status = 'expired' OR ({f}.status = 'active' AND {f}.expires_at <= now())"),
    "expiring": SQL(
        "{f}.status = 'active' AND {f}.expires_at > now()"
        " AND {f}.expires_at <= now() + make_interval(days => {value})"
    ),
}


def make_room_for_sums(connection: Connection) -> None:
    """Let the rest of the transaction hold the sums of a million fans in memory.

    With the server's usual 4 MB the planner gives up adding up once and does it fan by fan.
    """
    connection.execute("SELECT set_config('work_mem', '64MB', true)")


def compile_rules(
    rules: SegmentRules, fan_alias: str = "f", *, name: str = "segment"
) -> tuple[Composed, dict[str, object]]:
    """Translate ``rules``.

    Args:
        rules: What is asked.
        fan_alias: How the surrounding query calls the table ``fans``.
        name: What the names of parameters begin with; another for each of several rules in a query.

    Returns:
        A boolean expression in parentheses, for a WHERE clause, and its named parameters, each
        called ``{name}_…`` so that they can be merged into those of the surrounding query. An
        erased fan is in no audience.
    """
    compiler = _Compiler(fan_alias, name)
    expression = compiler.translate(rules.root)
    whole = SQL("({f}.erased_at IS NULL AND {expression})").format(
        f=Identifier(fan_alias), expression=expression
    )
    return whole, compiler.parameters


class _Compiler:
    """One translation: the fans' alias and the parameters met so far."""

    def __init__(self, fan_alias: str, name: str) -> None:
        self._alias = fan_alias
        self._name = name
        self._fan = Identifier(fan_alias)
        self.parameters: dict[str, object] = {}

    def _column(self, name: str) -> Identifier:
        return Identifier(self._alias, name)

    def _value(self, value: object) -> Placeholder:
        name = f"{self._name}_{len(self.parameters)}"
        self.parameters[name] = value
        return Placeholder(name)

    @singledispatchmethod
    def translate(self, rule: object) -> Composable:
        """Translate one rule; the result is in parentheses or needs none."""
        raise TypeError(f"no translation of {type(rule).__name__}")

    @translate.register
    def _(self, _: r.Everyone) -> Composable:
        return SQL("true")

    @translate.register
    def _(self, rule: r.And) -> Composable:
        return _parenthesised(SQL(" AND ").join(self.translate(part) for part in rule.rules))

    @translate.register
    def _(self, rule: r.Or) -> Composable:
        return _parenthesised(SQL(" OR ").join(self.translate(part) for part in rule.rules))

    @translate.register
    def _(self, rule: r.Not) -> Composable:
        if isinstance(rule.rule, r.TextIs):
            return self._text(rule.rule, none=rule.rule.match == "any")
        # NOT of an unknown is unknown in SQL; who asks "not German" means the unknown too.
        # IS NOT TRUE hides an EXISTS from the planner, which is never unknown: NOT suffices there.
        inner = self.translate(rule.rule)
        if isinstance(rule.rule, r.SpendIs | r.TagsAre | r.ListsAre):
            return SQL("(NOT {})").format(inner)
        return SQL("({} IS NOT TRUE)").format(inner)

    @translate.register
    def _(self, rule: r.TextIs) -> Composable:
        return self._text(rule, none=rule.match == "none")

    def _text(self, rule: r.TextIs, *, none: bool) -> Composable:
        column = self._column(rule.field)
        if none and len(rule.values) == 1:
            return SQL("({} IS DISTINCT FROM {})").format(column, self._value(rule.values[0]))
        if none:
            return SQL("({} IS NULL OR {} <> ALL ({}::text[]))").format(
                column, column, self._value(rule.values)
            )
        return SQL("({} {})").format(column, self._is_one_of(rule.values, SQL("text")))

    def _is_one_of(self, wanted: Sequence[object], kind: SQL) -> Composable:
        """Compare with values; with one as with one, which the planner estimates better."""
        if len(wanted) == 1:
            return SQL("= {}::{}").format(self._value(wanted[0]), kind)
        return SQL("= ANY ({}::{}[])").format(self._value(list(wanted)), kind)

    @translate.register
    def _(self, rule: r.NumberIs) -> Composable:
        sign, _, _ = _OPERATORS[rule.compare]
        return SQL("({} {} {})").format(self._column(rule.field), sign, self._value(rule.cents))

    @translate.register
    def _(self, rule: r.FlagIs) -> Composable:
        asked = {True: SQL("({} IS TRUE)"), False: SQL("({} IS FALSE)"), None: SQL("({} IS NULL)")}
        return asked[rule.value].format(self._column(rule.field))

    @translate.register
    def _(self, rule: r.TimeIs) -> Composable:
        compared = rule.at if rule.days is None else rule.days
        value: Composable = SQL("") if compared is None else self._value(compared)
        return _parenthesised(_MOMENTS[rule.match].format(at=self._column(rule.field), value=value))

    @translate.register
    def _(self, rule: r.HandleIs) -> Composable:
        return _parenthesised(
            _HANDLES[rule.match].format(
                handle=self._column("handle_key"), value=self._value(rule.value)
            )
        )

    @translate.register
    def _(self, rule: r.SpendIs) -> Composable:
        sign, opposite, holds = _OPERATORS[rule.compare]
        # Only fans with transactions have a row to group: where spending nothing satisfies the
        # question, it is turned round.
        turned = holds(0, rule.cents)
        window: list[Composable] = []
        if rule.days is not None:
            window.append(
                SQL(" AND t.created_at >= now() - make_interval(days => {})").format(
                    self._value(rule.days)
                )
            )
        if rule.types is not None:
            window.append(SQL(" AND t.type = ANY ({}::text[])").format(self._value(rule.types)))
        return SQL(
            "({negation}EXISTS (SELECT FROM (SELECT t.creator_id, t.fan_id FROM transactions t"
            " WHERE true{window} GROUP BY t.creator_id, t.fan_id"
            " HAVING sum(t.effective_cents) {sign} {cents}) s"
            " WHERE s.creator_id = {f}.creator_id AND s.fan_id = {f}.id))"
        ).format(
            negation=SQL("NOT ") if turned else SQL(""),
            window=Composed(window),
            sign=opposite if turned else sign,
            cents=self._value(rule.cents),
            f=self._fan,
        )

    @translate.register
    def _(self, rule: r.TagsAre) -> Composable:
        belongs = SQL(
            "EXISTS (SELECT FROM fan_tags t WHERE t.creator_id = {f}.creator_id"
            " AND t.fan_id = {f}.id AND t.tag {one_of})"
        )
        return self._membership(belongs, rule.match, rule.tags, SQL("text"))

    @translate.register
    def _(self, rule: r.ListsAre) -> Composable:
        belongs = SQL(
            "EXISTS (SELECT FROM fan_list_members m WHERE m.creator_id = {f}.creator_id"
            " AND m.fan_id = {f}.id AND m.list_id {one_of})"
        )
        return self._membership(belongs, rule.match, rule.lists, SQL("uuid"))

    def _membership(
        self, belongs: SQL, match: r.Match, wanted: Sequence[object], kind: SQL
    ) -> Composable:
        groups = [[one] for one in wanted] if match == "all" else [wanted]
        found = SQL(" AND ").join(
            belongs.format(f=self._fan, one_of=self._is_one_of(group, kind)) for group in groups
        )
        return SQL("(NOT {})" if match == "none" else "({})").format(found)

    @translate.register
    def _(self, rule: r.SubscriptionIs) -> Composable:
        value: Composable = SQL("") if rule.days is None else self._value(rule.days)
        return _parenthesised(_SUBSCRIPTIONS[rule.state].format(f=self._fan, value=value))

    @translate.register
    def _(self, rule: r.BucketIs) -> Composable:
        return SQL("({} BETWEEN {} AND {})").format(
            self._column("bucket"), self._value(rule.from_), self._value(rule.to)
        )


def _parenthesised(expression: Composable) -> Composable:
    return SQL("({})").format(expression)
