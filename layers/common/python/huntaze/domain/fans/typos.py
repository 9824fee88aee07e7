"""Finding words that were mistyped: a walk down the tree of all keys that leaves hopeless branches.

A typo is a letter too many, too few or wrong, or two neighbours that changed places (the distance
of Damerau and Levenshtein, as optimal string alignment). An index over the keys in the order of
their code points is such a tree: what begins alike lies together. Nothing is stored for it.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

# The typos of people are rarely in the first letters, and there the tree is widest: of two typos at
# most one may be among these.
_FIRST_LETTERS = 3
# Fewer keys than this below a branch are read at once instead of branch by branch.
FEW_KEYS = 12
# A query in the middle of a great many near keys gets the first of them.
_MOST_BRANCHES = 6000
_MOST_SPANS = 400

LAST_CHARACTER = chr(0x10FFFF)


class Tree(Protocol):
    """The keys of an index, in the order of their code points."""

    def first_keys(self, beginnings: Sequence[str], most: int) -> Mapping[str, list[str]]:
        """The first distinct keys that begin so; a beginning without any may be left out."""
        ...

    def next_letters(self, beginnings: Sequence[str]) -> Mapping[str, list[str]]:
        """The letters that follow these beginnings in any key."""
        ...


class Span(NamedTuple):
    """Keys from ``low`` to ``high``, both included, that are ``typos`` away from what was typed."""

    low: str
    high: str
    typos: int


class _Branch(NamedTuple):
    """A beginning of keys, and the distances of it to each beginning of what was typed."""

    text: str
    row: tuple[int, ...]
    # Of the beginning that is one letter shorter.
    before: tuple[int, ...]


def allowed_typos(typed: str) -> int:
    """How many typos are tolerated: none in short words, where everything is near everything."""
    return 0 if len(typed) < 4 else 1 if len(typed) < 8 else 2


def find_near(tree: Tree, typed: str, typos: int) -> list[Span]:
    """Find the keys that are ``typed`` but for some typos, as a whole or up to the end of a word.

    Keys that are or begin with what was typed are not among them.
    """
    root = _Branch("", tuple(range(len(typed) + 1)), ())
    walked, spans, wide = 0, list[Span](), [root]
    while wide and walked < _MOST_BRANCHES and len(spans) < _MOST_SPANS:
        letters = tree.next_letters([branch.text for branch in wide])
        live = list[_Branch]()
        for branch in wide:
            for letter in letters.get(branch.text, ()):
                if branch.row[-1] <= typos and not letter.isalnum():
                    start = branch.text + letter
                    spans.append(Span(start, start + LAST_CHARACTER, branch.row[-1]))
                grown = _grow(branch, letter, typed)
                if _is_hopeful(grown, typos):
                    live.append(grown)
        walked += len(live)
        wide = []
        found = tree.first_keys([branch.text for branch in live], FEW_KEYS)
        for branch in live:
            keys = found.get(branch.text, [])
            if len(keys) < FEW_KEYS:
                spans += _near_keys(branch, keys, typed, typos)
                continue
            if keys[0] == branch.text and branch.row[-1] <= typos:
                spans.append(Span(branch.text, branch.text, branch.row[-1]))
            wide.append(branch)
    nearest = {span.low: span for span in sorted(spans, key=lambda s: -s.typos) if span.typos}
    return sorted(nearest.values(), key=lambda span: (span.typos, span.low))[:_MOST_SPANS]


def _near_keys(branch: _Branch, keys: list[str], typed: str, typos: int) -> list[Span]:
    """Of the keys that begin with a branch, those that are near."""
    near = []
    for key in keys:
        at, nearest = branch, typos + 1
        for letter in key[len(branch.text) :]:
            if not letter.isalnum():
                nearest = min(nearest, at.row[-1])
            at = _grow(at, letter, typed)
            if not _is_hopeful(at, typos):
                break
        else:
            nearest = min(nearest, at.row[-1])
        if nearest <= typos:
            near.append(Span(key, key, nearest))
    return near


def _is_hopeful(branch: _Branch, typos: int) -> bool:
    return min(branch.row) <= (min(typos, 1) if len(branch.text) <= _FIRST_LETTERS else typos)


def _grow(branch: _Branch, letter: str, typed: str) -> _Branch:
    """The branch one letter further."""
    text, above = branch.text, branch.row
    last = text[-1:]
    left = above[0] + 1
    row = [left]
    for place, wanted in enumerate(typed):
        if wanted == letter:
            cost = above[place]
        else:
            cost = min(above[place], above[place + 1], left) + 1
            if place and wanted == last and typed[place - 1] == letter:
                cost = min(cost, branch.before[place - 1] + 1)
        row.append(cost)
        left = cost
    return _Branch(text + letter, tuple(row), above)
