"""A database that goes back to a backup in the midst of two campaigns."""

import time
from collections.abc import Iterator
from functools import partial

from chaos.judge import Verdict
from chaos.scenario import Scenario, Stage
from chaos.scene import Creator, Scene

FANS = 10
# Of the first campaign, before and after the backup; then some of the second.
BEFORE, AFTER = 3, 14
SECOND = "And one more thing, {display_name|there}: I kept you a place."

_RECONCILED = (
    "SELECT bool_and(reconciled_at IS NOT NULL) FROM lane_restores WHERE creator_id = ANY (%s)"
)


def scenarios() -> Iterator[Scenario]:
    """List them."""
    yield Scenario("restored-backup", partial(_restored, True), alone=True)
    yield Scenario("restored-untold", partial(_restored, False), alone=True, must_show="duplicates")


def _restored(told: bool, stage: Stage) -> Verdict:
    """Deliver past a backup, go back to it, and let both campaigns come to their end.

    The second campaign is begun before the backup and frozen after it: the restored ledger knows
    nothing of its messages, and plans them anew.
    """
    with stage.scene() as scene:
        creator = scene.add_creator(FANS)
        scene.plan(creator)
        second = scene.begin_campaign(creator)
        scene.planned += [creator.to(fan) for fan in creator.fans]
        worker = scene.start_worker()
        _await_accepted(scene, creator, BEFORE)
        with scene.world.connect("superuser") as connection:
            connection.execute("UPDATE database_life SET alive_at = clock_timestamp()")
        kept = scene.world.back_up()
        scene.freeze(creator, second, SECOND)
        _await_accepted(scene, creator, AFTER)
        worker.kill(with_browser=True)
        scene.world.restore(kept)
        if told:
            _mark(scene)
        scene.start_worker()
        if told and not scene.await_ledger(_RECONCILED, 60):
            raise TimeoutError("the lane was not reconciled")
        scene.freeze(creator, second, SECOND)
        scene.await_settled(120)
        # What was found in a thread has no grant in the restored ledger: lateness says nothing.
        return scene.verdict(None)


def _mark(scene: Scene) -> None:
    """Do what the operator does before the first worker starts."""
    with scene.world.connect("relay") as connection:
        connection.execute("SELECT mark_restored(clock_timestamp(), 'chaos')")
    with scene.world.connect("superuser") as connection:
        # The minute that a real restore takes many times over.
        connection.execute("UPDATE creator_lanes SET interval_starts = '{}', interval_ends = '{}'")


def _await_accepted(scene: Scene, creator: Creator, messages: int, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while len(scene.platform.messages(creator.platform_id)) < messages:
        if time.monotonic() > end:
            raise TimeoutError(f"the platform did not accept {messages} messages")
        time.sleep(0.05)
