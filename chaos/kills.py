"""Workers that die or stand still: at each step of a send, and at random moments."""

import time
from collections.abc import Iterator
from functools import partial

from browser_worker.steps import OF_SENDS, Step
from chaos.impatience import LEASE_SECONDS, SUBMIT_SECONDS
from chaos.judge import Verdict
from chaos.scenario import ACCEPTED_WITHIN, Scenario, Stage
from chaos.scene import Scene
from chaos.striking import Action, Strike

# Steps that only a send in doubt comes to: another life is killed first to leave one.
_OF_A_DOUBT = frozenset({Step.DOUBTED, Step.READ_BACK})
# Where a browser that outlives its worker makes a difference.
_AROUND_THE_CLICK = (Step.ASKING, Step.GRANTED, Step.CLICKED, Step.SEEN)
# Where everything may stand still at once: a click that stopped on its way to the platform would
# break the assumption that T2 rests on, and no ledger could tell.
_BEFORE_THE_CLICK = (Step.ASKING, Step.GRANTED)

_CLAIMS = "SELECT sum(fencing_token)::int FROM creator_lanes WHERE creator_id = ANY (%s)"


def scenarios() -> Iterator[Scenario]:
    """List them."""
    yield Scenario("random-kills", _random_kills)
    yield Scenario("random-stops", _random_stops)
    for step in OF_SENDS:
        yield Scenario(f"stop-{step}", partial(_stop_at, step, "stop"))
    for step in _BEFORE_THE_CLICK:
        yield Scenario(f"freeze-{step}", partial(_stop_at, step, "stop_container"))
    for step in OF_SENDS:
        yield Scenario(f"kill-{step}", partial(_kill_at, step, "kill"))
    for step in _AROUND_THE_CLICK:
        yield Scenario(f"crash-{step}", partial(_kill_at, step, "kill_container"))


def _strike_at(step: Step, action: Action) -> Strike:
    once = step is Step.CLAIMED or step in _OF_A_DOUBT
    return Strike(step, 1 if once else 2, action)


def _kill_at(step: Step, action: Action, stage: Stage) -> Verdict:
    with stage.scene() as scene:
        scene.plan(scene.add_creator(4))
        _leave_doubt(step, scene)
        scene.start_worker(_strike_at(step, action)).await_death()
        scene.start_worker()
        scene.await_settled()
        return scene.verdict(ACCEPTED_WITHIN)


def _stop_at(step: Step, action: Action, stage: Stage) -> Verdict:
    with stage.scene() as scene:
        scene.plan(scene.add_creator(5))
        _leave_doubt(step, scene)
        stalled = scene.start_worker(_strike_at(step, action))
        stalled.await_stop()
        scene.start_worker()
        # It comes back while the second one takes the lane over, or works in it, or has done.
        time.sleep(LEASE_SECONDS + scene.random.uniform(0.3, 5))
        stalled.resume()
        scene.await_settled()
        # Whatever it still had in mind, it has done by then.
        time.sleep(SUBMIT_SECONDS + 1)
        return scene.verdict(ACCEPTED_WITHIN)


def _leave_doubt(step: Step, scene: Scene) -> None:
    if step in _OF_A_DOUBT:
        scene.start_worker(Strike(Step.CLICKED, 2, "kill")).await_death()


def _random_kills(stage: Stage) -> Verdict:
    creators, fans, kills, per_minute = (10, 32, 50, 20) if stage.long else (4, 15, 10, 40)
    with stage.scene() as scene:
        for _ in range(creators):
            scene.plan(scene.add_creator(fans, per_minute=per_minute, gap_seconds=0.3))
        for _ in range(kills):
            if scene.await_settled(0.1):
                scene.plan(scene.add_creator(fans, per_minute=per_minute, gap_seconds=0.3))
            claims = int(str(scene.ask(_CLAIMS)))
            worker = scene.start_worker()
            scene.await_ledger(f"{_CLAIMS} HAVING sum(fencing_token) > {claims}", 30)
            time.sleep(scene.random.uniform(0, 4))
            worker.kill(with_browser=scene.random.random() < 0.5)
        scene.start_worker()
        scene.await_settled(300)
        return scene.verdict(ACCEPTED_WITHIN)


def _random_stops(stage: Stage) -> Verdict:
    """Workers stand still at moments that no step names: in a transaction, or in a call."""
    creators, fans, stops = (6, 30, 20) if stage.long else (3, 10, 4)
    with stage.scene() as scene:
        for _ in range(creators):
            scene.plan(scene.add_creator(fans, per_minute=30, gap_seconds=0.3))
        workers = [scene.start_worker(), scene.start_worker()]
        scene.await_ledger(f"{_CLAIMS} HAVING sum(fencing_token) >= {creators}", 30)
        for _ in range(stops):
            stalled = scene.random.choice(workers)
            time.sleep(scene.random.uniform(0, 2))
            stalled.stop()
            time.sleep(LEASE_SECONDS + scene.random.uniform(0, 2))
            stalled.resume()
        scene.await_settled(120)
        time.sleep(SUBMIT_SECONDS + 1)
        return scene.verdict(ACCEPTED_WITHIN)
