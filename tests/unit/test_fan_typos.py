"""Typos are found by a walk that leaves branches; here against a look at every key."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from huntaze.domain.fans.typos import LAST_CHARACTER, allowed_typos, find_near

# Few letters, so that keys are near each other and the tree is wide enough to be walked.
# One letter is never asked about: it would be one typo away from no word at all.
WORDS = st.text("abcé1", min_size=2, max_size=10)
KEYS = st.lists(st.text("abcé1_ ", min_size=1, max_size=12), max_size=300)


class SortedKeys:
    """A tree over a list."""

    def __init__(self, keys):
        self.keys = sorted(set(keys))

    def first_keys(self, beginnings, most):
        """The first keys that begin so."""
        return {b: [k for k in self.keys if k.startswith(b)][:most] for b in beginnings}

    def next_letters(self, beginnings):
        """The letters that follow."""
        return {
            b: sorted({k[len(b)] for k in self.keys if k.startswith(b) and len(k) > len(b)})
            for b in beginnings
        }


def distance(one, other):
    """Damerau and Levenshtein, as it stands in textbooks."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(other) + 1)}
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            table[i, j] = min(
                table[i - 1, j] + 1,
                table[i, j - 1] + 1,
                table[i - 1, j - 1] + (one[i - 1] != other[j - 1]),
            )
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                table[i, j] = min(table[i, j], table[i - 2, j - 2] + 1)
    return table[len(one), len(other)]


def beginnings(key):
    """The key, and each part of it that ends where a word does."""
    return [key, *(key[:at] for at, letter in enumerate(key) if not letter.isalnum())]


def found(keys, typed, typos):
    """What the walk says of each key."""
    spans = find_near(SortedKeys(keys), typed, typos)
    return {
        key: min(span.typos for span in spans if span.low <= key <= span.high)
        for key in set(keys)
        if any(span.low <= key <= span.high for span in spans)
    }


def near(keys, typed):
    """How far each key is from what was typed, up to the end of the key or of one of its words."""
    return {key: min(distance(part, typed) for part in beginnings(key)) for key in set(keys)}


@given(keys=KEYS, typed=WORDS)
@example(keys=["ab", "ba", "b", "abc"], typed="ab")
def test_one_typo_is_found_wherever_it_is(keys, typed):
    told = found(keys, typed, 1)
    for key, typos in near(keys, typed).items():
        if typos == 1:
            assert told[key] == 1
        elif typos > 1:
            assert key not in told


@given(keys=KEYS, typed=st.text("abcé1", min_size=5, max_size=10))
def test_two_typos_are_found_behind_the_first_letters(keys, typed):
    told = found(keys, typed, 2)
    for key, typos in near(keys, typed).items():
        if typos == 1 or (typos == 2 and key.startswith(typed[:3])):
            assert told[key] == typos
        elif typos > 2:
            assert key not in told


@given(keys=KEYS, typed=WORDS)
def test_spans_are_keys_or_words_that_are_not_as_typed(keys, typed):
    for span in find_near(SortedKeys(keys), typed, 2):
        assert span.typos in {1, 2}
        assert span.high in {span.low, span.low + LAST_CHARACTER}


@pytest.mark.parametrize(
    ("typed", "typos"), [("", 0), ("ann", 0), ("anna", 1), ("annabel", 1), ("annabell", 2)]
)
def test_short_words_take_fewer_typos(typed, typos):
    assert allowed_typos(typed) == typos
