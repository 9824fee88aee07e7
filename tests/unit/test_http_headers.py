"""What every answer tells a browser about itself."""

import pytest
from aws_lambda_powertools.event_handler import Response

from huntaze.http import create_app, lambda_entry


@pytest.fixture
def headers(api_event, principal, lambda_context):
    """The headers of an answer to a member, by path."""
    app = create_app()

    @app.get("/plain")
    def plain() -> dict[str, str]:
        return {"word": "said"}

    @app.get("/kept")
    def kept() -> Response[str]:
        return Response(200, "text/plain", "kept", headers={"Cache-Control": "max-age=300"})

    entry = lambda_entry(app)

    def ask(path, **event):
        event = api_event("GET", path, principal=principal(), **event)
        return entry(event, lambda_context)["multiValueHeaders"]

    return ask


@pytest.mark.parametrize("path", ["/plain", "/not-there"])
def test_an_answer_is_kept_by_nobody_and_runs_nothing(headers, path):
    told = headers(path)
    assert told["Cache-Control"] == ["no-store"]
    assert told["Content-Security-Policy"] == ["default-src 'none'; frame-ancestors 'none'"]
    assert told["X-Content-Type-Options"] == ["nosniff"]
    assert told["Referrer-Policy"] == ["no-referrer"]
    assert told["Strict-Transport-Security"] == ["max-age=63072000"]


def test_a_refusal_before_any_route_says_the_same(headers):
    assert headers("/plain", body="x=1", headers={"Content-Type": "text/plain"})[
        "Cache-Control"
    ] == ["no-store"]


def test_a_feature_may_say_otherwise(headers):
    told = headers("/kept")
    assert told["Cache-Control"] == ["max-age=300"]
    assert told["X-Content-Type-Options"] == ["nosniff"]
