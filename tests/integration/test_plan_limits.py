"""What a plan does not include, refused by the routes: 402, and the plan that would do."""

from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import Mock

import pytest

from functions.campaigns.api import handler as campaigns
from functions.conversations import callers
from functions.conversations import handler as conversations
from functions.management import callers as management_callers
from functions.management import handler as management
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk

CAMPAIGNS = "/api/marketing/campaigns"
CREATOR = {"platform": "fan_platform", "handle": "another"}


@pytest.fixture
def aws(record_aws: Callable[..., Mock]) -> Mock:
    recorder: Mock = record_aws(campaigns, callers, management_callers)
    return recorder


@pytest.fixture
def desk(aws: Mock, open_desk: Callable[..., Desk]) -> Desk:  # noqa: ARG001  (wired first)
    return open_desk()


@pytest.fixture
def ask(desk: Desk, ask_door: Callable[..., Answer]) -> Callable[..., Answer]:
    return lambda door, *call, **more: partial(ask_door, door, desk)(*call, **more)


@pytest.fixture
def have(desk: Desk, have_plan: Callable[..., None]) -> Callable[..., None]:
    """Let the workspace have a plan."""
    return partial(have_plan, desk)


@pytest.fixture
def draft(ask: Callable[..., Answer]) -> Callable[..., str]:
    """Write a campaign; answers its address."""

    def write(**more: Any) -> str:
        written = ask(campaigns, "POST", CAMPAIGNS, {"name": "n", "message": "hello", **more})
        assert written.status == 201, written.body
        return f"{CAMPAIGNS}/{written.body['id']}"

    return write


def refused(answer: Answer, plan: str) -> bool:
    """Whether an answer names the plan that would do."""
    return (answer.status, answer.body["error"], answer.body["fields"]) == (
        402,
        "PaymentRequired",
        {"plan": plan},
    )


def test_nothing_is_sent_when_the_trial_is_over(ask, have, desk, draft, aws) -> None:
    path = draft()
    message = {"fan_id": str(desk.fan()), "message": "hi"}
    assert ask(conversations, "POST", "/api/of/send", message).status == 202
    have("trial", until="-1 second")
    assert refused(ask(conversations, "POST", "/api/of/send", message), "starter")
    assert refused(ask(campaigns, "POST", f"{path}/launch"), "starter")
    test = {"fan_id": message["fan_id"]}
    assert refused(ask(campaigns, "POST", f"{path}/test-message", test), "starter")
    assert not aws.machine.start_execution.called
    # What is there stays, and can be read, changed and removed.
    assert ask(campaigns, "GET", path).body["status"] == "draft"
    assert ask(campaigns, "PATCH", path, {"name": "later"}).status == 200
    have("starter")
    assert ask(campaigns, "POST", f"{path}/launch").status == 202


def test_a_test_of_texts_needs_a_plan_that_has_it(ask, have, draft) -> None:
    texts = [{"label": label, "message": label, "weight": 1} for label in ("a", "b")]
    held_out = draft(holdout_percent="5")
    written = ask(campaigns, "POST", CAMPAIGNS, {"name": "n", "variants": texts})
    assert written.status == 201, written.body
    have("starter")
    for path in (held_out, f"{CAMPAIGNS}/{written.body['id']}"):
        assert refused(ask(campaigns, "POST", f"{path}/launch"), "pro")
    have("pro")
    assert ask(campaigns, "POST", f"{held_out}/launch").status == 202


def test_a_creator_needs_room(ask, have) -> None:
    have("starter")
    assert refused(ask(management, "POST", "/api/management/creators", CREATOR), "pro")
    have("pro")
    assert ask(management, "POST", "/api/management/creators", CREATOR).status == 201
    # The account is known: that is what is wrong, whatever the plan.
    have("free")
    assert ask(management, "POST", "/api/management/creators", CREATOR).status == 409


def test_in_the_week_after_a_failed_payment_all_goes_on(ask, have, desk) -> None:
    message = {"fan_id": str(desk.fan()), "message": "hi"}
    have("pro", until="1 day")
    assert ask(conversations, "POST", "/api/of/send", message).status == 202
    have("pro", until="-1 day")
    assert refused(ask(conversations, "POST", "/api/of/send", message), "starter")
