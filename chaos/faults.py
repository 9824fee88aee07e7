"""Platforms that fail, hang, refuse, change and forget, in the midst of a campaign."""

import time
from collections.abc import Callable, Iterator
from functools import partial

import httpx

from browser_worker.steps import Step
from chaos.judge import Verdict
from chaos.scenario import ACCEPTED_WITHIN, Scenario, Stage
from chaos.scene import Creator, Scene
from chaos.striking import Strike

FANS = 4
# Every way in which the platform rewrites a text finds something in this one.
REWRITTEN = (
    "Hi  {display_name|there} \U0001f618\U0001f44d\U0001f3fd,\n\n  new:"
    " https://www.example.com/a/rather/long/path?set=12&from=me  \u2764\ufe0f "
)

# Faults that are gone, or at nought, once they have struck.
_USED_UP = (
    *("error_after_accept", "hang_after_accept", "hang_before_accept"),
    *("session_expiry_after", "challenge_after", "page_crash"),
)

type Person = Callable[[Scene, Creator], None]
"""What a person or the platform does while the worker is at work."""


def scenarios() -> Iterator[Scenario]:
    """List them."""
    plays: dict[str, tuple[dict[str, object], Person]] = {
        "error-after-accept": ({"error_after_accept": 2}, _nobody),
        "hang-after-accept": ({"hang_after_accept": 1}, _nobody),
        "hang-before-accept": ({"hang_before_accept": 1}, _nobody),
        "hang-before-twice": ({"hang_before_accept": 2}, _nobody),
        "slow-and-failing": ({"latency_ms": 150, "error_rate": 0.25}, _nobody),
        "session-expiry": ({"session_expiry_after": 2}, _logs_in),
        "challenge": ({"challenge_after": 2}, partial(_sees_to_it, challenge_after=None)),
        "rate-page": (
            {"rate_rule": {"messages_per_minute": 2, "cooldown_seconds": 2}},
            _platform_relents,
        ),
        "drift-composer": ({"page_drift": "renamed"}, partial(_sees_to_it, page_drift=None)),
        "drift-messages": (
            {"page_drift": "renamed_messages"},
            partial(_sees_to_it, page_drift=None),
        ),
        "drift-ids": ({"page_drift": "no_message_ids"}, partial(_sees_to_it, page_drift=None)),
        "other-fans-thread": ({"page_drift": "other_fan"}, _nobody),
        "crash-at-open": ({"page_crash": {"moment": "open", "skip": 1}}, _nobody),
        "hang-at-open": ({"page_crash": {"mode": "hang", "moment": "open", "skip": 1}}, _nobody),
        "crash-once-sent": ({"page_crash": {"moment": "sent", "skip": 1}}, _nobody),
        "hang-once-sent": ({"page_crash": {"mode": "hang", "moment": "sent", "skip": 1}}, _nobody),
        "fan-gone-in-doubt": ({"hang_after_accept": 1}, _fan_leaves),
        "crashes-in-doubt": ({"hang_after_accept": 1}, _thread_crashes),
        "fan-blocks-in-doubt": ({"hang_after_accept": 1}, _fan_blocks),
    }
    for name, (faults, person) in plays.items():
        yield Scenario(name, partial(_play, faults, person))
    yield Scenario("fans-block-and-go", _fans_block_and_go)
    yield Scenario("rewritten-and-killed", _rewritten)
    yield Scenario("browser-killed", _browser_killed)


def _play(faults: dict[str, object], person: Person, stage: Stage) -> Verdict:
    with stage.scene() as scene:
        creator = scene.add_creator(FANS)
        scene.platform.set_faults(creator.platform_id, **faults)
        scene.plan(creator)
        scene.start_worker()
        person(scene, creator)
        scene.await_settled(90)
        _require_struck(scene, creator)
        return scene.verdict(ACCEPTED_WITHIN)


def _require_struck(scene: Scene, creator: Creator) -> None:
    """Refuse a pass that no fault had a part in."""
    listed = httpx.get(f"{scene.platform.url}/_sim/faults").json()["faults"]
    left = [one for one in listed if one["creator"] == creator.platform_id]
    if waiting := [name for name in _USED_UP for one in left if one.get(name)]:
        raise RuntimeError(f"never struck: {', '.join(waiting)}")


def _nobody(_scene: Scene, _creator: Creator) -> None:
    """The worker is left to itself."""


def _logs_in(scene: Scene, creator: Creator) -> None:
    scene.require_stopped("session_expired")
    scene.reconnect(creator)


def _sees_to_it(scene: Scene, creator: Creator, **mended: object) -> None:
    """A person sees why the lane stopped, has it mended, and lets the lane move again."""
    scene.require_stopped()
    scene.platform.set_faults(creator.platform_id, **mended)
    scene.resume(creator)


def _platform_relents(scene: Scene, creator: Creator) -> None:
    _until(lambda: scene.platform.stats(creator.platform_id)["rate_violations"])
    # The cooldown meets at least one look at the platform.
    time.sleep(1)
    scene.platform.set_faults(creator.platform_id, rate_rule=None)


def _fan_leaves(scene: Scene, creator: Creator) -> None:
    fan = _fan_in_doubt(scene, creator)
    scene.evidence_gone.add(creator.to(fan))
    scene.platform.set_faults(creator.platform_id, gone_fans=[fan])


def _fan_blocks(scene: Scene, creator: Creator) -> None:
    fan = _fan_in_doubt(scene, creator)
    scene.platform.set_faults(creator.platform_id, blocked_fans=[fan])


def _thread_crashes(scene: Scene, creator: Creator) -> None:
    """The thread of the send in doubt cannot be read at first; all others can."""
    fan = _fan_in_doubt(scene, creator)
    scene.platform.set_faults(creator.platform_id, page_crash={"fan": fan, "next": 2})


def _fan_in_doubt(scene: Scene, creator: Creator) -> str:
    """Wait for the first message that the platform accepts; return who got it."""
    return str(_until(lambda: scene.platform.messages(creator.platform_id))[0]["fan"])


def _until[T](look: Callable[[], T], seconds: float = 30) -> T:
    """Look until there is something to see."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := look():
            return found
        time.sleep(0.05)
    raise TimeoutError("what the scenario waits for did not happen")


def _fans_block_and_go(stage: Stage) -> Verdict:
    with stage.scene() as scene:
        creator = scene.add_creator(FANS + 2)
        scene.platform.set_faults(
            creator.platform_id, blocked_fans=[creator.fans[1]], gone_fans=[creator.fans[3]]
        )
        scene.plan(creator)
        scene.start_worker()
        scene.await_settled()
        return scene.verdict(ACCEPTED_WITHIN)


def _rewritten(stage: Stage) -> Verdict:
    """Texts come back rewritten, and the worker dies before it sees them."""
    with stage.scene() as scene:
        creator = scene.add_creator(FANS)
        scene.platform.set_faults(creator.platform_id, rewrite=True)
        scene.plan(creator, REWRITTEN)
        scene.start_worker(Strike(Step.CLICKED, 2)).await_death()
        scene.start_worker(Strike(Step.SEEN, 1)).await_death()
        scene.start_worker()
        scene.await_settled()
        return scene.verdict(ACCEPTED_WITHIN)


def _browser_killed(stage: Stage) -> Verdict:
    """The browser dies under its worker, which goes too and is started again."""
    with stage.scene() as scene:
        creator = scene.add_creator(FANS * 2, per_minute=60)
        scene.plan(creator)
        worker = scene.start_worker()
        _fan_in_doubt(scene, creator)
        worker.kill_browser()
        worker.await_end(15)
        scene.start_worker()
        scene.await_settled()
        return scene.verdict(ACCEPTED_WITHIN)
