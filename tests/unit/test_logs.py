"""Log lines: one shape, the ids of the work in hand, and nobody's words."""

import asyncio
import json
import logging
import re
from pathlib import Path

import psycopg
import pytest
from aws_lambda_powertools.event_handler.request import Request
from botocore.exceptions import ClientError
from pydantic import BaseModel

from huntaze import correlation, logs
from huntaze.entry import UnhandledError, entry, invocation
from huntaze.errors import ConflictError
from huntaze.http import create_app, lambda_entry
from huntaze.ids import new_id

ROOT = Path(__file__).resolve().parents[2]
CANARY = "canary-7f3a-what-a-fan-wrote"
TRACE = "Root=1-66e8a0f0-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"


@pytest.fixture(autouse=True)
def lines(capsys, monkeypatch):
    """Log as a function does; calling it gives the lines written since."""
    root = logging.getLogger()
    before = list(root.handlers), root.level
    # Another test's function may have started to log already.
    root.handlers[:] = [h for h in before[0] if not isinstance(h.formatter, logs.JsonFormatter)]
    monkeypatch.setenv("SERVICE", "tested")
    logs.start("tested")

    def written():
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    yield written
    root.handlers[:], level = before
    root.setLevel(level)


@pytest.fixture
def log():
    return logging.getLogger("functions.tested")


def test_a_line_says_who_when_what_and_for_whom(log, lines):
    ids = {"workspace_id": new_id(), "creator_id": new_id(), "campaign_id": None}
    with correlation.within(None, trace=TRACE, **ids) as work:
        log.info("done", extra={"rows": 3})
    (line,) = lines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("time"))
    assert line == {
        "level": "INFO",
        "service": "tested",
        "logger": "functions.tested",
        "message": "done",
        "correlation_id": str(work.correlation_id),
        "trace": TRACE,
        "workspace_id": str(ids["workspace_id"]),
        "creator_id": str(ids["creator_id"]),
        "rows": 3,
    }


def test_starting_twice_writes_each_line_once(log, lines):
    logs.start("tested")
    log.info("once")
    assert len(lines()) == 1


def test_lambdas_own_handler_stays_and_gets_the_shape(capsys):
    class LambdaLoggerHandlerWithFrameType(logging.StreamHandler):
        """Named as the runtime's."""

    root = logging.getLogger()
    root.handlers[:] = [own := LambdaLoggerHandlerWithFrameType()]
    logs.start("tested")
    assert root.handlers == [own]
    logging.getLogger("huntaze.x").warning("framed")
    assert json.loads(capsys.readouterr().err)["service"] == "tested"


@pytest.mark.parametrize("name", sorted(logs.NEVER))
def test_withholds_what_no_line_may_carry(log, lines, name):
    if name != "name":  # the standard library refuses that one by itself
        log.info("done", extra={name: CANARY})
        assert lines()[0][name] == logs.WITHHELD


def test_of_others_only_the_template_is_logged(lines):
    # psycopg's pool logs what Postgres answered, and with it names and addresses.
    logging.getLogger("psycopg.pool").warning("error connecting in %r: %s", "pool", CANARY)
    (line,) = lines()
    assert line["message"] == "error connecting in %r: %s"


def test_others_are_heard_from_warnings_on(lines):
    logging.getLogger("botocore.credentials").info("Found credentials")
    assert lines() == []


class Shape(BaseModel):
    """Something to validate."""

    age: int


def _unique_violation():
    error = psycopg.errors.UniqueViolation(f"DETAIL: Key (email)=({CANARY}) already exists.")
    raise error


ERRORS = {
    "psycopg": (_unique_violation, {}),
    "pydantic": (lambda: Shape.model_validate({"age": CANARY}), {"fields": ["age: int_parsing"]}),
    "builtin": (lambda: int(CANARY), {}),
    "ours": (lambda: (_ for _ in ()).throw(ConflictError(CANARY)), {"code": "Conflict"}),
    "aws": (
        lambda: (_ for _ in ()).throw(
            ClientError({"Error": {"Code": "Throttling", "Message": CANARY}}, "PutObject")
        ),
        {"code": "Throttling", "operation": "PutObject"},
    ),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_an_exception_is_told_without_its_words(log, lines, kind):
    fail, codes = ERRORS[kind]
    try:
        try:
            fail()
        except Exception as error:
            raise LookupError(CANARY) from error
    except LookupError:
        log.exception("it failed")
    (line,) = lines()
    assert CANARY not in json.dumps(line)
    told = line["error"]
    assert told["type"] == "builtins.LookupError"
    assert any("test_logs.py" in frame for frame in told["frames"])
    assert codes.items() <= told["cause"].items()


def test_what_runs_in_a_thread_is_of_the_same_work(log, lines):
    async def work(send_id):
        with correlation.within(None, send_id=send_id):
            await asyncio.to_thread(log.info, "in a thread")

    async def both():
        ids = [new_id(), new_id()]
        await asyncio.gather(*(work(one) for one in ids))
        return {str(one) for one in ids}

    expected = asyncio.run(both())
    assert {line["send_id"] for line in lines()} == expected


def test_work_within_work_keeps_what_is_known(log, lines):
    with correlation.within(None, creator_id="c") as lane:
        with correlation.within(new_id(), send_id="s") as send:
            log.info("inside")
        log.info("outside")
    inside, outside = lines()
    assert (inside["correlation_id"], inside["creator_id"]) == (str(send.correlation_id), "c")
    assert outside["correlation_id"] == str(lane.correlation_id)
    assert "send_id" not in outside


# Functions that answer no HTTP.


def test_a_call_without_a_cause_has_lambdas_id(log, lines, lambda_context):
    @entry
    def handler(_event, _context):
        log.info("called")
        return 1

    assert handler({}, lambda_context) == 1
    assert lines()[0]["correlation_id"] == lambda_context.aws_request_id


@pytest.mark.parametrize("wrap", [lambda body: {"detail": body}, lambda body: body])
def test_an_event_of_ours_brings_its_cause(log, lines, lambda_context, wrap):
    cause = str(new_id())
    entry(lambda _e, _c: log.info("called"))(wrap({"correlation_id": cause}), lambda_context)
    assert lines()[0]["correlation_id"] == cause


def test_a_foreign_exception_leaves_without_its_words(lines, lambda_context):
    # Lambda logs what leaves a handler.
    with pytest.raises(UnhandledError, match=r"^ValueError$") as left:
        entry(lambda _e, _c: int(CANARY))({}, lambda_context)
    assert left.value.__suppress_context__
    (line,) = lines()
    assert (line["level"], line["error"]["type"]) == ("ERROR", "builtins.ValueError")


def test_an_exception_of_ours_keeps_its_name(lambda_context):
    # Step Functions decides by it.
    class CampaignOvertaken(Exception):  # noqa: N818
        """As a step raises it."""

    CampaignOvertaken.__module__ = "functions.tested"

    def fail(_event, _context):
        raise CampaignOvertaken

    with pytest.raises(CampaignOvertaken):
        entry(fail)({}, lambda_context)


# The door of HTTP.


@pytest.fixture
def call(api_event, lambda_context, principal, log):
    app = create_app()

    @app.get("/notes/<note_id>/of/<handle>")
    def read(note_id: str, handle: str, _request: Request) -> dict[str, str]:
        log.info("read")
        return {"note": note_id, "handle": handle}

    @app.get("/broken")
    def broken() -> None:
        int(CANARY)

    door = lambda_entry(app)

    def make(path, workspace_id=None, **event):
        made = api_event("GET", path, principal=principal(workspace_id), **event)
        return made["requestContext"]["requestId"], door(made, lambda_context)

    return make


def test_every_answer_says_how_we_know_the_request(call):
    for path in ("/notes/1/of/x", "/nowhere"):
        request_id, answer = call(path, headers={"X-Correlation-Id": CANARY})
        assert answer["multiValueHeaders"]["X-Correlation-Id"] == [request_id]


def test_a_refusal_at_the_door_says_so_too(call):
    request_id, answer = call("/notes/1/of/x", query={"a": "\0"})
    assert answer["statusCode"] == 400
    assert answer["multiValueHeaders"]["X-Correlation-Id"] == [request_id]
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/json"]


def test_lines_of_a_request_name_route_and_ids_but_not_the_path(call, lines):
    note_id, workspace_id = new_id(), new_id()
    request_id, _ = call(f"/notes/{note_id}/of/{CANARY}", workspace_id, query={"q": CANARY})
    written = lines()
    assert [line["message"] for line in written] == ["read", "answered"]
    for line in written:
        assert line["correlation_id"] == request_id
        assert line["workspace_id"] == str(workspace_id)
        assert line["note_id"] == str(note_id)
        assert line["route"] == "/notes/{note_id}/of/{handle}"
    assert written[1]["status"] == 200
    assert CANARY not in json.dumps(written)


def test_a_defect_is_logged_with_its_place_and_leaves_bare(call, lines):
    with pytest.raises(UnhandledError):
        call("/broken")
    assert CANARY not in json.dumps(lines())


# X-Ray, seen from a function.


def test_a_call_tells_the_daemon_by_which_ids_it_is_found(monkeypatch, lambda_context):
    packets = []

    class Socket:
        """Takes what would go to the daemon."""

        def __init__(self, *_):
            self.sendto = lambda packet, to: packets.append((packet, to))

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

    monkeypatch.setenv("_X_AMZN_TRACE_ID", TRACE + ";Lineage=1:2:3")
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "169.254.79.129:2000")
    monkeypatch.setattr("huntaze.tracing.socket.socket", Socket)
    with invocation(correlation.parse(lambda_context.aws_request_id), campaign_id="c"):
        assert correlation.current().trace == TRACE
    ((packet, to),) = packets
    head, part = (json.loads(line) for line in packet.decode().splitlines())
    assert (to, head) == (("169.254.79.129", 2000), {"format": "json", "version": 1})
    assert part["trace_id"] == "1-66e8a0f0-0123456789abcdef01234567"
    assert part["parent_id"] == "0123456789abcdef"
    assert part["annotations"] == {
        "correlation_id": lambda_context.aws_request_id,
        "campaign_id": "c",
    }


def test_there_is_one_way_to_log():
    """Powertools' logger knows neither the work in hand nor what is withheld."""
    sources = [
        path
        for folder in ("functions", "layers/common", "containers")
        for path in (ROOT / folder).rglob("*.py")
    ]
    wrong = re.compile(
        r"aws_lambda_powertools(\.logging)? import .*\bLogger|EphemeralMetrics|\bprint\("
    )
    found = [str(path) for path in sources if wrong.search(path.read_text())]
    assert found == [], "log with logging.getLogger(__name__), measure with huntaze.metrics"
