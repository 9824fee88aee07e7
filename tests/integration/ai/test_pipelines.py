"""Pipelines: planned step by step, stopped and resumed anywhere, taken by a person."""

import json
from datetime import UTC, date, datetime, time, timedelta
from types import SimpleNamespace
from unittest.mock import Mock
from uuid import UUID

import pytest

from functions.content import handler as door
from functions.content.gateway import addresses
from functions.content.generation import handler as desk_door
from functions.content.pipelines.repository import PostgresPlans
from functions.content.pipelines.steps import StepRequest, run
from functions.content.sweep import handler as sweeper
from huntaze import ai, clients
from huntaze.ai.agents.outputs import Idea, Judgement, judgements, several
from huntaze.db import SingleConnection
from huntaze.domain import media
from huntaze.domain.media import MediaDraft
from huntaze.domain.workflows.runs import (
    ModelsUnavailable,
    RunOvertaken,
    RunRefused,
    RunStopped,
    StepBusy,
)
from huntaze.settings import load
from tests.fakes.scripted_writer import ScriptedWriter
from tests.fakes.willing_writer import WillingWriter

PATH = "/api/content/pipelines"
STEPS = ("ideas", "assets", "captions", "schedule")
MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:huntaze-local-pipeline"


class Watched(WillingWriter):
    """A willing writer that counts, fails where it is told to, and refuses what it is told to."""

    def __init__(self, *, fails_at=(), error=None, refuses=()):
        self.asked = []
        self._fails_at, self._error, self._refuses = fails_at, error, refuses
        self.meanwhile = lambda: None

    def generate(self, request, prompt, output):
        """Answer, fail or refuse."""
        self.asked.append((request.task, json.loads(prompt.suffix.split("<data>")[1][:-7])))
        self.meanwhile()
        if len(self.asked) in self._fails_at:
            raise self._error
        if request.task == ai.Task.COMPLIANCE_CHECK and len(self.asked) in self._refuses:
            names = output.model_fields
            no = Judgement(allowed=False, reason="a hint")
            said = judgements(len(names))(**dict.fromkeys(names, no))
            return ScriptedWriter(said).generate(request, prompt, output)
        return super().generate(request, prompt, output)

    def count(self, task):
        """How often it was asked to do a task."""
        return sum(one == task for one, _ in self.asked)


@pytest.fixture
def machine(monkeypatch):
    """Step Functions, as far as pipelines use it."""
    client = Mock()
    client.start_execution.side_effect = lambda **order: {
        "executionArn": f"{MACHINE.replace('stateMachine', 'execution')}:{order['name']}"
    }
    monkeypatch.setattr(clients, "step_functions", lambda: client)
    monkeypatch.setenv("PIPELINE_STATE_MACHINE_ARN", MACHINE)
    monkeypatch.setenv("OUTBOX_RELAY_FUNCTION", "relay")
    monkeypatch.setenv("MEDIA_BUCKET", "media")
    addresses.cache_clear()
    load.cache_clear()
    yield client
    load.cache_clear()


@pytest.fixture
def call(
    machine,  # noqa: ARG001
    monkeypatch,
    as_role,
    api_event,
    principal,
    lambda_context,
    tenant_factory,
    tenant,
):
    """Ask a route as the owner of a workspace; answers status and body."""
    source = SingleConnection(lambda: as_role("app"))
    for module in (door, desk_door, sweeper):
        monkeypatch.setattr(module, "database", lambda: source)
    monkeypatch.setattr("functions.content.pipelines.routes.database", lambda: source)
    monkeypatch.setattr("huntaze.outbox.nudge", lambda: None)
    ids = tenant_factory()
    with tenant(ids.workspace_id).transaction() as connection:
        ((user_id,),) = connection.execute("SELECT user_id FROM members").fetchall()

    def make(method, path, body=None, *, at=door, role="owner", whose=ids):
        who = principal(whose.workspace_id, user_id=user_id, role=role)
        answer = at.handler(api_event(method, path, principal=who, body=body), lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    make.ids = ids
    return make


@pytest.fixture
def store(call, tenant):
    return PostgresPlans(tenant(call.ids.workspace_id))


@pytest.fixture
def begin(call):
    """Start a pipeline; answers it."""

    def make(**order):
        status, body = call("POST", PATH, {"count": 3, **order})
        assert status == 202, body
        return body

    return make


@pytest.fixture
def step(store):
    """Do steps of a pipeline as its state machine does."""

    def make(plan, *names, writer=None, execution=1, now=None, **more):
        for name in names:
            request = StepRequest(name, UUID(plan["id"]), execution, **more)
            run(request, store, writer or WillingWriter(), now=now or datetime.now(UTC))

    return make


def test_a_pipeline_goes_from_ideas_to_moments(call, begin, step, machine):
    plan = begin(target_platforms=["instagram"], schedule={"times": ["18:30"], "time_zone": "UTC"})
    (((), order),) = machine.start_execution.call_args_list
    assert order["name"] == f"{plan['id']}-1"
    assert json.loads(order["input"])["plan_id"] == plan["id"]
    assert (plan["status"], plan["percent"], plan["items"]) == ("running", 0, [])
    percents = []
    for name in STEPS:
        step(plan, name)
        percents.append(call("GET", f"{PATH}/{plan['id']}")[1]["percent"])
    assert percents == [25, 50, 75, 100]
    whole = call("GET", f"{PATH}/{plan['id']}")[1]
    assert (whole["status"], whole["optimized_for"]) == ("completed", ["instagram"])
    assert [one["status"] for one in whole["steps"]] == ["done"] * 4
    # Ideas and captions, each written once and checked once.
    assert whole["tokens"]["input"] == 400
    assert (whole["cost"]["nanos"], whole["latency_ms"]) == (60_000, 4)
    tomorrow = datetime.now(UTC).date() + timedelta(days=1)
    for place, item in enumerate(whole["items"]):
        assert item["caption"]
        assert 3 <= len(item["hashtags"]) <= 8
        assert item["local_at"] == f"{tomorrow + timedelta(days=place)}T18:30:00"
        assert (item["decision"], item["entry_id"]) == (None, None)
    # Nothing enters the calendar by itself.
    assert call("GET", "/api/content/schedule")[1]["items"] == []


def test_what_a_person_takes_is_in_the_library_and_the_calendar(call, begin, step, tenant):
    plan = begin(schedule={"times": ["09:00"], "time_zone": "Europe/Paris"})
    step(plan, *STEPS)
    first, second, third = call("GET", f"{PATH}/{plan['id']}")[1]["items"]
    drafts = "/api/content/drafts"

    def decide(item, decision):
        return call("POST", f"{drafts}/{item['draft_id']}/decide", decision, at=desk_door)[1]

    with tenant(call.ids.workspace_id).transaction() as connection:
        # As the router would have written it down.
        connection.execute(
            "INSERT INTO ai_generations (workspace_id, id, task, agent, complexity, critical, tier,"
            " reason, hops) SELECT DISTINCT workspace_id, generation_id, 'captions', 'content', 3,"
            " false, 'economy', 'ordinary', '{}'::text[] FROM ai_drafts"
        )
    taken = decide(first, {"decision": "accept"})
    edited = decide(second, {"decision": "edit", "text": "Mine."})
    dropped = decide(third, {"decision": "reject"})
    assert (dropped["media_id"], dropped["entry_id"]) == (None, None)
    calendar = call("GET", "/api/content/schedule")[1]["items"]
    assert [one["id"] for one in calendar] == [taken["entry_id"], edited["entry_id"]]
    assert calendar[0]["local_at"].endswith("T09:00:00")
    assert calendar[0]["time_zone"] == "Europe/Paris"
    text = call("GET", f"/api/content/{edited['media_id']}")[1]
    assert (text["kind"], text["body"]) == ("text", "Mine.")
    items = call("GET", f"{PATH}/{plan['id']}")[1]["items"]
    assert [one["decision"] for one in items] == ["accepted", "edited", "rejected"]
    assert items[0]["entry_id"] == taken["entry_id"]


def test_items_are_shown_by_the_library_each_thing_once(call, begin, step, store, tenant):
    with tenant(call.ids.workspace_id).transaction() as connection:
        both, one, video = (
            media.add_media(
                connection,
                call.ids.creator_id,
                MediaDraft(kind=kind, title=title, platform_media_id=title),
            ).id
            for kind, title in (("photo", "sun beach"), ("photo", "beach"), ("video", "the beach"))
        )
    idea = {"title": "t", "description": "d", "platform": "p", "search_words": ["beach", "sun"]}
    kinds = ("photo", "text", "photo", "photo")
    written = several(Idea, 4)(items=[Idea(kind=kind, **idea) for kind in kinds])
    fine = Judgement(allowed=True, reason="fine")
    checked = judgements(4)(**{f"text_{number}": fine for number in range(1, 5)})
    plan = begin(count=4)
    step(plan, "ideas", writer=ScriptedWriter(written, checked))
    step(plan, "assets")
    found = [item.asset_id for item in store.items(UUID(plan["id"]))]
    assert found == [both, None, one, None]
    assert video not in found


def test_a_step_that_died_goes_on_with_the_next_batch(begin, step, store):
    plan = begin(count=25)
    died = Watched(fails_at=[5], error=RuntimeError("the function was killed"))
    with pytest.raises(RuntimeError):
        step(plan, "ideas", writer=died)
    # Two batches were checked and are kept; of the third nothing is.
    assert len(store.items(UUID(plan["id"]))) == 20
    after = Watched()
    step(plan, "ideas", writer=after)
    assert [data["count"] for task, data in after.asked if task == "content_ideas"] == [5]
    assert len(store.items(UUID(plan["id"]))) == 25
    # What is there is not proposed again.
    known = after.asked[0][1]["published_lately"]
    assert {item.title for item in store.items(UUID(plan["id"]))[:20]} <= set(known)
    # A step that is called once more does nothing.
    step(plan, "ideas", writer=after)
    assert after.count("content_ideas") == 1


def test_a_run_that_is_killed_in_a_call_keeps_nothing_unchecked(begin, step, store, tenant, call):
    plan = begin()
    writer = Watched(fails_at=[2], error=SystemExit())
    with pytest.raises(SystemExit):
        step(plan, "ideas", writer=writer)
    assert store.items(UUID(plan["id"])) == []
    # Its lease ends by itself.
    with pytest.raises(StepBusy):
        step(plan, "ideas")
    with tenant(call.ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE ai_plan SET leased_until = clock_timestamp()")
    step(plan, *STEPS)
    assert store.get(UUID(plan["id"])).status == "completed"


@pytest.mark.parametrize(
    ("call_of", "error"), [(1, ai.NoAnswerError("away")), (2, ai.NoAnswerError("away"))]
)
def test_while_no_model_answers_nothing_is_kept_and_the_step_is_tried_again(
    begin, step, store, call_of, error
):
    plan = begin()
    with pytest.raises(ModelsUnavailable):
        step(plan, "ideas", writer=Watched(fails_at=[call_of], error=error))
    stored = store.get(UUID(plan["id"]))
    assert (stored.status, stored.asked) == ("running", 0)
    step(plan, "halt", failed_step="ideas", error={"Error": "ModelsUnavailable"})
    halted = store.get(UUID(plan["id"]))
    assert (halted.status, halted.halt.step, halted.halt.resumable) == ("failed", "ideas", True)


@pytest.mark.parametrize("call_of", [1, 2])
def test_a_budget_that_is_used_up_stops_it_until_somebody_resumes(
    call, begin, step, store, machine, call_of
):
    plan = begin()
    broke = ai.BudgetUsedUpError("No room until tomorrow.", retry_after=3600)
    step(plan, "ideas", "assets")
    writer = Watched(fails_at=[call_of], error=broke)
    with pytest.raises(RunStopped):
        step(plan, "captions", writer=writer)
    stopped = call("GET", f"{PATH}/{plan['id']}")[1]
    assert (stopped["status"], stopped["halt"]["step"]) == ("stopped", "captions")
    assert datetime.fromisoformat(stopped["halt"]["resets_at"]) > datetime.now(UTC)
    assert [one["draft_id"] for one in stopped["items"]] == [None] * 3
    with pytest.raises(RunOvertaken):
        step(plan, "captions")
    status, resumed = call("POST", f"{PATH}/{plan['id']}/resume")
    assert (status, resumed["status"], resumed["halt"]) == (202, "running", None)
    assert machine.start_execution.call_args.kwargs["name"] == f"{plan['id']}-2"
    again = Watched()
    step(plan, *STEPS, writer=again, execution=2)
    # What it has is not asked for again.
    assert (again.count("content_ideas"), again.count("content_pipelines")) == (0, 1)
    assert store.get(UUID(plan["id"])).status == "completed"


def test_a_cancelled_pipeline_writes_nothing_more(call, begin, step, machine):
    plan = begin()
    step(plan, "ideas")
    writer = Watched()
    writer.meanwhile = lambda: call("POST", f"{PATH}/{plan['id']}/cancel")
    step(plan, "assets")
    with pytest.raises(RunOvertaken):
        step(plan, "captions", writer=writer)
    whole = call("GET", f"{PATH}/{plan['id']}")[1]
    assert (whole["status"], len(whole["items"])) == ("cancelled", 3)
    assert [one["draft_id"] for one in whole["items"]] == [None] * 3
    arn = f"{MACHINE.replace('stateMachine', 'execution')}:{plan['id']}-1"
    assert machine.stop_execution.call_args.kwargs["executionArn"] == arn
    assert call("POST", f"{PATH}/{plan['id']}/cancel")[1]["error"] == "PipelineOver"
    assert call("POST", f"{PATH}/{plan['id']}/resume")[1]["error"] == "NotResumable"
    assert call("GET", f"{PATH}/{plan['id']}")[1]["status"] == "cancelled"


def test_what_the_checks_refuse_is_told_and_not_kept(call, begin, step):
    plan = begin(count=12)
    # The second batch of ideas; then the second batch would be captions.
    step(plan, "ideas", "assets", writer=Watched(refuses=[4]))
    whole = call("GET", f"{PATH}/{plan['id']}")[1]
    assert (len(whole["items"]), whole["blocked"]) == (10, [["meaning: a hint"]] * 2)
    with pytest.raises(RunRefused):
        step(plan, "captions", writer=Watched(refuses=[2]))
    whole = call("GET", f"{PATH}/{plan['id']}")[1]
    assert whole["items"][0]["refused"] == ["meaning: a hint"]
    assert (whole["status"], whole["halt"]["error"]) == ("failed", "NothingApproved")
    assert call("POST", f"{PATH}/{plan['id']}/resume")[1]["error"] == "NotResumable"


def test_a_run_whose_start_or_execution_was_lost_is_taken_up(call, store, tenant, machine, begin):
    machine.start_execution.side_effect = clients.aws_errors()[0]()
    plan = begin()
    assert store.get(UUID(plan["id"])).execution_arn is None

    def sweep():
        mine = [one for one in sweeper.find_due() if one.id == UUID(plan["id"])]
        return [sweeper.work_at(one) for one in mine]

    def age(**by):
        with tenant(call.ids.workspace_id).transaction() as connection:
            connection.execute(
                "UPDATE ai_plan SET updated_at = %s", (datetime.now(UTC) - timedelta(**by),)
            )

    assert sweep() == []
    machine.start_execution.side_effect = lambda **order: {"executionArn": order["name"]}
    age(minutes=5)
    assert sweep() == ["started"]
    assert store.get(UUID(plan["id"])).execution_arn == f"{plan['id']}-1"
    assert sweep() == []
    for number in (2, 3, 4, 5):
        age(hours=1)
        assert sweep() == ["started"]
        assert store.get(UUID(plan["id"])).execution_arn == f"{plan['id']}-{number}"
    age(hours=1)
    assert sweep() == ["not lost"]
    ended = store.get(UUID(plan["id"]))
    assert (ended.status, ended.halt.error) == ("failed", "Lost")


def test_moments_of_the_calendar_are_free_and_the_clocks_are_right(call, begin, step, tenant):
    zone = "Europe/Paris"
    # In spring clocks leave out 02:30 on the last Sunday of March.
    year = datetime.now(UTC).year + 1
    last = max(date(year, 3, day) for day in range(25, 32) if date(year, 3, day).weekday() == 6)
    first = last - timedelta(days=1)
    with tenant(call.ids.workspace_id).transaction() as connection:
        text = media.add_media(
            connection, call.ids.creator_id, MediaDraft(kind="text", title="t", body="b")
        )
    busy = {"media_id": str(text.id), "local_at": f"{first}T18:00:00", "time_zone": zone}
    assert call("POST", "/api/content/schedule", busy)[0] == 201
    wish = {"first": str(first), "time_zone": zone, "times": ["02:30", "18:00"]}
    plan = begin(count=4, schedule=wish)
    step(plan, *STEPS)
    items = call("GET", f"{PATH}/{plan['id']}")[1]["items"]
    assert [one["local_at"] for one in items] == [
        f"{first}T02:30:00",
        f"{last}T03:30:00",
        f"{last}T18:00:00",
        f"{last + timedelta(days=1)}T02:30:00",
    ]
    moments = [datetime.fromisoformat(one["at"]).astimezone(UTC).time() for one in items]
    assert moments == [time(1, 30), time(1, 30), time(16), time(0, 30)]


@pytest.mark.parametrize(
    "order",
    [
        {"count": 0},
        {"count": 31},
        {"schedule": {"times": []}},
        {"schedule": {"times": ["25:00"]}},
        {"schedule": {"times": ["10:00Z"]}},
        {"schedule": {"time_zone": "Mars/Base"}},
        {"schedule": {"first": "2020-01-01"}},
        {"schedule": {"first": "9999-12-31"}},
        {"schedule": {"every_days": 0}},
        {"price_cents": 1},
    ],
)
def test_refuses_odd_orders(call, order):
    assert call("POST", PATH, order)[0] == 422


def test_pipelines_of_others_are_not_there(call, begin, tenant_factory):
    plan = begin()
    other = SimpleNamespace(workspace_id=tenant_factory().workspace_id)
    for method, path in (("GET", ""), ("POST", "/cancel"), ("POST", "/resume")):
        assert call(method, f"{PATH}/{plan['id']}{path}", whose=other)[0] == 404
    assert call("POST", PATH, {}, role="chatter")[0] == 403
