"""``python -m operations.costs``: what a month costs, from the templates and a price list.

Prints the table of docs/costs.md; --write puts it there, --check fails when it has changed.
"""

import argparse
import sys
from pathlib import Path

from operations.costs import table
from operations.costs.model import price_list, usage
from operations.costs.templates import ROOT, templates_of

DOCUMENT: Path = ROOT / "docs" / "costs.md"
IDLE = "dev, idle"
# What a stage that nobody uses may cost in a month.
IDLE_LIMIT_USD = 40


def main(arguments: list[str] | None = None) -> int:
    """Print, write or check; return the status to exit with."""
    parser = argparse.ArgumentParser(prog="python -m operations.costs", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--write", action="store_true", help="put the table into docs/costs.md")
    what.add_argument("--check", action="store_true", help="fail when docs/costs.md has another")
    parsed = parser.parse_args(arguments)
    prices, months = price_list(), usage()
    found = table.columns(months, prices, templates_of)
    text = f"{table.render(found, prices)}\n\n{table.volume_table(months)}"
    now = DOCUMENT.read_text()
    wanted = table.replaced(now, text)
    if parsed.write:
        DOCUMENT.write_text(wanted)
    elif parsed.check:
        if wanted != now:
            print("docs/costs.md has another table: run python -m operations.costs --write")
            return 1
    else:
        print(text)
    idle = table.total(found[IDLE])
    if idle > IDLE_LIMIT_USD:
        print(f"{IDLE}: {idle:.2f} USD is above {IDLE_LIMIT_USD}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
