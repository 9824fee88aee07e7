"""The fans of the demo: five hundred invented people, the same ones every time."""

import csv
import io
import json
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FANS = 520
WITHOUT_CONSENT = 14
SUPPRESSED = 9
UNMATCHED = 6
SEED = 20261121

# fmt: off
_FIRST = [
    "Ada", "Ben", "Cleo", "Dario", "Eve", "Finn", "Gia", "Hugo", "Ines", "Jonas", "Kira", "Leo",
    "Mia", "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Sam", "Tara", "Uma", "Victor", "Wanda",
    "Xenia", "Yara", "Zoe",
]
_LAST = [
    "Archer", "Bloom", "Costa", "Duval", "Ember", "Frost", "Garcia", "Hale", "Ito", "Jensen",
    "Klein", "Lopez", "Moreau",
]
# fmt: on
_ZONES = ("Europe/Paris", "America/New_York", "Asia/Tokyo", "")


def invented_fans_csv() -> str:
    """A file as a creator would export it: semicolons are for Excel, this one has commas."""
    chance = random.Random(SEED)
    now = datetime.now(UTC).replace(microsecond=0)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(
        out,
        fieldnames=[
            *("platform_id", "handle", "display_name", "email", "status", "price_cents"),
            *("rebill_on", "subscribed_at", "expires_at", "last_seen_at", "time_zone"),
            *("language", "tags", "notes", "consent"),
        ],
    )
    writer.writeheader()
    for number in range(FANS):
        name = f"{chance.choice(_FIRST)} {chance.choice(_LAST)}"
        subscribed = now - timedelta(days=chance.randrange(1, 400))
        writer.writerow(
            {
                "platform_id": f"fan-{number:05}",
                "handle": f"{name.split(maxsplit=1)[0].lower()}_{number}",
                "display_name": name if chance.random() < 0.9 else "",
                "email": f"fan{number}@example.com" if chance.random() < 0.5 else "",
                "status": chance.choices(("active", "expired", "follower"), (7, 2, 1))[0],
                "price_cents": chance.choice((0, 499, 999)),
                "rebill_on": chance.choice(("true", "false")),
                "subscribed_at": subscribed.isoformat(),
                "expires_at": (now + timedelta(days=chance.randrange(1, 31))).isoformat(),
                "last_seen_at": (now - timedelta(hours=chance.randrange(500))).isoformat(),
                "time_zone": chance.choice(_ZONES),
                "language": chance.choice(("en", "fr", "es")),
                "tags": "|".join(chance.sample(("vip", "new", "quiet", "gym"), 2)),
                "notes": "",
                "consent": "no" if number < WITHOUT_CONSENT else "",
            }
        )
    return out.getvalue()


@contextmanager
def invented_fans_file() -> Iterator[Path]:
    """Write them to a file while the block lasts."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fans.csv"
        path.write_text(invented_fans_csv(), encoding="utf-8", newline="")
        yield path


def platform_fans(text: str) -> list[dict[str, Any]]:
    """The same fans for the fan platform: those rows of the file that name one."""
    sample = text.lstrip("\ufeff")
    if sample.lstrip().startswith("{"):
        rows = [json.loads(line) for line in sample.splitlines() if line.strip()]
    else:
        header = sample.partition("\n")[0]
        delimiter = max(",;\t", key=header.count)
        rows = list(csv.DictReader(io.StringIO(sample, newline=""), delimiter=delimiter))
    fans: dict[str, dict[str, Any]] = {}
    for row in rows:
        facts = {(name or "").strip().lower(): value for name, value in row.items()}
        platform_id = str(facts.get("platform_id") or "").strip()
        handle = str(facts.get("handle") or "").strip()
        if platform_id and handle:
            fans[platform_id] = {
                "platform_id": platform_id,
                "handle": handle,
                "display_name": facts.get("display_name") or None,
            }
    return list(fans.values())
