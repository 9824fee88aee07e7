"""The judge of an evening: it compares what everybody says with the platform's own truth.

It shares no code with what it judges. One function finds the breaches of one sentence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from chaos.evening.facts import Automated, Chat, Evening, Sending, Spoken
from chaos.judge import Accepted, Recipient, rate_breaches

DAY = timedelta(hours=24)
# How long a page may lie open before what it shows is acted upon: what a fan writes meanwhile is
# not on it. Opening, filling the form and the grant take a second; a busy machine is slower.
PAGE_OPEN = timedelta(seconds=5)
# Above this many, findings of one kind are counted.
_MOST = 8


def judge(evening: Evening) -> list[str]:
    """Find every breach; none is a pass."""
    findings: list[str] = []
    for look in (
        *(_ledger, _rates, _inbound, _inbox, _replies, _waits, _moved_on, _caps),
        *(_automations, _stops, _live, _campaign, _rest),
    ):
        found = list(look(evening))
        findings += found[:_MOST]
        if len(found) > _MOST:
            findings.append(f"… and {len(found) - _MOST} more of these")
    return findings


def behind(evening: Evening) -> list[int]:
    """How many messages of nobody's the platform took while each person's reply was due."""
    by_message = {one.message_id: one for one in evening.sendings if one.message_id}
    lower: dict[str, list[datetime]] = defaultdict(list)
    for said in evening.spoken:
        row = by_message.get(said.id)
        if row is not None and row.priority > 0:
            lower[said.chat.creator].append(said.at)
    counts = []
    for said in evening.spoken:
        row = by_message.get(said.id)
        if row is not None and row.priority == 0:
            counts.append(sum(row.due_at < at < said.at for at in lower[said.chat.creator]))
    return counts


def while_open(evening: Evening) -> int:
    """How many drafts went out while a fan was writing something that no page could show yet."""
    return sum(late < PAGE_OPEN for _, _, late in _overtaken(evening))


def _ledger(evening: Evening) -> Iterator[str]:
    """Every message that the platform accepted is one row's, and every row tells what it knows."""
    claims = Counter(one.message_id for one in evening.sendings if one.message_id)
    accepted = {said.id: said for said in evening.spoken if said.own}
    for said in accepted.values():
        if claims[said.id] != 1:
            yield f"{_name(said.chat)} got {said.id}, which {claims[said.id]} rows speak of"
    for row in evening.sendings:
        truth = accepted.get(row.message_id or "")
        if row.state not in ("sent", "skipped", "cancelled", "held_out"):
            yield f"{_name(row.chat)}: a message was left {row.state} ({row.reason})"
        elif row.state == "sent" and truth is None:
            yield f"{_name(row.chat)} is sent in the ledger; the platform accepted nothing"
        elif row.state != "sent" and row.message_id is not None:
            yield f"{_name(row.chat)} is {row.state} in the ledger; the platform accepted it"
        elif truth is not None and (truth.chat, truth.text) != (row.chat, row.text):
            yield f"{_name(row.chat)} was sent something else than {row.message_id} says"
        elif row.state == "skipped" and row.reason is None:
            yield f"{_name(row.chat)} was skipped for no reason given"


def _rates(evening: Evening) -> Iterator[str]:
    own = [
        Accepted(said.id, Recipient(*said.chat), said.text, said.at)
        for said in evening.spoken
        if said.own
    ]
    yield from rate_breaches(own, evening.rules)


def duplicates(evening: Evening) -> int:
    """How many messages the platform accepted that no row of the ledger accounts for."""
    claims = {one.message_id for one in evening.sendings if one.state == "sent"}
    return sum(said.own and said.id not in claims for said in evening.spoken)


def losses(evening: Evening) -> int:
    """How many messages one side has and the other does not: of fans here, of ours there."""
    accepted = {said.id for said in evening.spoken}
    kept = {one.message_id for one in evening.kept}
    sent = {one.message_id for one in evening.sendings if one.state == "sent"}
    return len(accepted - kept) + len(sent - accepted)


def _inbound(evening: Evening) -> Iterator[str]:
    times = Counter(one.message_id for one in evening.kept)
    for said in evening.spoken:
        if times[said.id] != 1:
            who = "us" if said.own else "a fan"
            yield f"{_name(said.chat)}: {said.id}, of {who}, is stored {times[said.id]} times"
    accepted = {said.id: said for said in evening.spoken}
    for one in evening.kept:
        truth = accepted.get(one.message_id)
        if truth is None:
            yield f"{_name(one.chat)}: {one.message_id} is stored and was never accepted"
        elif (truth.chat, truth.own) != (one.chat, one.own):
            yield f"{_name(one.chat)}: {one.message_id} is stored with the wrong fan or direction"


def _inbox(evening: Evening) -> Iterator[str]:
    """State, unread and newest message of each conversation, computed from the platform's truth.

    What was ordered answers what was stored by then: nobody can have seen what came later.
    """
    automatic = {one.message_id for one in evening.sendings if one.message_id and one.priority >= 2}
    ordered = {one.message_id: one.ordered_at for one in evening.sendings if one.ordered_at}
    stored = {one.message_id: one.at for one in evening.kept}
    threads: dict[Chat, list[Spoken]] = defaultdict(list)
    for said in evening.spoken:
        threads[said.chat].append(said)
    standings = {one.chat: one for one in evening.standings}
    for chat, thread in threads.items():
        thread.sort(key=lambda said: said.seq)
        waits, stands = list[Spoken](), standings.get(chat)
        for said in thread:
            if not said.own:
                waits.append(said)
            elif said.id not in automatic:
                seen = ordered.get(said.id)
                waits = [one for one in waits if seen and stored.get(one.id, seen) > seen]
        unread = len(waits)
        if stands is None:
            yield f"{_name(chat)} has no conversation"
            continue
        if stands.unread != unread:
            yield f"{_name(chat)} has {stands.unread} unread messages, not {unread}"
        state = "open" if unread else "waiting"
        if stands.state != state:
            yield f"{_name(chat)} is {stands.state}, not {state}"
        if stands.newest != thread[-1].id:
            yield f"{_name(chat)} shows {stands.newest} as its newest, not {thread[-1].id}"


def _replies(evening: Evening) -> Iterator[str]:
    """What a member ordered is one row, however often it was asked, and one message at most."""
    rows = {one.id: one for one in evening.sendings}
    texts = Counter((one.chat, one.text) for one in evening.sendings)
    accepted = Counter((said.chat, said.text) for said in evening.spoken if said.own)
    for one in evening.ordered:
        where = f"{_name(one.chat)}: the reply {one.key}"
        ids = set(one.send_ids)
        if len(ids) > 1:
            yield f"{where} was answered with {len(ids)} sends"
        if any(send not in rows for send in ids):
            yield f"{where} was taken and has no row"
        if texts[one.chat, one.text] > 1:
            yield f"{where} has {texts[one.chat, one.text]} rows"
        if accepted[one.chat, one.text] > 1:
            yield f"{where} was accepted {accepted[one.chat, one.text]} times"


def _waits(evening: Evening) -> Iterator[str]:
    late = [count for count in behind(evening) if count > 1]
    for count in late:
        yield f"a person's reply stood behind {count} messages of nobody's"


def _moved_on(evening: Evening) -> Iterator[str]:
    for row, word, late in _overtaken(evening):
        if late >= PAGE_OPEN:
            yield (
                f"{_name(row.chat)} got the draft {row.message_id} although {word.id} stood there"
                f" {late.total_seconds():.1f} s before its grant"
            )


def _overtaken(evening: Evening) -> Iterator[tuple[Sending, Spoken, timedelta]]:
    """Messages that were for another newest message than the one that stood there."""
    places = {said.id: said.seq for said in evening.spoken}
    threads: dict[Chat, list[Spoken]] = defaultdict(list)
    for said in evening.spoken:
        threads[said.chat].append(said)
    for row in evening.sendings:
        if row.basis is None or row.message_id is None or row.granted_at is None:
            continue
        for word in threads[row.chat]:
            after = places.get(row.basis, 0) < word.seq < places.get(row.message_id, 0)
            if after and word.at < row.granted_at:
                yield row, word, row.granted_at - word.at
                break


def _caps(evening: Evening) -> Iterator[str]:
    """Nobody gets an automatic message who got as many messages within a day as the cap says."""
    # People may write as often as they like; what they let go counts all the same.
    automatic = {one.message_id for one in evening.sendings if not one.by_person}
    got: dict[Chat, list[datetime]] = defaultdict(list)
    for said in sorted(evening.spoken, key=lambda said: said.seq):
        if not said.own:
            continue
        before = sum(at > said.at - DAY for at in got[said.chat])
        cap = evening.caps.get(said.chat.creator)
        if cap is not None and said.id in automatic and before >= cap:
            yield f"{_name(said.chat)} got {said.id} after {before} others; the cap is {cap}"
        got[said.chat].append(said.at)


def _automations(evening: Evening) -> Iterator[str]:
    said = Counter((one.chat, one.text) for one in evening.spoken if one.own)
    runs = Counter((one.automation, one.chat) for one in evening.ran)
    for one in evening.ran:
        if one.status == "failed":
            yield f"{_name(one.chat)}: a run of an automation failed"
    for automation in evening.automated:
        due = Counter(
            one.chat
            for one in evening.spoken
            if not one.own and one.chat.creator == automation.creator and _starts(automation, one)
        )
        ran = {chat for which, chat in runs if which == automation.id}
        for chat in due.keys() | ran:
            wanted = min(due[chat], 1) if automation.once else due[chat]
            has = runs[automation.id, chat]
            if has != wanted:
                yield f"{_name(chat)} ran {has} times for {automation.trigger}, not {wanted}"
            if said[chat, automation.text] > wanted:
                sent = said[chat, automation.text]
                yield f"{_name(chat)} got {sent} messages for {automation.trigger}, not {wanted}"


def _starts(automation: Automated, word: Spoken) -> bool:
    return automation.trigger == "message_received" or word.tip_cents > 0


def _stops(evening: Evening) -> Iterator[str]:
    for chat in evening.stop_words.keys() - evening.stops.keys():
        yield f"{_name(chat)} asked for no more messages and nobody knows"
    for row in evening.sendings:
        if row.message_id is None or row.granted_at is None:
            continue
        known, asked = evening.stops.get(row.chat), evening.stop_words.get(row.chat)
        if known is not None and row.granted_at > known:
            yield f"{_name(row.chat)} got {row.message_id} after asking for no more"
        elif asked is not None and row.priority > 0 and row.granted_at - PAGE_OPEN > asked:
            yield f"{_name(row.chat)} got {row.message_id} with a stop word in the thread"


def _live(evening: Evening) -> Iterator[str]:
    for one in evening.listened:
        told = Counter(one.messages)
        for kept in evening.kept:
            if kept.own or kept.chat.creator not in one.creators:
                continue
            if told[kept.id] != 1:
                yield f"{one.name} heard {told[kept.id]} times of {kept.message_id}"
        back = sum(later <= earlier for earlier, later in pairwise(one.places))
        if back:
            yield f"{one.name} was told of {back} events out of order"


def _campaign(evening: Evening) -> Iterator[str]:
    rows = Counter(one.chat for one in evening.sendings if one.campaign == evening.campaign)
    if evening.campaign is None:
        return
    for chat in evening.audience:
        if rows[chat] != 1:
            yield f"{_name(chat)} has {rows[chat]} rows of the campaign"


def _rest(evening: Evening) -> Iterator[str]:
    for name, count in evening.left.items():
        if count:
            yield f"{count} left: {name}"


def _name(chat: Chat) -> str:
    return f"{chat.creator[-6:]}/{chat.fan}"
