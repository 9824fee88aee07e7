"""A plan fills texts in SQL: each fan must get just what Python's renderer would give."""

import re
from collections.abc import Callable, Iterator

import psycopg
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from psycopg import sql

from huntaze.db import Connection
from huntaze.domain import compliance
from huntaze.domain.outbound.texts import parse, render, to_sql

UNFIT = compliance.unfit_name_pattern("onlyfans")
SUSPECT = compliance.suspect_name_pattern("onlyfans")
TEMPLATE = parse("Hi {display_name|lo've %s}, 100% {handle|you} \\ {display_name|x}!")

# Everything that Postgres can store: no NUL, no half of a surrogate pair.
storable = st.text(
    alphabet=st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=45
)
# Near the rules: banned words in any case, with boundaries, twins and digits beside them.
tricky = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "kik",
                "Kik",
                "\u212aik",
                "ado",
                "Salvador",
                "viol",
                "teen",
                "COLLÉGIENNE",
                "\u017fkype",
                "telegram",
                "www",
                "16",
                "yo",
                " ",
                "\u00a0",
                "-",
                ".",
                "com",
                "İ",
                "\u0131",
                "ß",
                "é",
                "e\u0301",
                "\n",
                "\x0b",
                "\x1c",
                "\x85",
                "\u2028",
                "{",
                "}",
                "%s",
                "%(x)s",
                "\\",
                "'",
                "\U0001d4c9",
            ]
        ),
        storable,
    ),
    max_size=5,
).map("".join)


@pytest.fixture(scope="module")
def connection(database: dict[str, str]) -> Iterator[Connection]:
    with psycopg.connect(database["app"], autocommit=True, prepare_threshold=None) as opened:
        yield opened


@pytest.fixture(scope="module")
def rendered_by_postgres(connection: Connection) -> Callable[..., list[str]]:
    values: dict[str, object] = {}
    text = to_sql(TEMPLATE, "t_", values, unfit=UNFIT, suspect=SUSPECT)
    query = sql.SQL(
        "SELECT {} FROM unnest(%(names)s::text[], %(handles)s::text[])"
        " WITH ORDINALITY AS f (display_name, handle, place) ORDER BY place"
    ).format(text)

    def run(fans: list[tuple[str | None, str]]) -> list[str]:
        names = [name for name, _ in fans]
        handles = [handle for _, handle in fans]
        rows = connection.execute(query, {**values, "names": names, "handles": handles})
        return [row[0] for row in rows]

    return run


@settings(max_examples=250, deadline=None)
@given(st.lists(st.tuples(st.one_of(st.none(), tricky), tricky), min_size=1, max_size=12))
@example([("\u212aik", "x"), ("x\n", "y"), ("a" * 40, "b" * 41), ("a" * 40 + "\n", "c")])
def test_postgres_and_python_give_every_fan_the_same_text(
    rendered_by_postgres: Callable[..., list[str]], fans: list[tuple[str | None, str]]
) -> None:
    unfit = re.compile(UNFIT)
    expected = [
        render(TEMPLATE, {"display_name": name, "handle": handle}, unfit=unfit)
        for name, handle in fans
    ]
    assert rendered_by_postgres(fans) == expected


def test_every_character_is_judged_alike(rendered_by_postgres: Callable[..., list[str]]) -> None:
    # Wherever a rule or a change of case begins or ends; 32 s for all of Unicode were spent once.
    spans = (
        (1, 0x3200),
        (0xF900, 0x10000),
        (0x1D300, 0x1D900),
        (0x1F000, 0x1F300),
        (0xE0000, 0xE0200),
    )
    everything = [chr(code) for first, end in spans for code in range(first, end)]
    unfit = re.compile(UNFIT)
    for start in range(0, len(everything), 50_000):
        fans: list[tuple[str | None, str]] = [
            (f"a{char}b", f"{char}kik{char}") for char in everything[start : start + 50_000]
        ]
        expected = [
            render(TEMPLATE, {"display_name": name, "handle": handle}, unfit=unfit)
            for name, handle in fans
        ]
        assert rendered_by_postgres(fans) == expected
