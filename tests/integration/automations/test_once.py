"""No order or repetition of events, no crash and no second sweep gives a fan an action twice."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from functions.automations import running
from functions.automations.desk import PostgresDesk
from functions.automations.running import PostgresRuns
from huntaze.db import SingleConnection, Tenant
from huntaze.domain import happenings
from huntaze.domain.happenings import Happening, HappeningKind
from tests.fakes.automation_scene import AutomationScene, Killed

STEPS: tuple[dict[str, Any], ...] = (
    {"id": "hello", "kind": "send_message", "text": "Hello", "next": "tag"},
    {"id": "tag", "kind": "add_tag", "tag": "greeted", "next": "pause"},
    {"id": "pause", "kind": "wait", "minutes": 60, "next": "bye"},
    {"id": "bye", "kind": "send_message", "text": "Bye"},
)
REPEATS = {
    "once": {"kind": "once"},
    "each_time": {"kind": "each_time"},
    "after_days": {"kind": "after_days", "days": 3},
}
# Days, so that the same one twice is the same happening, and neighbours are too near for a pause.
DAYS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=1, max_size=8)
# What comes between two happenings: nothing, a sweep, one that dies at its n-th step, time.
BETWEEN = st.lists(
    st.sampled_from(["nothing", "sweep", "time", *range(4)]), min_size=16, max_size=16
)


@pytest.fixture
def dying(scene, monkeypatch):
    """Sweep, and die after so many steps: half of them after the effect, before the commit."""

    def run(after: int) -> None:
        acts = iter(range(100))
        act, note = PostgresDesk.act, PostgresRuns._note

        def die_before(self, action):
            if next(acts) >= after:
                raise Killed
            return act(self, action)

        def die_after(self, *facts):
            note(self, *facts)
            if next(acts) >= after:
                raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(PostgresDesk, "act", die_before)
            patched.setattr(PostgresRuns, "_note", die_after)
            with suppress(Killed):
                scene.sweep()

    return run


def tell(scene: AutomationScene, fan: UUID, day: int) -> None:
    """Tell that a fan tipped on a day."""
    first = datetime(2100, 1, 1, tzinfo=UTC)
    one = Happening(
        kind=HappeningKind.TIP,
        creator_id=scene.desk.creator_id,
        fan_id=fan,
        turn=f"tip:{fan}:{day}",
        happened_at=first + timedelta(days=day),
        facts={"cents": 500},
    )
    with scene.desk.app.transaction() as connection:
        happenings.note(connection, [one])


@pytest.mark.parametrize("repeat", REPEATS)
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    # An example is a second of database work: shrinking one would take minutes.
    phases=[Phase.explicit, Phase.generate],
)
@given(told=DAYS, again=st.randoms(use_true_random=False), between=BETWEEN)
def test_no_order_or_repetition_gives_an_action_twice(scene, dying, repeat, told, again, between):
    for (earlier,) in scene.sql("SELECT id FROM automations WHERE deleted_at IS NULL"):
        scene.ask("DELETE", f"/{earlier}")
    automation = scene.make({"kind": "tip"}, *STEPS, repeat=REPEATS[repeat])
    fans = [scene.desk.fan(), scene.desk.fan()]
    # Each comes at least once, some twice, in any order.
    order = [*told, *again.choices(told, k=len(told))]
    again.shuffle(order)
    for (which, day), then in zip(order, between, strict=False):
        tell(scene, fans[which], day)
        if then == "sweep":
            scene.sweep()
        elif then == "time":
            scene.time_passes()
        elif then != "nothing":
            dying(int(then))
    for _ in range(3):
        scene.sweep()
        scene.time_passes()
    days = {fan: {day for which, day in told if fans[which] == fan} for fan in fans}
    runs = scene.runs(automation)
    assert {run["status"] for run in runs} <= {"completed"}
    for fan in fans:
        began = sorted(
            datetime.fromisoformat(run["happened_at"]) for run in runs if run["fan_id"] == str(fan)
        )
        texts = [text for to, text, *_ in scene.sends() if to == fan]
        # Nothing twice, and nothing lost: every run sent both, and no one else did.
        assert sorted(texts) == sorted(["Hello", "Bye"] * len(began))
        expected = {"once": min(1, len(days[fan])), "each_time": len(days[fan])}
        if repeat in expected:
            assert len(began) == expected[repeat]
        else:
            gaps = [later - first for first, later in pairwise(began)]
            assert all(gap >= timedelta(days=3) for gap in gaps)
            assert bool(began) == bool(days[fan])


def test_sweeps_at_the_same_time_share_the_work(scene, as_role):
    automation = scene.make({"kind": "tip"}, *STEPS, repeat={"kind": "after_days", "days": 3})
    fans = [scene.desk.fan() for _ in range(10)]
    for day in (0, 1, 5):
        for fan in fans:
            tell(scene, fan, day)
    tenants = [
        Tenant(SingleConnection(partial(as_role, "app")), scene.desk.workspace_id) for _ in range(4)
    ]

    def work(tenant: Tenant) -> None:
        runs = PostgresRuns(tenant)
        for _ in range(3):
            runs.hear()
            runs.go_on()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, tenants))
    scene.sweep()
    assert len(scene.runs(automation)) == 20
    assert sorted(fan for fan, *_ in scene.sends()) == sorted(fans * 2)


def test_a_run_in_trouble_is_tried_again_and_then_given_up(scene, monkeypatch):
    automation = scene.make({"kind": "tip"}, *STEPS)
    tell(scene, scene.desk.fan(), 1)
    monkeypatch.setattr(PostgresDesk, "act", lambda *_: 1 / 0)
    for _ in range(running.MAX_TROUBLES):
        scene.sweep()
        (run,) = scene.runs(automation)
        assert run["steps"] == []
        scene.time_passes()
    assert (run["status"], scene.sends()) == ("failed", [])
