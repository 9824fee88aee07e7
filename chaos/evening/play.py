"""One evening from its first message to its verdict."""

import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from chaos.evening import evidence, figures
from chaos.evening.cast import Cast, Casting
from chaos.evening.cloud import Cloud, running_cloud
from chaos.evening.crowd import Crowd
from chaos.evening.facts import Evening
from chaos.evening.inbox import Figures, Meter
from chaos.evening.judge import duplicates, judge, losses
from chaos.evening.listening import Listener
from chaos.evening.people import Routine
from chaos.evening.script import Script, Size, write_script
from chaos.evening.striker import Striker
from chaos.evening.team import Member
from chaos.judge import Verdict
from local.fan_platform.client import FanPlatform

type Say = Callable[[str], None]

_LOOKS_SECONDS = 5.0
# Nothing that waits is due later: the longest are a lane full of approved drafts, and what a killed
# function held until its queue gave it back.
_REST_SECONDS = 900
# How often in a row everything must be found at rest.
_LOOKS = 2
_TELLS_SECONDS = 30.0
_LISTENING_SECONDS = 300


@dataclass
class Ensemble:
    """Everybody at work."""

    crowd: Crowd
    members: list[Member]
    listeners: list[Listener]
    striker: Striker | None

    @property
    def routines(self) -> list[Routine]:
        """All of them; those who listen come first and go last."""
        striker = [] if self.striker is None else [self.striker]
        return [*self.listeners, *self.members, self.crowd, *striker]


def play_evening(scratch: Path, size: Size, seed: int, *, say: Say, kills: bool = True) -> Verdict:
    """Play an evening on a cloud of its own and judge it.

    Args:
        scratch: A folder for the cloud and for logs.
        size: How large it is.
        seed: Of everything that is drawn.
        say: Where progress is told.
        kills: Whether processes are struck.
    """
    with running_cloud(scratch / "evening") as cloud:
        return play_on(cloud, scratch, size, seed, kills=kills, say=say)


def play_on(
    cloud: Cloud, scratch: Path, size: Size, seed: int, *, kills: bool, say: Say
) -> Verdict:
    """Play an evening on a cloud that is up."""
    began = time.monotonic()
    script = write_script(size, seed)
    with ExitStack() as stack:
        platform = FanPlatform(cloud.endpoints["fan_platform_url"])
        stack.callback(platform.close)
        casting = Casting(cloud, platform, script)
        cast = casting.cast()
        stack.callback(cast.close)
        casting.push(cast)
        casting.launch(cast)
        say(f"everybody is there after {time.monotonic() - began:.0f} s")
        ensemble = _ensemble(cloud, platform, cast, script, seed, kills=kills)
        for routine in ensemble.routines:
            stack.callback(routine.stop)
        user_id = cast.owners[0].get("/api/auth/me")["user"]["id"]
        meter = Meter(cloud, cast.creators[0], user_id, scratch)
        stack.callback(meter.end)
        _perform(ensemble, say)
        inbox = meter.read()
        left = _rest(cloud, cast, platform, ensemble, say)
        for listener in ensemble.listeners:
            listener.stop()
        evening = evidence.gather(
            cloud,
            cast,
            written=ensemble.crowd.written,
            replies=[reply for member in ensemble.members for reply in member.replies],
            listeners=ensemble.listeners,
            left={**left, **evidence.dead_letters(cloud)},
        )
        say(f"everything is at rest after {time.monotonic() - began:.0f} s")
        verdict = _verdict(cloud, cast, ensemble, evening, inbox)
        if size.strikes_all and ensemble.striker and ensemble.striker.unharmed:
            verdict.findings.append(f"{len(ensemble.striker.unharmed)} functions were never killed")
        return verdict


def _ensemble(
    cloud: Cloud, platform: FanPlatform, cast: Cast, script: Script, seed: int, *, kills: bool
) -> Ensemble:
    def seen_by(agency: int) -> list[str]:
        return [one.id for one in cast.creators if one.role.agency == agency]

    people = [
        *((f"chatter {n}", *one) for n, one in enumerate(cast.chatters, 1)),
        *((f"owner {n}", owner, seen_by(n - 1)) for n, owner in enumerate(cast.owners, 1)),
    ]
    return Ensemble(
        Crowd(platform, cast, script),
        [
            Member(name, person, creators, seed, syncs=person in cast.owners)
            for name, person, creators in people
        ],
        # One who sees some creators only, and both owners.
        [Listener(f"front end of {people[n][0]}", *people[n][1:]) for n in (0, 2, 3)],
        Striker(cloud, seed) if kills else None,
    )


def _perform(ensemble: Ensemble, say: Say) -> None:
    """Let everybody do what they do until the last fan has written."""
    for listener in ensemble.listeners:
        listener.start()
    deadline = time.monotonic() + _LISTENING_SECONDS
    while not all(listener.cursor for listener in ensemble.listeners):
        if time.monotonic() > deadline:
            troubles = [line for one in ensemble.listeners for line in one.troubles]
            raise TimeoutError(f"not everybody could listen: {troubles[:3]}")
        time.sleep(0.2)
    for routine in ensemble.routines:
        if not routine.is_alive():
            routine.start()
    began, told = time.monotonic(), time.monotonic()
    while not ensemble.crowd.is_done:
        time.sleep(0.5)
        if time.monotonic() - told > _TELLS_SECONDS:
            told = time.monotonic()
            kills = ensemble.striker.kills.total() if ensemble.striker else 0
            written = len(ensemble.crowd.written)
            say(f"{told - began:5.0f} s: {written} messages of fans, {kills} kills")
    say(f"the last fan has written after {time.monotonic() - began:.0f} s")
    active = [one for one in ensemble.routines if not isinstance(one, Listener)]
    for routine in active:
        routine.ask_to_stop()
    for routine in active:
        routine.stop()


def _rest(
    cloud: Cloud, cast: Cast, platform: FanPlatform, ensemble: Ensemble, say: Say
) -> dict[str, int]:
    """End the campaign as a person does, and wait until nothing moves; return what still does."""
    owner, path = cast.owners[0], f"/api/marketing/campaigns/{cast.campaign_id}"
    status = owner.get(path)["status"]
    if status == "sending":
        owner.post(f"{path}/cancel")
    for creator in cast.creators:
        if not creator.role.pushed:
            # Tips are in the list of earnings, which a sync that nobody asks for reads hourly.
            creator.owner.post("/api/of/sync", {"creator_id": creator.id})
    say(f"the campaign was {status}; now everything is to come to rest")
    deadline, told, quiet = time.monotonic() + _REST_SECONDS, 0.0, 0
    while True:
        left = evidence.unrest(cloud)
        left["pushes under way"] = platform.pushes()["under_way"]
        left |= {f"events for {one.name}": one.behind(cloud) for one in ensemble.listeners}
        left = {name: count for name, count in left.items() if count}
        quiet = 0 if left else quiet + 1
        if quiet >= _LOOKS or time.monotonic() > deadline:
            return left
        if time.monotonic() - told > _TELLS_SECONDS:
            told = time.monotonic()
            say("waiting for " + ", ".join(f"{count} {name}" for name, count in left.items()))
        time.sleep(_LOOKS_SECONDS)


def _verdict(
    cloud: Cloud, cast: Cast, ensemble: Ensemble, evening: Evening, inbox: Figures
) -> Verdict:
    pushed = {one.id for one in cast.creators if one.role.pushed}
    inbound = sum(not said.own for said in evening.spoken)
    by_kind = Counter(
        ("person", "chatbot", "automation", "campaign")[row.priority]
        for row in evening.sendings
        if row.state == "sent"
    )
    did: Counter[str] = Counter()
    for member in ensemble.members:
        did += member.did
    report = [
        f"{len(evening.standings)} conversations, {inbound} messages of fans,"
        f" {sum(len(one.heard) for one in ensemble.listeners)} live events on"
        f" {sum(one.connections for one in ensemble.listeners)} connections",
        "on the platform: " + ", ".join(f"{count} of {who}" for who, count in by_kind.items()),
        "not sent: " + _why_not(cloud),
        "the team: " + ", ".join(f"{count} {what}" for what, count in did.most_common()),
        *figures.hops(cloud, evening, ensemble.listeners, pushed),
        *figures.priorities(evening),
        inbox.line(),
        *_struck(ensemble),
    ]
    return Verdict(
        planned=len(evening.sendings),
        outcomes=Counter(row.state for row in evening.sendings),
        duplicates=duplicates(evening),
        losses=losses(evening),
        findings=[*judge(evening), *inbox.findings(), *evidence.read_whole(cloud)],
        report=report,
    )


def _why_not(cloud: Cloud) -> str:
    with cloud.connect() as connection:
        rows = connection.execute(
            "SELECT state, coalesce(reason, ''), count(*) FROM sends"
            " WHERE state <> 'sent' GROUP BY 1, 2 ORDER BY 3 DESC"
        ).fetchall()
    return ", ".join(f"{count} {state} {reason}".strip() for state, reason, count in rows)


def _struck(ensemble: Ensemble) -> list[str]:
    striker = ensemble.striker
    if striker is None:
        return ["nothing was killed"]
    kills = ", ".join(
        f"{name} {count}" + (f" ({striker.at_work[name]} at work)" if striker.at_work[name] else "")
        for name, count in striker.kills.most_common()
    )
    lines = [f"{striker.kills.total()} kills: {kills}"]
    if striker.unharmed:
        lines.append("never killed: " + ", ".join(sorted(striker.unharmed)))
    troubles = [line for routine in ensemble.routines for line in routine.troubles]
    lines += [f"seen by people: {line[:160]}" for line in troubles[:10]]
    return lines
