"""Loops of steps and of automations, and how far a run goes at once."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.automations.graph import (
    AutomationGraphError,
    AutomationLoopError,
    check_chain,
    check_steps,
    find_loop,
)
from functions.automations.models import Definition, StepOutcome
from functions.automations.service import Did, advance, rehearse

NOW = datetime(2030, 1, 1, tzinfo=UTC)
ARROWS = st.integers(1, 7).flatmap(
    lambda size: st.lists(
        st.lists(st.integers(0, size - 1), max_size=2), min_size=size, max_size=size
    )
)


def said(trigger, *steps) -> Definition:
    return Definition.model_validate({"trigger": trigger, "steps": list(steps)})


def tagging(awaited: str, given_tag: str) -> Definition:
    trigger = {"kind": "tag_added", "tag": awaited}
    return said(trigger, {"id": "s", "kind": "add_tag", "tag": given_tag})


class Yes:
    """A desk at which everything is so, and done."""

    def fulfils(self, _rules) -> bool:
        """Yes."""
        return True

    def act(self, action) -> Did:
        """Done."""
        return Did(StepOutcome.DONE, action.kind)


@given(ARROWS)
def test_a_loop_is_found_where_there_is_one_and_nowhere_else(ways):
    names = [str(number) for number in range(len(ways))]
    arrows = {name: [str(to) for to in to_] for name, to_ in zip(names, ways, strict=True)}
    found = find_loop(arrows, names)
    # Taking away what leads nowhere, again and again, leaves exactly what is in or before a loop.
    left = dict(arrows)
    while ends := [name for name, to in left.items() if not any(one in left for one in to)]:
        for name in ends:
            del left[name]
    assert (found is None) == (not left)
    if found is not None:
        assert found[0] == found[-1]
        assert all(to in arrows[name] for name, to in pairwise(found))


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([{"id": "a", "next": "b"}], "a → b"),
        ([{"id": "a"}, {"id": "a"}], "several steps called a"),
        ([{"id": "a"}, {"id": "b"}], "Nothing leads to b"),
    ],
)
def test_refuses_steps_that_do_not_hang_together(steps, problem):
    made = said({"kind": "rebill_off"}, *({"kind": "notify", **step} for step in steps))
    with pytest.raises(AutomationGraphError, match=problem):
        check_steps(made.steps)


def test_automations_that_start_one_another_are_refused_with_their_path():
    others = {"B": tagging("b", "c"), "C": tagging("c", "a")}
    with pytest.raises(AutomationLoopError, match="“A” → “B” → “C” → “A”"):
        check_chain("A", tagging("a", "b"), others)
    check_chain("A", tagging("a", "d"), others)
    with pytest.raises(AutomationLoopError, match="“A” → “A”"):
        check_chain("A", tagging("a", "a"), {})


def test_unopened_offers_go_round_by_way_of_another_alone():
    trigger = {"kind": "ppv_not_opened", "hours": 24}
    offer = said(trigger, {"id": "s", "kind": "send_message", "text": "x", "price_cents": 500})
    check_chain("A", offer, {})
    with pytest.raises(AutomationLoopError):
        check_chain("A", offer, {"B": offer})


def test_a_run_stops_at_a_wait_and_a_rehearsal_does_not():
    rules = {"kind": "everyone"}
    made = said(
        {"kind": "rebill_off"},
        {"id": "a", "kind": "condition", "rules": rules, "then": "b"},
        {"id": "b", "kind": "wait", "minutes": 60, "next": "c"},
        {"id": "c", "kind": "notify"},
    )
    progress = advance(made, "a", Yes(), now=NOW)
    assert (progress.step, progress.due_at) == ("c", NOW + timedelta(hours=1))
    assert [step.outcome for step in progress.taken] == ["yes", "waits"]
    told = rehearse(made, Yes(), now=NOW)
    assert [step.step for step in told.taken] == ["a", "b", "c"]
