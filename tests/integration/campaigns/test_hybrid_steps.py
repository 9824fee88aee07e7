"""Workflows step by step on real Postgres: each step once, whatever happens between."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.campaigns.api import handler as door
from functions.campaigns.hybrid.asks import QUESTIONS
from functions.campaigns.hybrid.models import Step
from functions.campaigns.hybrid.running import CampaignNotReady
from functions.campaigns.hybrid.tasks import handler as tasks
from functions.campaigns.plan import campaign_plan
from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.sweep import handler as sweep
from functions.campaigns.tasks import handler as campaign_tasks
from functions.segments import handler as segments_door
from huntaze import ai, flags
from huntaze.ai.ledger import room_of
from huntaze.domain.outbound import planning
from huntaze.domain.workflows.runs import (
    ModelsUnavailable,
    RunOvertaken,
    RunRefused,
    RunStopped,
    StepBusy,
)
from huntaze.ids import new_id
from tests.fakes.answer import Answer
from tests.fakes.creator_desk import Desk
from tests.fakes.speaking_writer import COST, SpeakingWriter

GOAL = "Bring back fans who were silent for a month"
ASKING = [
    *(Step.CONTENT, Step.OPTIMIZATION, Step.COMPLIANCE, Step.PLAN, Step.AUDIENCES),
    *(Step.VARIANTS, Step.REVIEW),
]
NO_ANSWER = ai.NoAnswerError("No provider answered.")


@pytest.fixture
def writer(monkeypatch: pytest.MonkeyPatch) -> SpeakingWriter:
    made = SpeakingWriter()
    monkeypatch.setattr(ai, "writer", lambda: made)
    return made


@pytest.fixture
def start(ask_door: Callable[..., Answer], desk: Desk) -> Callable[..., dict[str, Any]]:
    """Order a workflow over HTTP."""

    def order(expect: int = 202, **values: object) -> dict[str, Any]:
        answer = ask_door(door, desk, "POST", "/api/v2/campaigns/hybrid", {"goal": GOAL} | values)
        assert answer.status == expect, answer.body
        found: dict[str, Any] = answer.body
        return found

    return order


@pytest.fixture
def status(ask_door: Callable[..., Answer], desk: Desk) -> Callable[[str], dict[str, Any]]:
    def look(workflow_id: str) -> dict[str, Any]:
        query = {"workflow_id": workflow_id}
        answer = ask_door(door, desk, "GET", "/api/v2/campaigns/status", query=query)
        assert answer.status == 200, answer.body
        found: dict[str, Any] = answer.body
        return found

    return look


@pytest.fixture
def step(
    desk: Desk,
    writer: SpeakingWriter,  # noqa: ARG001  (wired first)
    lambda_context: object,
) -> Callable[..., None]:
    """Run one step, or several, as the machine calls them."""

    def run(workflow: dict[str, Any], *names: str, run: int = 1, **payload: object) -> None:
        for name in names:
            event = {
                "step": str(name),
                "workspace_id": str(desk.workspace_id),
                "workflow_id": workflow["workflow_id"],
                "run": run,
                "input": {"correlation_id": workflow["correlation_id"]},
                **payload,
            }
            tasks.handler(event, lambda_context)  # type: ignore[arg-type]

    return run


@pytest.fixture
def prepare(desk: Desk, lambda_context: object) -> Callable[[str], None]:
    """Walk the campaign's own machine up to its approval."""

    def walk(campaign_id: str) -> None:
        for name in ("prepare", "check_compliance", "dry_run", "await_approval"):
            event = {
                "step": name,
                "workspace_id": str(desk.workspace_id),
                "campaign_id": campaign_id,
                "launch": 1,
                "task_token": "T",
            }
            campaign_tasks.handler(event, lambda_context)  # type: ignore[arg-type]

    return walk


BEFORE_HANDOVER = [*Step][:-1]


def test_a_workflow_ends_in_a_campaign_that_awaits_its_approval(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    prepare: Callable[[str], None],
    writer: SpeakingWriter,
    aws: Mock,
) -> None:
    desk.fan()
    media = [desk.medium()]
    began = start(price_cents=1500, media_ids=[str(media[0])], holdout_percent=10)
    assert began["forecast"]["model_calls"] == len(ASKING)
    started = aws.machine.start_execution.call_args.kwargs
    assert started["name"] == f"{began['workflow_id']}-1"
    step(began, *BEFORE_HANDOVER)
    with pytest.raises(CampaignNotReady):
        step(began, Step.HANDOVER)
    found = status(began["workflow_id"])
    assert found["status"] == "running"
    campaign_id = found["campaign_id"]
    assert aws.machine.start_execution.call_args.kwargs["name"] == f"{campaign_id}-1"
    prepare(campaign_id)
    step(began, Step.HANDOVER)

    ended = status(began["workflow_id"])
    assert (ended["status"], ended["campaign_status"]) == ("completed", "awaiting_approval")
    assert [one["status"] for one in ended["steps"]] == ["done"] * len(Step)
    assert ended["ai_cost_nano_usd"] == COST * len(ASKING)
    campaign = desk.row(UUID(campaign_id), "campaigns")
    # What was ordered, whatever the models have written.
    assert (campaign["price_cents"], campaign["media_ids"]) == (1500, media)
    assert (campaign["segment_id"], float(campaign["holdout_percent"])) == (None, 10)
    assert (campaign["written_by"], campaign["model"]) == ("ai", "gpt-6-luna")
    assert campaign["ai_cost_nanos"] == campaign["dry_run"]["ai_cost_nano_usd"]
    assert campaign["dry_run"]["ai_cost_nano_usd"] == COST * len(ASKING)
    passed = ended["steps"][7]["result"]["passed"]
    assert [one["message"] for one in campaign["variants"]] == passed
    # One thread through all of it.
    assert str(campaign["correlation_id"]) == ended["correlation_id"]
    assert {str(request.workspace_id) for request, _ in writer.asked} == {str(desk.workspace_id)}
    # What it costs is booked on the campaign from the first question on.
    assert campaign_id == began["workflow_id"]
    assert {str(request.campaign_id) for request, _ in writer.asked} == {campaign_id}
    assert all(request.prompt_version for request, _ in writer.asked)


@pytest.mark.parametrize(
    ("path", "body", "outcome"),
    [
        ("/approve", {"version": 1}, "accepted"),
        ("/reject", {"version": 1}, "rejected"),
        ("", {"message": "In my own words"}, "edited"),
    ],
)
def test_models_are_told_what_people_made_of_their_texts(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    prepare: Callable[[str], None],
    ask_door: Callable[..., Answer],
    path: str,
    body: dict[str, Any],
    outcome: str,
) -> None:
    desk.fan()
    began = start()
    step(began, *BEFORE_HANDOVER)
    prepare(began["workflow_id"])
    step(began, Step.HANDOVER)
    ids = [one["generation_id"] for one in status(began["workflow_id"])["steps"]]
    generation = ids[6]
    for one in filter(None, ids):
        _book(desk, one)
    method = "POST" if path else "PATCH"
    answer = ask_door(
        door, desk, method, f"/api/marketing/campaigns/{began['workflow_id']}{path}", body
    )
    assert answer.status == 200, answer.body
    if outcome == "edited":
        # From here on it is a person's text that is decided on.
        answer = ask_door(
            door, desk, "POST", f"/api/marketing/campaigns/{began['workflow_id']}/launch", {}
        )
        assert answer.status == 202, answer.body
    row = desk.row(UUID(generation), "ai_generations")
    assert (row["outcome"], row["outcome_by"]) == (outcome, desk.user_id)
    # And so is what led to them: who edits a text has taken the plan behind it.
    rows = desk.rows(f"SELECT outcome FROM ai_generations WHERE id <> '{generation}'")
    assert {one["outcome"] for one in rows} == {"rejected" if outcome == "rejected" else "accepted"}


@pytest.mark.parametrize("name", BEFORE_HANDOVER)
def test_a_step_that_is_called_again_does_nothing_twice(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    writer: SpeakingWriter,
    name: Step,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[: BEFORE_HANDOVER.index(name)])
    step(began, name)
    asked, found = len(writer.asked), desk.rows("SELECT * FROM workflow_steps")
    step(began, name, name)
    assert len(writer.asked) == asked
    assert desk.rows("SELECT * FROM workflow_steps") == found
    assert len(desk.rows("SELECT id FROM campaigns")) == (name is Step.CAMPAIGN)


@pytest.mark.parametrize("name", ASKING)
def test_a_step_that_died_with_its_reply_is_done_again_and_not_paid_again(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    writer: SpeakingWriter,
    monkeypatch: pytest.MonkeyPatch,
    name: Step,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[: BEFORE_HANDOVER.index(name)])

    def die(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.PostgresWorkflows, "finish", die)
        with pytest.raises(SystemExit):
            step(began, name)
    asked = len(writer.asked)
    # Whoever has died still holds it, and lets nobody ask the same meanwhile.
    with pytest.raises(StepBusy):
        step(began, name)
    _let_lease_end(desk)
    step(began, name)
    assert len(writer.asked) == asked
    (row,) = desk.rows("SELECT * FROM workflow_steps WHERE step = %s", name.value)
    assert (row["attempts"], row["finished_at"] is not None) == (2, True)
    assert row["reply"]["cost_nano_usd"] == COST


def test_a_step_that_died_before_its_campaign_was_committed_makes_one(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    aws: Mock,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[:-1])

    def die(*_: object) -> None:
        raise SystemExit("killed")

    with monkeypatch.context() as patch:
        patch.setattr(tasks.PostgresWorkflows, "finish", die)
        with pytest.raises(SystemExit):
            step(began, Step.CAMPAIGN)
    assert desk.rows("SELECT id FROM campaigns") == []
    _let_lease_end(desk)
    aws.machine.start_execution.reset_mock()
    step(began, Step.CAMPAIGN)
    step(began, Step.CAMPAIGN)
    (campaign,) = desk.rows("SELECT id, status FROM campaigns")
    assert campaign["status"] == "preparing"
    names = {call.kwargs["name"] for call in aws.machine.start_execution.call_args_list}
    assert names == {f"{campaign['id']}-1"}


@pytest.mark.parametrize("name", ASKING)
def test_an_outage_of_models_approves_nothing_and_shows_what_is_done(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    ask_door: Callable[..., Answer],
    writer: SpeakingWriter,
    name: Step,
) -> None:
    began = start()
    at = BEFORE_HANDOVER.index(name)
    step(began, *BEFORE_HANDOVER[:at])
    task = tasks_of(name)
    writer.trouble[task] = [NO_ANSWER, NO_ANSWER]
    for _ in range(2):
        with pytest.raises(ModelsUnavailable):
            step(began, name)
    step(began, "halt", failed_step=name.value, error={"Error": "ModelsUnavailable", "Cause": ""})
    found = status(began["workflow_id"])
    assert (found["status"], found["halt"]["step"]) == ("failed", name.value)
    assert found["halt"]["resumable"] is True
    assert [one["status"] for one in found["steps"][:at]] == ["done"] * at
    assert all(one["result"] for one in found["steps"][:at])
    assert found["campaign_id"] is None
    assert desk.rows("SELECT id FROM campaigns") == []
    # An execution of the past has no say any more.
    with pytest.raises(RunOvertaken):
        step(began, name)

    asked = len(writer.asked)
    resumed = _resume(ask_door, desk, began)
    assert (resumed.status, resumed.body["run"]) == (202, 2)
    step(began, *BEFORE_HANDOVER, run=2)
    # What was there before is not asked for again.
    assert len(writer.asked) - asked == len(ASKING) - ASKING.index(name)
    assert len(desk.rows("SELECT id FROM campaigns")) == 1


def test_without_budget_it_stops_with_the_time_when_there_is_more(
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
) -> None:
    began = start()
    step(began, Step.HISTORY, Step.CONTENT)
    used_up = ai.BudgetUsedUpError("The budget is used up.", retry_after=7200)
    writer.trouble["content_optimization"] = [used_up]
    with pytest.raises(RunStopped):
        step(began, Step.OPTIMIZATION)
    found = status(began["workflow_id"])
    assert (found["status"], found["halt"]["error"]) == ("stopped", "BudgetUsedUp")
    resets_at = datetime.fromisoformat(found["halt"]["resets_at"])
    assert abs(resets_at - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=5)
    # The machine's last word changes nothing of it.
    step(began, "halt", failed_step="optimization", error={"Error": "RunStopped"})
    assert status(began["workflow_id"])["status"] == "stopped"


@pytest.mark.parametrize("over_budget", ["stop", "degrade"])
def test_nothing_starts_that_the_budget_has_no_room_for(
    desk: Desk,
    ask_door: Callable[..., Answer],
    over_budget: str,
) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO ai_budgets (workspace_id, daily_cents, over_budget, updated_by)"
            " VALUES (%s, 0, %s, %s)",
            (desk.workspace_id, over_budget, desk.user_id),
        )
        assert room_of(connection, desk.workspace_id).nanos == 0
    answer = ask_door(door, desk, "POST", "/api/v2/campaigns/hybrid", {"goal": GOAL})
    assert (answer.status, answer.body["error"]) == (429, "BudgetUsedUp")
    assert 0 < int(answer.headers["Retry-After"][0]) <= 86400
    assert desk.rows("SELECT id FROM workflows") == []


def test_texts_that_the_model_forbids_go_no_further(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    ask_door: Callable[..., Answer],
    writer: SpeakingWriter,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[:7])
    count = len(status(began["workflow_id"])["steps"][6]["result"]["passed"])
    no = {"allowed": False, "reason": "it promises a meeting"}
    writer.answers["compliance_check"] = {f"text_{n}": no for n in range(1, count + 1)}
    asked = [one["generation_id"] for one in status(began["workflow_id"])["steps"]]
    for one in filter(None, asked):
        _book(desk, one)
    with pytest.raises(RunRefused):
        step(began, Step.REVIEW)
    found = status(began["workflow_id"])
    # Nobody will ever decide on what was written.
    outcomes = [one["outcome"] for one in desk.rows("SELECT outcome FROM ai_generations")]
    assert outcomes == ["rejected"] * len(ASKING[:-1])
    assert (found["status"], found["halt"]["error"]) == ("failed", "Blocked")
    assert "it promises a meeting" in found["halt"]["reason"]
    assert _resume(ask_door, desk, began).status == 409
    assert desk.rows("SELECT id FROM campaigns") == []


def test_a_text_that_breaks_the_rules_is_left_out_and_named(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
) -> None:
    began = start()
    step(began, *BEFORE_HANDOVER[:4])
    planned = {**_plan(), "variants": 3}
    writer.answers["campaign_plan"] = planned
    step(began, Step.PLAN)
    texts = ["Miss you, {display_name|you}!", "Only 5 $ today", "Write me on telegram"]
    writer.answers["campaign_variants"] = {"items": [{"text": text} for text in texts]}
    step(began, Step.VARIANTS, Step.REVIEW, Step.CAMPAIGN)
    (campaign,) = desk.rows("SELECT variants FROM campaigns")
    assert [one["message"] for one in campaign["variants"]] == texts[:1]
    refused = status(began["workflow_id"])["steps"][6]["result"]["refused"]
    assert {one["text"] for one in refused} == set(texts[1:])
    assert any("amount" in reason for one in refused for reason in one["reasons"])


@pytest.mark.parametrize("fans", [10, 1_000, 10_000])
def test_models_are_asked_as_often_for_ten_thousand_fans_as_for_ten(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    prepare: Callable[[str], None],
    writer: SpeakingWriter,
    fans: int,
) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO fans (workspace_id, creator_id, platform_id, platform_key, handle, status,"
            " display_name, last_seen_at)"
            " SELECT %s, %s, 'p' || n, decode(md5(n::text), 'hex'), 'fan' || n, 'active',"
            " 'Fan' || n, clock_timestamp() - n * interval '1 minute'"
            " FROM generate_series(1, %s) n",
            (desk.workspace_id, desk.creator_id, fans),
        )
    began = start()
    step(began, *BEFORE_HANDOVER)
    campaign_id = status(began["workflow_id"])["campaign_id"]
    prepare(campaign_id)
    step(began, Step.HANDOVER)
    assert desk.row(UUID(campaign_id), "campaigns")["dry_run"]["planned"] == fans
    assert writer.tasks == [tasks_of(one) for one in ASKING]


def test_a_campaign_is_scheduled_when_its_own_fans_are_about(
    desk: Desk, start: Callable[..., dict[str, Any]], step: Callable[..., None]
) -> None:
    # Nine in the evening in Tokyo is noon in UTC.
    yesterday = datetime.now(UTC) - timedelta(days=1)
    noon = yesterday.replace(hour=12, minute=30, second=0, microsecond=0)
    for _ in range(3):
        desk.fan(time_zone="Asia/Tokyo", last_seen_at=noon)
    desk.fan(time_zone="Asia/Tokyo", last_seen_at=noon.replace(hour=3))
    began = start()
    step(began, *BEFORE_HANDOVER)
    (campaign,) = desk.rows("SELECT scheduled_at FROM campaigns")
    assert campaign["scheduled_at"].astimezone(UTC).hour == 12
    assert campaign["scheduled_at"] > datetime.now(UTC)


def test_the_sweep_starts_what_was_not_started_and_ends_what_is_silent(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    status: Callable[[str], dict[str, Any]],
    lambda_context: object,
    aws: Mock,
) -> None:
    waiting, silent = start(), start()
    _set_workflow(desk, waiting, "execution_arn = NULL, started_at = now() - interval '1 hour'")
    _set_workflow(desk, silent, "updated_at = now() - interval '5 hours'")
    aws.machine.start_execution.reset_mock()
    sweep.handler({}, lambda_context)  # type: ignore[arg-type]
    names = {call.kwargs["name"] for call in aws.machine.start_execution.call_args_list}
    # The database is everybody's: other tests' workflows may wait, too.
    assert f"{waiting['workflow_id']}-1" in names
    assert f"{silent['workflow_id']}-1" not in names
    found = status(silent["workflow_id"])
    assert (found["status"], found["halt"]["error"]) == ("failed", "Lost")


def test_a_workspace_that_the_feature_has_not_reached_starts_nothing(
    desk: Desk, start: Callable[..., dict[str, Any]], ask_door: Callable[..., Answer], aws: Mock
) -> None:
    began = start()
    held_back = {
        **{name: {"N": "0"} for name in ("share_percent", "version")},
        "workspaces": {"L": []},
        "changed_by": {"S": str(desk.user_id)},
        "changed_at": {"S": "2026-01-01T00:00:00+00:00"},
    }
    aws.flags.get_item.return_value = {"Item": held_back}
    flags.flags.cache_clear()
    assert start(expect=403)["error"] == "FeatureOff"
    assert _resume(ask_door, desk, began).status == 403
    assert len(desk.rows("SELECT id FROM workflows")) == 1
    pilot = {**held_back, "workspaces": {"L": [{"S": str(desk.workspace_id)}]}}
    aws.flags.get_item.return_value = {"Item": pilot}
    flags.flags.cache_clear()
    start()


def test_an_execution_whose_workspace_is_erased_ends_in_silence(
    desk: Desk, start: Callable[..., dict[str, Any]], step: Callable[..., None]
) -> None:
    began = start()
    gone = {**began, "workflow_id": str(new_id())}
    with pytest.raises(RunOvertaken):
        step(gone, Step.HISTORY)
    assert desk.rows("SELECT * FROM workflow_steps") == []


def test_a_stranger_sees_no_workflow(
    start: Callable[..., dict[str, Any]],
    open_desk: Callable[..., Desk],
    ask_door: Callable[..., Answer],
) -> None:
    began, stranger = start(), open_desk()
    query = {"workflow_id": began["workflow_id"]}
    answer = ask_door(door, stranger, "GET", "/api/v2/campaigns/status", query=query)
    assert answer.status == 404
    assert _resume(ask_door, stranger, began).status == 404


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"price_cents": 500}, None),
        ({"goal": "Write me on telegram"}, None),
        ({"segment_id": str(new_id())}, "segment_id"),
        ({"media_ids": [str(new_id())]}, "media_ids"),
        ({"scheduled_at": "2020-01-01T00:00:00Z"}, "scheduled_at"),
    ],
)
def test_what_could_not_be_sent_is_refused_before_it_costs(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    writer: SpeakingWriter,
    order: dict[str, Any],
    field: str | None,
) -> None:
    refusal = start(expect=422, **order)
    assert field is None or field in refusal["fields"]
    assert writer.asked == []
    assert desk.rows("SELECT id FROM workflows") == []


def tasks_of(name: Step) -> str:
    """The task that a step asks for."""
    return QUESTIONS[name].task.value


def _plan() -> dict[str, object]:
    words = ("name", "purpose", "tone", "desired_reaction", "difference", "leave_out", "success")
    return {**dict.fromkeys(words, "something plain"), "risks": []}


def _resume(ask_door: Callable[..., Answer], desk: Desk, workflow: dict[str, Any]) -> Answer:
    path = f"/api/v2/campaigns/hybrid/{workflow['workflow_id']}/resume"
    return ask_door(door, desk, "POST", path, {})


def _book(desk: Desk, generation_id: str) -> None:
    """What the books of models have of a question, which the writer of these tests has not."""
    with desk.app.transaction() as connection:
        connection.execute(
            "INSERT INTO ai_generations (workspace_id, id, task, agent, complexity, critical, tier,"
            " reason, hops) VALUES (%s, %s, 'campaign_variants', 'marketing', 5, false, 'economy',"
            " 'ordinary', '{}')",
            (desk.workspace_id, generation_id),
        )


def _let_lease_end(desk: Desk) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            "UPDATE workflow_steps SET leased_until = now() - interval '1 hour'"
            " WHERE leased_until IS NOT NULL"
        )


def _set_workflow(desk: Desk, workflow: dict[str, Any], assignments: str) -> None:
    with desk.app.transaction() as connection:
        connection.execute(
            f"UPDATE workflows SET {assignments} WHERE id = %s",
            (workflow["workflow_id"],),
        )


def test_audiences_are_proposed_and_counted_and_a_person_chooses(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
    ask_door: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_door, "database", door.database)
    for number in range(5):
        desk.fan(tier="gold" if number < 2 else "free")
    gold = [{"field": "tier", "operator": "is", "value": "gold"}]
    guess = [{"field": "tier", "operator": "is", "value": "rich"}]
    writer.answers[ai.Task.AUDIENCE_SUGGESTIONS] = {
        "items": [
            {"name": "Gold", "reason": "They stay.", "rules": gold},
            {"name": "Guess", "reason": "They may pay.", "rules": guess},
        ]
    }
    began = start()
    step(began, *BEFORE_HANDOVER)
    found = status(began["workflow_id"])
    result = found["steps"][5]["result"]
    (proposal,) = result["proposals"]
    assert (proposal["name"], proposal["fans"]) == ("Gold", 2)
    assert result["refused"] == [{"name": "Guess", "reason": "no fan can have this tier"}]
    # Nobody has chosen: it goes to whom it was ordered for.
    assert desk.row(UUID(found["campaign_id"]), "campaigns")["segment_id"] is None
    # The rules are those of a segment.
    body = {"creator_id": str(desk.creator_id), "name": "Gold", "rules": proposal["rules"]}
    made = ask_door(segments_door, desk, "POST", "/api/marketing/segments", body)
    assert made.status == 201, made.body
    path = f"/api/marketing/segments/{made.body['id']}/fans"
    meant = ask_door(segments_door, desk, "GET", path)
    assert len(meant.body["items"]) == 2


def test_a_campaign_needs_no_proposals(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
) -> None:
    desk.fan()
    writer.trouble[ai.Task.AUDIENCE_SUGGESTIONS] = [ai.UnusableAnswerError("odd")]
    began = start()
    step(began, *BEFORE_HANDOVER)
    found = status(began["workflow_id"])
    assert found["steps"][5]["result"]["proposals"] == []
    assert found["campaign_id"]


def _segment(ask_door: Callable[..., Answer], desk: Desk, tier: str) -> str:
    rules = {"kind": "text", "field": "tier", "values": [tier]}
    body = {"creator_id": str(desk.creator_id), "name": tier, "rules": rules}
    made = ask_door(segments_door, desk, "POST", "/api/marketing/segments", body)
    assert made.status == 201, made.body
    return str(made.body["id"])


def test_each_of_several_segments_gets_texts_of_its_own_for_as_many_questions(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    step: Callable[..., None],
    status: Callable[[str], dict[str, Any]],
    writer: SpeakingWriter,
    ask_door: Callable[..., Answer],
    prepare: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_door, "database", door.database)
    tiers = ("gold", "silver", "free")
    fans = {tier: {desk.fan(tier=tier) for _ in range(3)} for tier in tiers}
    segments = [_segment(ask_door, desk, tier) for tier in ("gold", "silver")]
    writer.answers[ai.Task.CAMPAIGN_VARIANTS] = {
        "segment_1": {"items": [{"text": "Gold morning"}, {"text": "Gold evening"}]},
        # One of them says what no text may say.
        "segment_2": {"items": [{"text": "Write me on telegram"}, {"text": "Silver lining"}]},
    }
    writer.answers[ai.Task.CAMPAIGN_PLAN] = {**_plan(), "variants": 2}
    began = start(segment_ids=segments)
    step(began, *BEFORE_HANDOVER)
    assert len(writer.asked) == len(ASKING)
    found = status(began["workflow_id"])
    history = found["steps"][0]["result"]
    assert history["segment"]["fans"] == 6
    assert [one["fans"] for one in history["segments"].values()] == [3, 3]
    campaign = desk.row(UUID(found["campaign_id"]), "campaigns")
    assert campaign["segment_id"] is None
    assert [(one["message"], one["segment_id"]) for one in campaign["variants"]] == [
        ("Gold morning", segments[0]),
        ("Gold evening", segments[0]),
        ("Silver lining", segments[1]),
    ]

    prepare(found["campaign_id"])
    dry_run = desk.row(UUID(found["campaign_id"]), "campaigns")["dry_run"]
    assert (dry_run["audience"], dry_run["planned"]) == (6, 6)
    desk.set_campaign(UUID(found["campaign_id"]), status="scheduled")
    campaigns = PostgresCampaigns(desk.app)
    with desk.app.transaction() as connection:
        planned = campaign_plan(campaigns.get(UUID(found["campaign_id"])), campaigns)
        planning.plan_campaign(connection, planned)
    sent = {row["fan_id"]: row["text"] for row in desk.rows("SELECT fan_id, text FROM sends")}
    assert sent.keys() == fans["gold"] | fans["silver"]
    assert {sent[fan] for fan in fans["gold"]} <= {"Gold morning", "Gold evening"}
    assert {sent[fan] for fan in fans["silver"]} == {"Silver lining"}


def test_a_segment_is_named_once_and_in_one_way(
    desk: Desk,
    start: Callable[..., dict[str, Any]],
    ask_door: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(segments_door, "database", door.database)
    one = _segment(ask_door, desk, "gold")
    for wrong in (
        {"segment_ids": [one, one]},
        {"segment_ids": [one], "segment_id": one},
        {"segment_ids": [one, str(new_id())]},
        {"segment_ids": [str(new_id()) for _ in range(5)]},
    ):
        start(expect=422, **wrong)
    # One alone is a segment like any other.
    start(segment_ids=[one])
    # Nor does a text of any campaign name a segment of somebody else's.
    text = {"label": "A", "message": "Hi", "segment_id": str(new_id())}
    body = {"name": "C", "creator_id": str(desk.creator_id), "variants": [text]}
    made = ask_door(door, desk, "POST", "/api/marketing/campaigns", body)
    assert (made.status, made.body["fields"]) == (422, {"segment_id": "unknown"})
    text["segment_id"] = one
    assert ask_door(door, desk, "POST", "/api/marketing/campaigns", body).status == 201
