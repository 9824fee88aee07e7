"""Loops: within an automation, and from one to the next. Both are refused with their path."""

from collections.abc import Iterable, Mapping, Sequence

from functions.automations.models import Definition
from functions.automations.steps import AddTag, SendMessage, Step
from functions.automations.triggers import PpvNotOpened, TagAdded
from huntaze.errors import InvalidInputError

_ARROW = " → "


class AutomationLoopError(InvalidInputError):
    """The automation would go round for ever; the sentence names the way."""


class AutomationGraphError(InvalidInputError):
    """The steps do not hang together."""


def check_steps(steps: Sequence[Step]) -> None:
    """Refuse steps that do not hang together.

    Raises:
        AutomationGraphError: A name comes twice, an arrow leads nowhere, nothing leads to a step.
        AutomationLoopError: A step leads back to itself.
    """
    names = [step.id for step in steps]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise _unfit(f"There are several steps called {', '.join(twice)}.")
    arrows = {step.id: step.arrows for step in steps}
    lost = [
        f"{name}{_ARROW}{to}" for name, ways in arrows.items() for to in ways if to not in arrows
    ]
    if lost:
        raise _unfit(f"There is no step to go to: {', '.join(lost)}.")
    if loop := find_loop(arrows, names):
        way = _ARROW.join(loop)
        raise AutomationLoopError(
            f"These steps go round in a loop: {way}. A step may not lead back to itself.",
            fields={"steps": way},
        )
    if left := sorted(set(names) - _reached(arrows, names[0])):
        raise _unfit(f"Nothing leads to {', '.join(left)}; the first step is {names[0]}.")


def _unfit(sentence: str) -> AutomationGraphError:
    return AutomationGraphError(sentence, fields={"steps": sentence})


def check_chain(name: str, definition: Definition, others: Mapping[str, Definition]) -> None:
    """Refuse an automation that, by way of others, would start itself again.

    Only what needs nothing of the fan makes an arrow: a tag starts who listens to the tag, and a
    paid message that nobody opens starts who waits for that. A fan who answers or pays each time
    decides so each time.

    Args:
        name: How people call it.
        definition: What it says.
        others: The other automations of the creator, by how people call them.

    Raises:
        AutomationLoopError: It would.
    """
    rules = {**others, name: definition}
    arrows = {
        rule: [
            other
            for other, said in rules.items()
            if any(_starts(step, said, itself=other == rule) for step in found.steps)
        ]
        for rule, found in rules.items()
    }
    if loop := find_loop(arrows, [name]):
        way = _ARROW.join(f"“{rule}”" for rule in loop)
        raise AutomationLoopError(
            f"Automations would start one another without end: {way}.", fields={"steps": way}
        )


def _starts(step: Step, said: Definition, *, itself: bool) -> bool:
    match step, said.trigger:
        case AddTag(tag=given), TagAdded(tag=awaited):
            return given == awaited
        case SendMessage(price_cents=price), PpvNotOpened():
            # Its own messages do not start it.
            return price > 0 and not itself
    return False


def find_loop(arrows: Mapping[str, Iterable[str]], starts: Iterable[str]) -> list[str] | None:
    """The first way that leads back to where it was, its first and last place the same."""
    done: set[str] = set()
    for start in starts:
        path: list[str] = []
        ways = [iter([start])]
        while ways:
            place = next(ways[-1], None)
            if place is None:
                ways.pop()
                if path:
                    done.add(path.pop())
            elif place in path:
                return [*path[path.index(place) :], place]
            elif place not in done:
                path.append(place)
                ways.append(iter(arrows[place]))
    return None


def _reached(arrows: Mapping[str, Iterable[str]], start: str) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        place = waiting.pop()
        if place not in found:
            found.add(place)
            waiting += arrows[place]
    return found
