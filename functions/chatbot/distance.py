"""How far a text is from another."""


def distance(before: str, after: str) -> int:
    """How many signs must be put in, left out or changed, at least (Levenshtein)."""
    row = list(range(len(after) + 1))
    for place, sign in enumerate(before, 1):
        diagonal, row[0] = row[0], place
        for other, wanted in enumerate(after, 1):
            diagonal, row[other] = (
                row[other],
                min(row[other] + 1, row[other - 1] + 1, diagonal + (sign != wanted)),
            )
    return row[-1]
