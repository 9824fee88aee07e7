"""Who may push, with which secret, and what the door takes of it."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.platforms import handler as api
from huntaze import clients, signatures
from huntaze.entry import UnhandledError
from tests.fakes.creator_desk import Desk
from tests.fakes.pushing import OTHER, SECRET, STORY, Pushing


def test_a_queue_that_failed_once_is_told_again(
    pushing: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = clients.sqs()
    broken = Mock()
    broken.send_message.side_effect = RuntimeError("no queue")
    monkeypatch.setattr(clients, "sqs", lambda: broken)
    with pytest.raises(UnhandledError):
        pushing.send()
    assert len(pushing.journal()) == 1
    monkeypatch.setattr(clients, "sqs", lambda: whole)
    assert pushing.send()[0] == 202
    assert len(pushing.queue) == 1


@pytest.mark.parametrize("ago", [-301, 301, 86_400, -86_400])
def test_what_is_stale_or_comes_from_the_future_is_refused(pushing: Pushing, ago: int) -> None:
    status, answer = pushing.send(ago=ago + (5 if ago > 0 else -5))
    assert (status, answer["error"]) == (400, "NotSigned")
    assert pushing.journal() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": OTHER},
        {"secret": ""},
        {"header": ""},
        {"header": "t=1"},
        {"header": "v1=00"},
        {"header": "t=1,v1=" + "0" * 64},
        {"platform": "onlyfans"},
        {"platform": "nowhere"},
        {"creator_id": UUID(int=7)},
    ],
)
def test_what_is_forged_is_refused_and_nothing_is_told_of_who_is_there(
    pushing: Pushing, wrong: dict[str, Any]
) -> None:
    status, answer = pushing.send(**wrong)
    assert (status, answer["error"]) == (400, "NotSigned")
    assert pushing.journal() == []


def test_a_body_that_was_rewritten_is_refused(pushing: Pushing) -> None:
    body = json.dumps(STORY[1])
    header = signatures.sign(body.encode(), SECRET, at=int(time.time()))
    assert pushing.send(body=body + " ", header=header)[0] == 400
    assert pushing.send(body=body, header=header)[0] == 202
    wrapped = base64.b64encode(body.encode()).decode()
    assert pushing.send(body=wrapped, header=header, isBase64Encoded=True)[0] == 202
    assert len(pushing.journal()) == 1


def test_another_creators_secret_signs_nothing_here(
    pushing: Pushing, open_desk: Callable[..., Desk], api_event: Any, lambda_context: Any
) -> None:
    other = Pushing(open_desk(), pushing.queue, api_event, lambda_context)
    other.set_secret(OTHER)
    assert pushing.send(secret=OTHER)[0] == 400
    assert other.send(secret=SECRET)[0] == 400
    assert other.send(secret=OTHER)[0] == 202
    assert pushing.journal() == []
    # A sealed secret opens for its own creator alone.
    with pushing.desk.app.transaction() as connection, other.desk.app.transaction() as theirs:
        row = theirs.execute("SELECT sealed_key, sealed FROM platform_webhooks").fetchone()
        assert row is not None
        connection.execute("UPDATE platform_webhooks SET sealed_key = %s, sealed = %s", row)
    with pytest.raises(UnhandledError):
        pushing.send(secret=OTHER)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("x" * (256 * 1024 + 1), 413),
        ("x" * (600 * 1024), 413),
        ("[]", 400),
        ("{", 400),
        (json.dumps({**STORY[1], "id": ""}), 400),
        (json.dumps({**STORY[1], "occurred_at": "2026-03-01T12:00:00"}), 400),
        (json.dumps({**STORY[1], "data": []}), 400),
    ],
    ids=["large", "huge", "a list", "broken", "no id", "no zone", "no facts"],
)
def test_what_is_too_large_or_no_event_is_refused(pushing: Pushing, body: str, status: int) -> None:
    assert pushing.send(body=body)[0] == status
    assert pushing.journal() == []


@pytest.mark.parametrize("occurred_at", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_no_calendar_has_is_refused(pushing: Pushing, occurred_at: str) -> None:
    assert pushing.send({**STORY[1], "occurred_at": occurred_at})[0] == 400
    assert pushing.journal() == []


def test_two_secrets_are_valid_while_one_takes_the_others_place(pushing: Pushing) -> None:
    pushing.set_secret(OTHER)
    for number, secret in enumerate((SECRET, OTHER)):
        said = {**STORY[1], "id": f"e{number}"}
        assert pushing.send(said, secret=secret)[0] == 202
    with pushing.desk.app.transaction() as connection:
        connection.execute("UPDATE platform_webhooks SET previous_until = clock_timestamp()")
    assert pushing.send(secret=SECRET)[0] == 400
    assert pushing.send(secret=OTHER)[0] == 202


def test_members_set_the_secret_and_see_no_more_of_it(
    pushing: Pushing, api_event: Any, lambda_context: Any, principal: Any
) -> None:
    desk = pushing.desk

    def call(method: str, role: str = "owner", **event: Any) -> tuple[int, Any]:
        who = principal(desk.workspace_id, user_id=desk.user_id, role=role)
        answer = api.handler(
            api_event(method, "/api/of/webhook", principal=who, **event), lambda_context
        )
        return answer["statusCode"], json.loads(answer["body"] or "{}")

    status, answer = call("POST", body={"secret": OTHER})
    assert status == 200
    path = f"/api/webhooks/platforms/fan_platform?connection={desk.creator_id}"
    assert answer["path"] == path
    assert answer["previous_until"] is not None
    assert OTHER not in json.dumps(answer)
    assert pushing.send(secret=OTHER)[0] == 202
    assert call("GET")[1]["last_event_at"] is not None
    assert call("POST", role="chatter", body={"secret": OTHER})[0] == 403
    assert call("POST", body={"secret": "short"})[0] == 422
    assert call("DELETE")[0] == 204
    assert call("GET")[1]["error"] == "NoWebhook"
    assert pushing.send(secret=OTHER)[0] == 400
    with desk.app.transaction() as connection:
        connection.execute("UPDATE creators SET platform = 'onlyfans'")
    assert call("POST", body={"secret": OTHER})[1]["error"] == "NoPushes"
    actions = {row["action"] for row in desk.rows("SELECT action FROM audit_log")}
    assert actions >= {"creator.webhook_set", "creator.webhook_removed"}
