"""The public routes that describe the API."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.docs import handler as docs


@pytest.fixture
def call(api_event, lambda_context) -> Callable[..., dict[str, Any]]:
    return lambda path, method="GET": docs.handler(api_event(method, path), lambda_context)


def test_tells_that_it_lives_to_anyone(call):
    answer = call("/api/health")
    assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"status": "ok"})


def test_serves_the_document_as_packaged(call):
    answer = call("/api/openapi.json")
    assert answer["multiValueHeaders"]["Content-Type"] == ["application/json"]
    assert answer["body"] == docs.DOCUMENT.read_text()


def test_the_page_loads_nothing_from_elsewhere(call):
    answer = call("/api/docs")
    assert answer["multiValueHeaders"]["Content-Type"] == ["text/html; charset=utf-8"]
    assert "default-src 'none'" in answer["multiValueHeaders"]["Content-Security-Policy"][0]
    page = answer["body"]
    assert "SwaggerUIBundle(" in page
    assert "/api/auth/login" in page
    assert "<script src=" not in page
    assert "<link rel='stylesheet'" not in page
    # API Gateway takes 10 MB, a function may answer 6.
    assert len(page.encode()) < 5_000_000


def test_a_text_of_the_document_cannot_end_its_script(monkeypatch):
    docs.page.cache_clear()
    monkeypatch.setattr(docs, "document", lambda: '{"info": "</script><b>"}')
    assert "</script><b>" not in docs.page()
    docs.page.cache_clear()


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/api/health"), ("GET", "/api/docs/x"), ("GET", "/api")]
)
def test_other_routes_do_not_exist(call, method, path):
    assert call(path, method)["statusCode"] == 404
