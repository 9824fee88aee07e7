"""What the fans of an evening do, all of it drawn from one seed before it begins."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

# A fan rarely writes one message at a time; the next follow while somebody may be answering.
_BURSTS = (1, 1, 2, 2, 3, 4)
_BETWEEN_SECONDS = (0.2, 4.0)
_STOPS, _TIPS, _KEYWORDS, _PERSONS = 0.03, 0.02, 0.02, 0.01
STOP_WORDS = ("STOP", "stop!", "Unsubscribe", "arrête")
KEYWORD = "livestream"
_SMALL_TALK = (
    "hey, how was your day?",
    "good evening :)",
    "I had the best dinner tonight",
    "that last picture was lovely",
    "haha you are funny",
    "just came home from work",
    "what are you up to?",
    "the weather is awful here",
    "I was thinking of you on the train",
    "did you sleep well?",
    "my dog says hello",
    "you made my week",
)
# A person must answer these.
_FOR_PERSONS = ("are you a robot?", "I want my money back")


@dataclass(frozen=True)
class Size:
    """How large an evening is.

    Args:
        conversations: Fans who write.
        inbound: Messages that they write.
        span: How long they take at least; a machine that is slower takes longer.
        strikes_all: Whether there is time to kill every function that takes part.
    """

    conversations: int
    inbound: int
    span: timedelta
    strikes_all: bool = False


SHORT = Size(100, 600, timedelta(seconds=90))
LONG = Size(2_000, 20_000, timedelta(minutes=20), strikes_all=True)


@dataclass(frozen=True)
class Role:
    """A creator of the evening.

    Args:
        name: Of the creator.
        agency: Which of the two workspaces.
        share: Of the fans who write.
        pushed: Whether the platform tells what happens; otherwise a sync must find it.
        per_minute: Messages that the platform takes.
        gap: Between two of them.
        cap: Automatic messages to a fan in a day.
        auto_send: Whether drafts go out by the owner's standing word.
        onlookers: Fans who get the campaign and never write, for each one who does.
    """

    name: str
    agency: int
    share: float
    pushed: bool
    per_minute: int
    gap: timedelta
    cap: int
    auto_send: bool = False
    onlookers: float = 0


ROLES = (
    Role("ada", 0, 0.55, True, 30, timedelta(seconds=1), 3, onlookers=0.5),
    Role("bea", 0, 0.25, True, 60, timedelta(seconds=0.5), 6, auto_send=True),
    Role("cleo", 1, 0.20, False, 30, timedelta(seconds=1), 4),
)


@dataclass(frozen=True)
class Line:
    """Something that a fan writes, and when: seconds after the beginning."""

    at: float
    creator: str
    fan: str
    text: str
    tip_cents: int = 0


@dataclass(frozen=True)
class Script:
    """The whole evening.

    Args:
        fans: Of each creator, those who write first.
        lines: In order of time.
        stops: Who asks for no more messages.
    """

    fans: dict[str, list[str]]
    lines: list[Line]
    stops: set[tuple[str, str]]


def write_script(size: Size, seed: int) -> Script:
    """Draw an evening."""
    dice = random.Random(f"evening:{seed}")
    fans: dict[str, list[str]] = {}
    lines: list[Line] = []
    stops: set[tuple[str, str]] = set()
    for role, writers, messages in _shares(size):
        names = [f"{role.name}_{number:04}" for number in range(writers)]
        fans[role.name] = names + [
            f"{role.name}_quiet_{number:04}" for number in range(int(writers * role.onlookers))
        ]
        for place, fan in enumerate(names):
            count = messages * (place + 1) // writers - messages * place // writers
            said = list(_lines(dice, role.name, fan, count, size.span.total_seconds()))
            if count > 1 and dice.random() < _STOPS:
                stops.add((role.name, fan))
                said[-1] = Line(said[-1].at, role.name, fan, dice.choice(STOP_WORDS))
            lines += said
    lines.sort(key=lambda line: line.at)
    return Script(fans, lines, stops)


def _shares(size: Size) -> Iterator[tuple[Role, int, int]]:
    """Share out conversations and messages so that none is lost by rounding."""
    taken, part = 0, 0.0
    for role in ROLES:
        part += role.share
        until = round(part * size.conversations)
        before, after = (size.inbound * end // size.conversations for end in (taken, until))
        yield role, until - taken, after - before
        taken = until


def _lines(
    dice: random.Random, creator: str, fan: str, count: int, seconds: float
) -> Iterator[Line]:
    moments: list[float] = []
    while len(moments) < count:
        at = dice.uniform(0, seconds)
        for _ in range(min(dice.choice(_BURSTS), count - len(moments))):
            moments.append(at)
            at += dice.uniform(*_BETWEEN_SECONDS)
    for at in sorted(moments):
        luck = dice.random()
        text = dice.choice(_SMALL_TALK)
        if luck < _TIPS:
            yield Line(at, creator, fan, text, tip_cents=100 * dice.randint(3, 30))
        elif luck < _TIPS + _KEYWORDS:
            yield Line(at, creator, fan, f"when is the next {KEYWORD}?")
        elif luck < _TIPS + _KEYWORDS + _PERSONS:
            yield Line(at, creator, fan, dice.choice(_FOR_PERSONS))
        else:
            yield Line(at, creator, fan, text)
