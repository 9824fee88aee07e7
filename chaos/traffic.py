"""Two workers at once, a queue that repeats and reorders, a database that crashes."""

import time
from collections.abc import Iterator

from browser_worker.steps import Step
from chaos.judge import Verdict
from chaos.scenario import ACCEPTED_WITHIN, Scenario, Stage
from chaos.scene import Scene
from chaos.striking import Strike

# A worker that is told to go has so long for it, as a container of ECS has.
DRAIN_SECONDS = 30

_SENT = "SELECT count(*) >= {} FROM sends WHERE creator_id = ANY (%s) AND state = 'sent'"


def scenarios() -> Iterator[Scenario]:
    """List them."""
    yield Scenario("rate-window", _rate_window)
    yield Scenario("wild-queue", _wild_queue)
    yield Scenario("sigterm", _sigterm)
    yield Scenario("postgres-crash", _postgres_crash, alone=True)


def _rate_window(stage: Stage) -> Verdict:
    """More messages of a person's than the minute holds, two workers, and one dies."""
    with stage.scene() as scene:
        creator = scene.add_creator(7, per_minute=5, gap_seconds=0.4)
        scene.plan_person(creator, creator.fans, "Thank you for today!")
        scene.start_worker(Strike(Step.CLICKED, 2))
        scene.start_worker()
        scene.await_settled(120)
        return scene.verdict(ACCEPTED_WITHIN)


def _wild_queue(stage: Stage) -> Verdict:
    """Wake-ups come twice, late, in any order, and to both workers at the same time."""
    with stage.scene(fifo=False) as scene:
        for _ in range(3):
            scene.plan(scene.add_creator(8, per_minute=60))
        first, second = scene.start_worker(), scene.start_worker()
        _storm(scene, seconds=5)
        second.kill(with_browser=True)
        scene.start_worker()
        _storm(scene, seconds=3)
        scene.await_settled(90)
        _storm(scene, seconds=1)
        time.sleep(2)
        if not first.is_running:
            raise RuntimeError("the first worker has died of the storm")
        return scene.verdict(ACCEPTED_WITHIN)


def _storm(scene: Scene, *, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        wake_ups = [creator.id for creator in scene.creators] * 2
        scene.random.shuffle(wake_ups)
        scene.wake(wake_ups)
        time.sleep(scene.random.uniform(0, 0.6))


def _sigterm(stage: Stage) -> Verdict:
    """A worker is replaced in the midst of its lanes."""
    with stage.scene() as scene:
        for _ in range(2):
            scene.plan(scene.add_creator(6, per_minute=60))
        worker = scene.start_worker()
        scene.await_ledger(_SENT.format(3), 30)
        worker.ask_to_go()
        scene.start_worker()
        worker.await_end(DRAIN_SECONDS)
        scene.await_settled()
        return scene.verdict(ACCEPTED_WITHIN)


def _postgres_crash(stage: Stage) -> Verdict:
    with stage.scene() as scene:
        for _ in range(2):
            scene.plan(scene.add_creator(8, per_minute=60))
        scene.start_worker()
        for sent in (2, 7):
            scene.await_ledger(_SENT.format(sent), 40)
            time.sleep(scene.random.uniform(0, 0.8))
            stage.world.crash_postgres()
        scene.await_settled(90)
        return scene.verdict(ACCEPTED_WITHIN)
