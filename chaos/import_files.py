"""Files of fans and of transactions, with everything in them that an import has to sort out."""

import csv
import io
import random

from functions.fans.imports.models import ImportKind

_TYPES = ("tip", "message", "post")


def import_file(kind: ImportKind, count: int, seed: int) -> bytes:
    """Invent a file of ``count`` rows; the same seed gives the same bytes."""
    chance = random.Random(f"{seed} {kind}")
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    for row in _fans(chance, count) if kind == "fans" else _transactions(chance, count):
        writer.writerow(row)
    # As Excel saves it in Western Europe.
    return out.getvalue().encode("cp1252")


def _fans(chance: random.Random, count: int) -> list[list[object]]:
    rows: list[list[object]] = [
        [*("platform_id", "handle", "display_name", "status", "price_cents", "subscribed_at"),
         *("tags", "notes", "Lieblingsfarbe")]
    ]  # fmt: skip
    for number in range(count):
        # One in ten comes again, some rows cannot be read.
        who = chance.randrange(number) if number and chance.random() < 0.1 else number
        rows.append(
            [
                "" if chance.random() < 0.01 else f"u{who}",
                f"fan_{who}",
                f"Zoë Nr. {number}" if chance.random() < 0.8 else "",
                chance.choice(["active", "expired", "", "unheard of" if number % 97 == 0 else ""]),
                chance.choice(["", "999"]),
                f"2026-0{chance.randint(1, 9)}-11",
                chance.choice(["", "vip", "vip|new"]),
                'two\nlines; "quoted"' if chance.random() < 0.1 else "",
                chance.choice(["", "blau"]),
            ]
        )
    return rows


def _transactions(chance: random.Random, count: int) -> list[list[object]]:
    rows: list[list[object]] = [
        [*("transaction_id", "platform_id", "type", "amount", "fee", "created_at", "reverses"),
         "description"]
    ]  # fmt: skip
    payers = [f"u{chance.randrange(max(count // 5, 1))}" for _ in range(count)]
    for number in range(count):
        refund = number > 0 and chance.random() < 0.05
        # A payment that is reversed may come before its reversal, after it, or never.
        reversed_number = chance.randrange(count)
        payer = payers[reversed_number] if refund else payers[number]
        rows.append(
            [
                f"t{number if chance.random() < 0.95 else chance.randrange(count)}",
                payer,
                "refund" if refund else "gift" if number % 60 == 0 else chance.choice(_TYPES),
                f"{chance.randint(1, 90)},{chance.randint(0, 99):02}",
                "0,50" if not refund else "",
                f"2026-0{chance.randint(1, 9)}-12T0{chance.randint(0, 9)}:30:00Z",
                f"t{reversed_number}" if refund and reversed_number != number else "",
                "déjà vu" if chance.random() < 0.2 else "",
            ]
        )  # fmt: skip
    return rows
