"""The figures of an evening: how long each hop took, and what everybody did."""

import statistics
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from chaos.evening.cloud import Cloud
from chaos.evening.facts import Evening
from chaos.evening.judge import behind, while_open
from chaos.evening.listening import Listener

_STORED = "SELECT platform_message_id, id::text, created_at FROM messages WHERE direction = 'in'"
_DRAFTED = "SELECT based_on_platform_id, min(created_at) FROM reply_drafts GROUP BY 1"
_ORDERED = "SELECT platform_message_id, created_at FROM sends WHERE priority = 0"


def hops(
    cloud: Cloud, evening: Evening, listeners: Sequence[Listener], pushed: set[str]
) -> list[str]:
    """Tell how long hops took, half of them and 95 of 100."""
    accepted = {said.id: said for said in evening.spoken}
    with cloud.connect() as connection:
        stored = {row[0]: (row[1], row[2]) for row in connection.execute(_STORED)}
        drafted = {row[0]: row[1] for row in connection.execute(_DRAFTED)}
        ordered = {row[0]: row[1] for row in connection.execute(_ORDERED)}
    first: dict[str, datetime] = {}
    for listener in listeners:
        for heard in listener.heard:
            if heard.kind == "message.created":
                name = heard.data["message_id"]
                first[name] = min(first.get(name, heard.at), heard.at)
    arrived = {name: row[1] - accepted[name].at for name, row in stored.items() if name in accepted}
    heard_after = [first[row[0]] - row[1] for row in stored.values() if row[0] in first]
    by_push = [wait for name, wait in arrived.items() if accepted[name].chat.creator in pushed]
    by_sync = [wait for name, wait in arrived.items() if accepted[name].chat.creator not in pushed]
    to_draft = [at - stored[name][1] for name, at in drafted.items() if name in stored]
    replied = [accepted[name].at - at for name, at in ordered.items() if name and name in accepted]
    return [
        _line("written, pushed, stored", by_push),
        _line("written, found by a sync, stored", by_sync),
        _line("stored, heard of on a WebSocket", heard_after),
        _line("stored, draft there", to_draft),
        _line("reply ordered, on the platform", replied),
    ]


def priorities(evening: Evening) -> list[str]:
    """Tell how persons' replies fared beside everything else."""
    counts = behind(evening)
    most = max(counts, default=0)
    return [
        f"{len(counts)} replies of persons; {sum(count == 1 for count in counts)} stood behind one"
        f" message of nobody's, none behind more than {most}",
        f"{while_open(evening)} drafts went out while the fan was writing on",
    ]


def _line(name: str, waits: Iterable[timedelta]) -> str:
    seconds = sorted(wait.total_seconds() for wait in waits)
    if len(seconds) < 2:
        return f"{name:<36}{len(seconds):>7}"
    p95 = statistics.quantiles(seconds, n=20)[-1]
    return (
        f"{name:<36}{len(seconds):>7}   p50 {statistics.median(seconds):7.2f} s   p95 {p95:7.2f} s"
    )
