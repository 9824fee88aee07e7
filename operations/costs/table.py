"""The table of docs/costs.md: rows of what is paid for, a column for each month."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from operations.costs.model import Month, PriceList, Usage, Volume
from operations.costs.rules import charges

PER_MILLION = "per million sends"
BEGIN, END = "<!-- costs: begin -->", "<!-- costs: end -->"

type Templates = Callable[[str], Mapping[str, Mapping[str, Any]]]
type Sums = dict[str, float]


def sums(month: Month, prices: PriceList) -> Sums:
    """Add up a month by row of the table, in USD."""
    total: defaultdict[str, float] = defaultdict(float)
    for charge in charges(month):
        total[charge.item] += charge.quantity * prices.prices[charge.price].usd
    return dict(total)


def columns(usage: Usage, prices: PriceList, templates: Templates) -> dict[str, Sums]:
    """Add up every month, and what a million sends more would cost in the last of them."""
    found = {}
    for name in usage.months:
        month = Month(templates(usage.stage(name)), usage.volume(name), usage)
        found[name] = sums(month, prices)
        more = Month(month.templates, month.volume.plus(usage.per_million_sends), usage)
        base = found[name]
        found[PER_MILLION] = {
            item: usd - base.get(item, 0) for item, usd in sums(more, prices).items()
        }
    return {**{name: found[name] for name in usage.months}, PER_MILLION: found[PER_MILLION]}


def render(found: Mapping[str, Sums], prices: PriceList) -> str:
    """Write the table as Markdown; sums are of the rounded rows, so that they can be checked."""
    items = sorted({item for column in found.values() for item in column})
    rounded = {
        name: {item: round(column.get(item, 0), 1) for item in items}
        for name, column in found.items()
    }
    lines = [
        f"| USD a month, {prices.region}, list prices of {prices.as_of} | " + " | ".join(found),
        "|---|" + "---:|" * len(found),
    ]
    for item in items:
        figures = " | ".join(f"{rounded[name][item]:,.1f}" for name in found)
        lines.append(f"| {item} | {figures} |")
    totals = " | ".join(f"**{sum(rounded[name].values()):,.1f}**" for name in found)
    lines[0] += " |"
    lines.append(f"| **together** | {totals} |")
    return "\n".join(lines)


def total(column: Sums) -> float:
    """The sum of a column as the table shows it."""
    return sum(round(usd, 1) for usd in column.values())


def replaced(document: str, table: str) -> str:
    """Put the table between the marks of the document.

    Raises:
        ValueError: The document has no marks.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the document needs {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table}\n\n{END}{after}"


def volume_table(usage: Usage) -> str:
    """Write what happens in each month as Markdown."""
    volumes = {name: usage.volume(name) for name in usage.months}
    volumes[PER_MILLION] = usage.per_million_sends
    rows = [
        f"| {field.replace('_', ' ')} | "
        + " | ".join(f"{getattr(volume, field):,}" for volume in volumes.values())
        + " |"
        for field in Volume.model_fields
    ]
    head = "| in a month | " + " | ".join(volumes) + " |"
    return "\n".join([head, "|---|" + "---:|" * len(volumes), *rows])
