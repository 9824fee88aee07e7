"""How far a text is from another."""


def distance(before: str, after: str) -> int:
    """How many signs must be put in, left out or changed, at least (Levenshtein).

    A column of the usual table is held in the bits of two numbers: where it rises by one from sign
    to sign of ``before``, and where it falls (Myers 1999, as Hyyrö wrote it down). Cell by cell,
    two long texts took seconds, in which the draft stood locked.
    """
    places: dict[str, int] = {}
    for place, sign in enumerate(before):
        places[sign] = places.get(sign, 0) | 1 << place
    every = (1 << len(before)) - 1
    # The bit of the last sign; of an empty text there is none.
    last = every ^ every >> 1
    rises, falls, steps = every, 0, len(before)
    for sign in after:
        same = places.get(sign, 0)
        level = (((same & rises) + rises) ^ rises) | same | falls
        onward, back = (falls | ~(level | rises)) & every, level & rises
        steps += bool(onward & last) - bool(back & last) if every else 1
        onward, back = onward << 1 | 1, back << 1
        rises, falls = (back | ~(level | onward)) & every, onward & level & every
    return steps
