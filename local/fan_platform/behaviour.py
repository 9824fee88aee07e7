"""How a fan acts, drawn from a seed: the same seed and the same messages give the same day."""

import random
import zlib
from dataclasses import dataclass

MOST_TIPS = 0.2
REPLIES = (
    "thank you 😊",
    "haha love it",
    "when is the next one?",
    "you made my day",
    "can I get something special?",
    "maybe later",
    "wow 🔥",
    "good morning!",
)


@dataclass(frozen=True, slots=True)
class Reaction:
    """What a fan will do, and how long after the message."""

    after_seconds: float
    kind: str
    amount_cents: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """The lasting character of one fan."""

    opens: float
    replies: float
    buys: float
    worth_cents: int
    tips: float
    tip_cents: int
    leaves: float


def behaviour(seed: int, fan_id: str) -> Behaviour:
    """Return the character of a fan: few spend much, most look on."""
    dice = random.Random(f"{seed}:{fan_id}")
    generosity = dice.lognormvariate(0, 0.9)
    return Behaviour(
        opens=dice.uniform(0.35, 0.95),
        replies=dice.uniform(0.02, 0.35),
        buys=min(0.6, 0.12 * generosity),
        worth_cents=int(1200 * generosity),
        tips=min(MOST_TIPS, 0.015 * generosity),
        tip_cents=100 * max(1, round(5 * generosity)),
        leaves=dice.uniform(0.0005, 0.006),
    )


def reactions(seed: int, fan_id: str, nth: int, price_cents: int, spoiled: int) -> list[Reaction]:
    """Return what a fan does after the ``nth`` message.

    Everything happens within 20 hours, so that a day on the clock shows all of it.

    Args:
        seed: The seed of the fan.
        fan_id: The fan.
        nth: Which message to this fan it is, from 1.
        price_cents: What unlocking it costs.
        spoiled: How many messages the fan had in the day before; each wears out its patience.
    """
    who = behaviour(seed, fan_id)
    dice = random.Random(f"{seed}:{fan_id}:{nth}")
    acts: list[Reaction] = []
    if dice.random() < who.leaves * (1 + spoiled):
        acts.append(Reaction(dice.uniform(600, 70_000), "leave"))
    opened = dice.uniform(30, 40_000)
    if dice.random() >= who.opens / (1 + 0.15 * spoiled):
        return acts
    acts.append(Reaction(opened, "open"))
    later = opened + dice.uniform(5, 20_000)
    wants = dice.random() < who.buys * who.worth_cents / (who.worth_cents + price_cents)
    if price_cents and wants:
        acts.append(Reaction(later, "buy", price_cents))
        if dice.random() < 0.01:
            acts.append(Reaction(later + 10_000, "charge_back", price_cents))
    if dice.random() < who.replies:
        acts.append(Reaction(later + 1, "reply", text=dice.choice(REPLIES)))
    if dice.random() < who.tips:
        acts.append(Reaction(later + 2, "tip", who.tip_cents))
    return acts


def tip_of_the_day(seed: int, fan_id: str, day: int) -> int:
    """Return what a fan tips on a day without being asked, in cents; mostly nothing."""
    # Nearly everyone gives nothing; a checksum says so at a fraction of the cost of dice.
    luck = zlib.crc32(f"{seed}:{fan_id}:day:{day}".encode()) / 2**32
    if luck >= MOST_TIPS / 10:
        return 0
    who = behaviour(seed, fan_id)
    return who.tip_cents if luck < who.tips / 10 else 0
