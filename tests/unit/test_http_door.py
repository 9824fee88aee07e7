"""What the door of every function takes, and how it refuses."""

import json
from typing import Annotated, Any

import pytest
from aws_lambda_powertools.event_handler.openapi.params import Query
from pydantic import BaseModel, ConfigDict, Field

from huntaze.http import create_app, lambda_entry
from huntaze.moments import Moment


class Note(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[str, Field(max_length=20)] = ""
    at: Moment | None = None
    # Whatever JSON has.
    more: dict[str, Any] = {}


@pytest.fixture
def call(api_event, lambda_context, principal):
    """Call a small app's only routes; answers (status, body)."""
    app = create_app()

    @app.post("/notes")
    def take(note: Note) -> dict[str, Any]:
        return {"text": note.text, "at": note.at and note.at.isoformat()}

    @app.delete("/notes")
    def drop(_word: Annotated[str, Query(alias="word")] = "") -> None:
        return None

    entry = lambda_entry(app)

    def make(method: str = "POST", **event: Any) -> tuple[int, Any]:
        answer = entry(api_event(method, "/notes", principal=principal(), **event), lambda_context)
        assert isinstance(answer["body"], str), "API Gateway's stand-ins take nothing else"
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    return make


@pytest.mark.parametrize(
    "body",
    [
        *("{", "'", "[1", "\ufeff{}", "[" * 30_000, "[" * 30_000 + "]" * 30_000),
        '{"text": ' * 30_000,
        '{"more": {"n": ' + "9" * 5000 + "}}",
    ],
)
def test_refuses_a_body_that_cannot_be_read(call, body):
    status, answer = call(body=body)
    assert (status, answer["error"]) == (400, "BadRequest")


@pytest.mark.parametrize("body", ["null", "[]", '"x"', "1", "NaN", '{"text": "\\ud800"}'])
def test_refuses_a_body_of_another_shape(call, body):
    assert call(body=body)[0] == 422


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "text/plain;charset=UTF-8", "application/octet-stream", "application/xml"),
        # What a form of any page may send without asking first.
        *("application/x-www-form-urlencoded", "multipart/form-data"),
        *("multipart/form-data; boundary=x", "application/jsonx", "nonsense"),
    ],
)
def test_takes_json_alone(call, kind):
    status, answer = call(body="text=x", headers={"Content-Type": kind})
    assert (status, answer["error"]) == (415, "UnsupportedMediaType")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", ""])
def test_takes_json_however_it_is_announced(call, kind):
    assert call(body={"text": "💛"}, headers={"Content-Type": kind})[1]["text"] == "💛"


def test_needs_no_kind_without_a_body(call):
    assert call("DELETE", headers={"Content-Type": "text/plain"})[0] == 200


@pytest.mark.parametrize(
    "body",
    [
        {"x" * 3_000_000: 1},
        {f"k{n}": n for n in range(50_000)},
        '{"\\ud800": 1}',
    ],
)
def test_refuses_in_few_words_whatever_came(call, body):
    status, answer = call(body=body)
    assert (status, answer["error"]) == (422, "InvalidInput")
    assert len(json.dumps(answer)) < 20_000


@pytest.mark.parametrize(
    "event",
    [
        {"body": '{"text": "\\u0000"}'},
        {"body": "\0"},
        {"query": {"a": "\0"}},
        {"query": {"\0": ""}},
    ],
)
def test_refuses_nul_everywhere(call, event):
    assert call(**event)[0] == 400


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59-00:01", "0001-01-01T00:00:00+00:01"])
def test_refuses_moments_beyond_the_calendar(call, at):
    status, answer = call(body={"at": at})
    assert (status, list(answer["fields"])) == (422, ["at"])


def test_keeps_moments_in_utc(call):
    # Postgres knows no offset of this size.
    answer = call(body={"at": "2026-01-01T00:00:00+23:00"})[1]
    assert answer["at"] == "2025-12-31T01:00:00+00:00"
