"""Operators' switches: set, counted, taken back, and never a tenant's to set."""

from collections.abc import Callable
from types import SimpleNamespace

import psycopg
import pytest

from functions.lanes import handler as door
from huntaze.db import Connection, SingleConnection

ORDER = {"scope": "profile:testing", "reason": "the platform is down", "by": "ops"}


@pytest.fixture
def relay(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    source = SingleConnection(lambda: as_role("relay"))
    monkeypatch.setattr(door, "database", lambda: source)


@pytest.mark.usefixtures("relay")
def test_a_switch_is_set_twice_as_once_and_taken_back(lambda_context: SimpleNamespace) -> None:
    before = door.handler({"action": "go", **ORDER}, lambda_context)["switches"]
    for _ in range(2):
        stopped = door.handler({"action": "stop", **ORDER}, lambda_context)
        assert stopped["switches"] == before + 1
    assert door.handler({"action": "go", **ORDER}, lambda_context)["switches"] == before


@pytest.mark.usefixtures("relay")
def test_an_unclear_order_is_refused(lambda_context: SimpleNamespace) -> None:
    for wrong in ({"scope": "everything"}, {"action": "pause"}, {"by": ""}):
        (field,) = wrong
        with pytest.raises(door.UnclearOrderError, match=field):
            door.handler({"action": "stop", **ORDER, **wrong}, lambda_context)


def test_no_tenant_role_may_touch_a_switch(as_role: Callable[[str], Connection]) -> None:
    for role in ("app", "worker"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_role(role).execute(
                "INSERT INTO kill_switches (scope, reason, set_by) VALUES ('all', 'x', 'x')"
            )
