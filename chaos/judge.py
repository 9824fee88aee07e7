"""The judge: compares what the ledger says with what the platform accepted, and nothing else.

It shares no code with what it judges. It sees the rows of the ledger, the messages that the
platform accepted, whom the harness planned, and whose evidence the harness itself destroyed.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

MINUTE = timedelta(seconds=60)

SETTLED = ("sent", "not_sent", "unknown", "skipped", "cancelled", "held_out")
# A row in one of these says that the fan got nothing.
DENIED = ("not_sent", "skipped", "cancelled", "held_out")


@dataclass(frozen=True)
class Recipient:
    """A fan of a creator, both by the platform's ids."""

    creator: str
    fan: str


@dataclass(frozen=True)
class Accepted:
    """A message that the platform accepted."""

    id: str
    to: Recipient
    text: str
    at: datetime


@dataclass(frozen=True)
class Attempt:
    """One grant of a send and how it ended."""

    granted_at: datetime
    outcome: str | None


@dataclass(frozen=True)
class Row:
    """A send as the ledger has it."""

    to: Recipient
    text: str
    state: str
    reason: str | None
    platform_message_id: str | None
    has_evidence: bool
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True)
class RateRule:
    """At most so many in any minute, and so far apart."""

    messages_per_minute: int
    min_gap: timedelta


@dataclass(frozen=True)
class Case:
    """Everything that is judged.

    Args:
        planned: Whom the harness planned, one entry for each message.
        rows: The ledger.
        accepted: The platform's truth.
        rules: The rate rule of each creator.
        evidence_gone: Whose outcome nobody can know, because of the fault that was injected.
        accepted_within: T2, the time in which a granted message is accepted or never; None for
            an algorithm that has no grants.
    """

    planned: Sequence[Recipient]
    rows: Sequence[Row]
    accepted: Sequence[Accepted]
    rules: Mapping[str, RateRule]
    evidence_gone: Collection[Recipient] = ()
    accepted_within: timedelta | None = None


@dataclass(frozen=True)
class Verdict:
    """What the judge found.

    Args:
        outcomes: Rows by state.
        duplicates: Messages that the platform accepted beyond one for each send.
        losses: Sends that the ledger calls sent and the platform never saw, that it denies and
            the platform did see, or that have no row at all.
        findings: Every breach, as a sentence; none is a pass.
        report: Further figures, as sentences.
    """

    planned: int
    outcomes: Mapping[str, int]
    duplicates: int
    losses: int
    findings: list[str] = field(default_factory=list)
    report: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing was breached."""
        return not self.findings


def judge(case: Case) -> Verdict:
    """Judge one run, after everything has come to rest."""
    truth: dict[tuple[Recipient, str], list[Accepted]] = defaultdict(list)
    for message in case.accepted:
        truth[message.to, message.text].append(message)
    missing = list(_without_row(case))
    duplicates = list(_duplicates(case.rows, truth))
    silent = [finding for row in case.rows for finding in _silent(row, truth[row.to, row.text])]
    return Verdict(
        planned=len(case.planned),
        outcomes=Counter(row.state for row in case.rows),
        duplicates=len(duplicates),
        losses=len(missing) + len(silent),
        findings=[
            *missing,
            *_rows_beyond_plan(case),
            *_strays(case),
            *duplicates,
            *silent,
            *(finding for row in case.rows for finding in _unsettled(row, case)),
            *rate_breaches(case.accepted, case.rules),
            *_late(case, truth),
        ],
    )


def _without_row(case: Case) -> Iterable[str]:
    absent = Counter(case.planned) - Counter(row.to for row in case.rows)
    return (f"{_name(to)} was planned and has no row in the ledger" for to in absent.elements())


def _rows_beyond_plan(case: Case) -> Iterable[str]:
    beyond = Counter(row.to for row in case.rows) - Counter(case.planned)
    return (f"{_name(to)} has a row that nobody planned" for to in beyond.elements())


def _strays(case: Case) -> Iterable[str]:
    known = {(row.to, row.text) for row in case.rows}
    return (
        f"{_name(message.to)} got message {message.id}, which no row speaks of"
        for message in case.accepted
        if (message.to, message.text) not in known
    )


def _duplicates(
    rows: Sequence[Row], truth: Mapping[tuple[Recipient, str], list[Accepted]]
) -> Iterable[str]:
    expected = Counter((row.to, row.text) for row in rows)
    for key, messages in truth.items():
        for extra in messages[max(1, expected[key]) :]:
            yield f"{_name(key[0])} got message {extra.id} again"


def _silent(row: Row, messages: Sequence[Accepted]) -> Iterable[str]:
    """Where ledger and truth contradict each other."""
    if row.state == "sent":
        if not messages:
            yield f"{_name(row.to)} is sent in the ledger; the platform accepted nothing"
        elif row.platform_message_id not in {None, *(message.id for message in messages)}:
            yield f"{_name(row.to)} is sent as {row.platform_message_id}, which is another message"
    elif row.state in DENIED and messages:
        yield f"{_name(row.to)} is {row.state} in the ledger; the platform accepted it"


def _unsettled(row: Row, case: Case) -> Iterable[str]:
    if row.state not in SETTLED:
        yield f"{_name(row.to)} was left {row.state}"
    elif row.state == "unknown" and row.to not in case.evidence_gone:
        yield f"{_name(row.to)} is unknown although the evidence is there"
    elif row.state == "sent" and row.platform_message_id is None:
        yield f"{_name(row.to)} is sent and the ledger does not say as which message"
    elif row.state == "skipped" and row.reason is None:
        yield f"{_name(row.to)} was skipped for no reason given"
    elif row.state in ("not_sent", "unknown") and row.reason is None and not row.has_evidence:
        yield f"{_name(row.to)} is {row.state} and the ledger does not say why"


def rate_breaches(accepted: Iterable[Accepted], rules: Mapping[str, RateRule]) -> Iterable[str]:
    """Find where a creator's messages came faster than the rule allows."""
    moments: dict[str, list[datetime]] = defaultdict(list)
    for message in accepted:
        moments[message.to.creator].append(message.at)
    for creator, times in moments.items():
        times.sort()
        yield from _breaches_of(creator, times, rules[creator])


def _breaches_of(creator: str, times: Sequence[datetime], rule: RateRule) -> Iterable[str]:
    for earlier, later in pairwise(times):
        if later - earlier < rule.min_gap:
            yield f"{creator}: only {(later - earlier).total_seconds():.3f} s between two messages"
    start = 0
    for end, moment in enumerate(times):
        while moment - times[start] >= MINUTE:
            start += 1
        if end - start + 1 > rule.messages_per_minute:
            yield f"{creator}: {end - start + 1} messages in the minute before {moment:%H:%M:%S}"


def _late(case: Case, truth: Mapping[tuple[Recipient, str], list[Accepted]]) -> Iterable[str]:
    """Messages that no grant allowed, or that came after the time that the ledger counts on."""
    if case.accepted_within is None:
        return
    granted: dict[tuple[Recipient, str], list[datetime]] = defaultdict(list)
    for row in case.rows:
        granted[row.to, row.text] += [attempt.granted_at for attempt in row.attempts]
    for key, moments in granted.items():
        for message in truth[key]:
            earlier = [moment for moment in moments if moment <= message.at]
            if not earlier:
                yield f"{_name(message.to)} got message {message.id} before any grant"
            elif message.at - max(earlier) > case.accepted_within:
                late = (message.at - max(earlier)).total_seconds()
                yield f"{_name(message.to)} got message {message.id} {late:.1f} s after its grant"


def _name(to: Recipient) -> str:
    return f"{to.creator}/{to.fan}"
