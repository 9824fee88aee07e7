"""Generations of content: an agent writes, both checks look, a person decides."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.content.generation import handler as door
from huntaze import ai
from huntaze.ai.agents.outputs import Caption, Judgement, judgements, several
from huntaze.db import SingleConnection
from huntaze.domain.billing import entitlements
from huntaze.ids import new_id
from tests.fakes.scripted_writer import ScriptedWriter

FINE, BAD = ("Which plant do I keep?", "Find me on Telegram")
ORDER = {"subject": "plants", "count": 2}


def written(*texts: str) -> Any:
    return several(Caption, len(texts))(items=[Caption(text=text) for text in texts])


def judged(*allowed: bool) -> Any:
    each = {
        f"text_{number}": Judgement(allowed=one, reason="fine" if one else "a hint")
        for number, one in enumerate(allowed, 1)
    }
    return judgements(len(allowed))(**each)


class Checked:
    """A writer whose check says what it is told to."""

    def __init__(self, writer: ai.Writer, *, allowed: bool) -> None:
        self._writer, self._allowed = writer, allowed

    def generate(self, request: Any, prompt: Any, output: Any) -> Any:
        """Answer; of a check the judgement that was ordered."""
        answer = self._writer.generate(request, prompt, output)
        if request.task != ai.Task.COMPLIANCE_CHECK:
            return answer
        return replace(answer, value=judged(*[self._allowed] * len(output.model_fields)))


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def call(monkeypatch, as_role, api_event, principal, lambda_context):
    """Ask a route with a writer behind it; answers (status, body, headers)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(ids, path, body, writer=None, *, role="owner", user_id=None, **event):
        door.app.dependency_overrides[door.model_writer] = lambda: writer
        who = principal(ids.workspace_id, user_id=user_id or ids.user_id, role=role)
        sent = api_event("POST", f"/api/content/{path}", body=body, principal=who, **event)
        answer = door.handler(sent, lambda_context)
        return answer["statusCode"], json.loads(answer["body"]), answer["multiValueHeaders"]

    yield make
    door.app.dependency_overrides.clear()


@pytest.fixture
def drafts(tenant):
    def read(ids):
        with tenant(ids.workspace_id).transaction() as connection:
            return connection.execute(
                "SELECT body, review, decision, final_body, media_id IS NOT NULL FROM ai_drafts"
                " ORDER BY id"
            ).fetchall()

    return read


def test_what_both_checks_approve_is_kept_with_their_verdict(call, ids, drafts):
    writer = ScriptedWriter(written(FINE, "Two of them"), judged(True, False))
    status, body, _ = call(ids, "captions", ORDER, writer)
    assert status == 200
    assert [one["text"] for one in body["items"]] == [FINE]
    assert body["blocked"] == [{"reasons": ["meaning: a hint"]}]
    assert (body["model"], body["prompt_version"]) == ("gpt-6-luna", "content-1/common-1")
    assert body["tokens"] == {"input": 200, "cached": 0, "output": 20}
    assert body["cost"] == {"usd": "0.00003", "nanos": 30_000}
    assert body["latency_ms"] == 2
    assert (body["tier"], body["reason"], body["degraded"]) == ("economy", "ordinary", False)
    ((text, review, *_),) = drafts(ids)
    assert text == FINE
    assert (review["approved"], review["prompt_version"]) == (True, "onlyfans-1/common-1")
    assert review["generation_id"]


def test_the_rules_come_first_and_their_finds_go_no_further(call, ids, drafts):
    writer = ScriptedWriter(written(BAD, FINE), judged(True))
    _, body, _ = call(ids, "captions", ORDER, writer)
    assert [one["text"] for one in body["items"]] == [FINE]
    assert body["blocked"] == [{"reasons": ["off_platform_contact: “telegram”"]}]
    # The second check never saw it, and it is kept nowhere.
    assert BAD not in writer.asked[1][1].suffix
    assert [row[0] for row in drafts(ids)] == [FINE]


def test_a_text_is_never_kept_while_no_model_can_check_it(call, ids, drafts):
    for outage in (ai.NoAnswerError("away"), ai.UnusableAnswerError("odd")):
        status, body, _ = call(ids, "captions", ORDER, ScriptedWriter(written(FINE, "Two"), outage))
        assert (status, body["error"]) == (503, "CheckUnavailable")
    assert drafts(ids) == []


def test_a_budget_that_is_used_up_says_when_it_is_not(call, ids, drafts):
    broke = ai.BudgetUsedUpError("No room until tomorrow.", retry_after=99)
    for writer in (ScriptedWriter(broke), ScriptedWriter(written(FINE, "Two"), broke)):
        status, body, headers = call(ids, "captions", ORDER, writer)
        assert (status, body["error"]) == (429, "BudgetUsedUp")
        assert headers["Retry-After"] == ["99"]
    assert drafts(ids) == []


def test_who_gets_less_is_told_why(call, ids, drafts):
    writer = ScriptedWriter(written(FINE, "Two of them"), judged(True, True), over_budget=True)
    status, body, _ = call(ids, "captions", ORDER, writer)
    assert status == 200
    assert (body["tier"], body["reason"], body["degraded"]) == ("economy", "over_budget", True)
    assert len(drafts(ids)) == 2


@pytest.mark.parametrize("allowed", [True, False])
def test_each_generation_has_an_outcome_though_nobody_decides(desk, call, tenant, allowed):
    checked = Checked(desk.router(), allowed=allowed)
    with tenant(desk.workspace_id).transaction() as connection:
        (user_id,) = connection.execute("SELECT user_id FROM members").fetchone()
    status, body, _ = call(desk, "captions", ORDER, checked, user_id=user_id)
    assert (status, len(body["items"])) == (200, 2 if allowed else 0)
    with tenant(desk.workspace_id).transaction() as connection:
        rows = connection.execute("SELECT task, outcome FROM ai_generations").fetchall()
    # What awaits a person has none yet.
    written = None if allowed else "rejected"
    assert sorted(rows) == [("captions", written), ("compliance_check", "resolved")]


def test_a_plan_without_ai_asks_no_model(call, ids, monkeypatch):
    free = entitlements.Entitlements(entitlements.free_plan(), "free", None, datetime.now(UTC))
    monkeypatch.setattr(entitlements, "current", lambda *_: free)
    writer = ScriptedWriter()
    status, body, _ = call(ids, "captions", ORDER, writer)
    assert (status, body["fields"]) == (402, {"plan": "starter"})
    assert writer.asked == []


@pytest.mark.parametrize(
    ("decision", "row"),
    [
        ({"decision": "accept", "satisfaction": 5}, ("accepted", None, True)),
        ({"decision": "edit", "text": "Mine."}, ("edited", "Mine.", True)),
        ({"decision": "reject"}, ("rejected", None, False)),
    ],
)
def test_what_a_person_decides_is_recorded_once(desk, call, drafts, tenant, decision, row):
    with tenant(desk.workspace_id).transaction() as connection:
        (user_id,) = connection.execute("SELECT user_id FROM members").fetchone()
    who = {"user_id": user_id}
    status, body, _ = call(desk, "captions", ORDER, desk.router(), **who)
    assert status == 200, body
    draft_id = body["items"][0]["draft_id"]
    decided = call(desk, f"drafts/{draft_id}/decide", decision, **who)
    assert decided[0] == 200, decided
    assert [one[2:] for one in drafts(desk) if one[2] is not None] == [row]
    again = call(desk, f"drafts/{draft_id}/decide", decision, **who)
    assert (again[0], again[1]["error"]) == (409, "DraftDecided")
    with tenant(desk.workspace_id).transaction() as connection:
        outcomes = connection.execute(
            "SELECT outcome, satisfaction, prompt_version FROM ai_generations WHERE id = %s",
            (body["generation_id"],),
        ).fetchall()
    assert outcomes == [(row[0], decision.get("satisfaction"), "content-1/common-1")]


def test_questions_are_booked_under_the_request_that_caused_them(desk, call, tenant):
    status, _, headers = call(desk, "captions", ORDER, desk.router(), user_id=new_id())
    assert status == 200
    with tenant(desk.workspace_id).transaction() as connection:
        booked = connection.execute("SELECT DISTINCT correlation_id FROM ai_generations").fetchall()
    assert [(str(one),) for (one,) in booked] == [(headers["X-Correlation-Id"][0],)]


def test_an_edit_passes_the_rules_or_is_not_stored(desk, call, drafts, tenant):
    with tenant(desk.workspace_id).transaction() as connection:
        (user_id,) = connection.execute("SELECT user_id FROM members").fetchone()
    body = call(desk, "captions", ORDER, desk.router(), user_id=user_id)[1]
    path = f"drafts/{body['items'][0]['draft_id']}/decide"
    refused = call(desk, path, {"decision": "edit", "text": BAD}, user_id=user_id)
    assert (refused[0], refused[1]["error"]) == (422, "NotCompliant")
    assert [one[2] for one in drafts(desk)] == [None, None]


@pytest.mark.parametrize(
    ("path", "order", "count"),
    [
        ("ideas", {"count": 4, "target_platforms": ["instagram", "onlyfans"]}, 4),
        ("captions", ORDER, 2),
        ("hashtags", {"subject": "plants", "count": 3}, 3),
        ("generate", {"subject": "plants"}, 1),
        ("generate", {"text": "My plants are growing.", "goal": "shorter"}, 1),
    ],
)
def test_each_route_works_through_the_real_package(desk, call, path, order, count):
    status, body, _ = call(desk, path, order, desk.router(), user_id=desk.creator_id)
    assert status == 200, body
    assert len(body["items"]) == count
    assert body["tokens"]["input"] > 1024
    assert body["cost"]["nanos"] > 0
    assert body["blocked"] == []
