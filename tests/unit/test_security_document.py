"""The list of the security standard is whole, and every test that it names exists."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
# OWASP ASVS 5.0: how many items of levels 1 and 2 each section has; they are the first ones.
SECTIONS = (
    "1.1:2 1.2:9 1.3:11 1.4:3 1.5:2 2.1:3 2.2:3 2.3:4 2.4:1 3.2:2 3.3:4 3.4:6 3.5:5 3.7:2 "
    "4.1:3 4.2:1 4.3:2 4.4:4 5.1:1 5.2:3 5.3:2 5.4:3 6.1:3 6.2:12 6.3:4 6.4:4 6.5:5 6.6:3 "
    "6.8:4 7.1:3 7.2:4 7.3:2 7.4:5 7.5:2 7.6:2 8.1:2 8.2:3 8.3:1 8.4:1 9.1:3 9.2:4 10.1:2 "
    "10.2:2 10.3:4 10.4:11 10.5:5 10.6:2 10.7:3 11.1:2 11.2:3 11.3:3 11.4:4 11.5:1 11.6:1 "
    "12.1:3 12.2:2 12.3:4 13.1:1 13.2:5 13.3:2 13.4:5 14.1:2 14.2:4 14.3:3 15.1:3 15.2:3 "
    "15.3:7 16.1:1 16.2:5 16.3:4 16.4:3 16.5:3 17.1:1 17.2:4 17.3:2"
)
ROWS = [
    tuple(cell.strip() for cell in line.strip("| ").split(" | "))
    for line in TEXT.partition("## V1 ")[2].splitlines()
    if re.match(r"\| \d", line)
]
NAMED = sorted(set(re.findall(r"`([\w/]+/test_\w+\.py(?:::\w+)?)`", TEXT)))


def items(cell: str) -> list[str]:
    """The numbers of a cell, with those between a first and a last one."""
    found = []
    for part in cell.split(", "):
        first, _, last = part.partition("\N{EN DASH}")
        section, _, start = first.rpartition(".")
        end = last.rpartition(".")[2] or start
        found += [f"{section}.{number}" for number in range(int(start), int(end) + 1)]
    return found


@cache
def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / "tests" / path).read_text())
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions)}


def test_every_item_is_judged_once():
    wanted = {
        f"{section}.{number}"
        for section, _, count in (one.partition(":") for one in SECTIONS.split())
        for number in range(1, int(count) + 1)
    }
    judged = [item for row in ROWS for item in items(row[0])]
    assert sorted(judged) == sorted(set(judged))
    assert set(judged) == wanted


def test_what_holds_is_shown_and_what_is_open_is_said():
    open_items = {
        item
        for line in TEXT.partition("## V1 ")[0].splitlines()
        if re.match(r"\| \d", line)
        for item in items(line.strip("| ").split(" | ")[0])
    }
    called_open = {item for row in ROWS if row[1] == "open, see above" for item in items(row[0])}
    assert open_items == called_open


@pytest.mark.parametrize("named", NAMED)
def test_each_named_test_exists(named):
    path, _, name = named.partition("::")
    assert not name or name in names_in(path)


def test_many_are_named():
    assert len(NAMED) > 100
