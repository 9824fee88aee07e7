"""From a file to the chats, on a deployed cloud: what everything else stands on."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import demo, endpoints
from local.api_client import ApiClient, ApiError

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"


@pytest.fixture(scope="module")
def figures(cloud: Mapping[str, Any]) -> dict[str, Any]:
    """The demo, with the worker killed in the middle of it."""
    order = demo.DemoOrder(None, None, demo.DEFAULT_MESSAGE, demo.FASTEST, 0)
    stop = threading.Event()

    def kill_worker_once() -> None:
        # Early enough to strike while messages go out, late enough that some have.
        while not stop.wait(0.5):
            if _sent_so_far(cloud) >= 40:
                pid = endpoints.read(Path(cloud["data_dir"]))["worker_pid"]
                os.kill(pid, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill_worker_once)
    killer.start()
    try:
        result, differences = demo.Demo(dict(cloud), order).run()
    finally:
        stop.set()
        killer.join()
    assert differences == []
    return result


def _sent_so_far(cloud: Mapping[str, Any]) -> int:
    return len(httpx.get(f"{cloud['fan_platform_url']}/_sim/messages").json())


@pytest.fixture
def stranger(cloud: Mapping[str, Any]) -> Iterator[ApiClient]:
    """Somebody with a workspace of their own."""
    api = ApiClient(cloud["api_url"])
    account = api.post(
        "/api/auth/register",
        {
            "email": f"stranger-{time.time_ns()}@example.com",
            "password": PASSWORD,
            "name": "Stranger",
            "workspace_name": "Elsewhere",
        },
    )
    api.log_in_with(account["access_token"])
    yield api
    api.close()


def test_every_fan_comes_out_in_exactly_one_way(figures: dict[str, Any]) -> None:
    assert demo.adds_up(figures)
    assert figures["planned"] >= 500
    assert figures["sent"] > 400
    assert figures["held_out"] > 0
    assert len(figures["skipped"]) >= 3


def test_the_platform_agrees_although_the_worker_was_killed(figures: dict[str, Any]) -> None:
    assert figures["truth_messages"] == figures["sent"]


def test_a_stranger_sees_nothing_of_it(stranger: ApiClient, figures: dict[str, Any]) -> None:
    for path in ("", "/recipients", "/metrics", "/forecast"):
        with pytest.raises(ApiError) as refused:
            stranger.get(f"/api/marketing/campaigns/{figures['campaign_id']}{path}")
        assert refused.value.status == 404
    assert stranger.get("/api/marketing/campaigns")["items"] == []
    with pytest.raises(ApiError) as refused:
        stranger.get("/api/crm/fans", creator_id=figures["creator_id"])
    assert refused.value.status == 404


def test_nobody_gets_in_without_a_session(cloud: Mapping[str, Any]) -> None:
    for path in ("/api/crm/fans", "/api/marketing/campaigns", "/api/of/status", "/api/auth/me"):
        answer = httpx.get(cloud["api_url"] + path, timeout=30)
        assert answer.status_code == 401, path
        assert answer.json()["error"]


def test_the_api_describes_itself(cloud: Mapping[str, Any]) -> None:
    document = httpx.get(cloud["api_url"] + "/api/openapi.json", timeout=30).json()
    assert "/api/marketing/campaigns/{campaign_id}/launch" in document["paths"]
    assert "swagger" in httpx.get(cloud["docs_url"], timeout=30).text.lower()


def test_no_permission_was_missing(cloud: Mapping[str, Any], figures: dict[str, Any]) -> None:
    assert figures["sent"]
    logs = Path(cloud["log_dir"])
    for log in logs.glob("*.log"):
        text = log.read_text(errors="replace")
        assert "AccessDenied" not in text, log.name
        assert "is not authorized to perform" not in text, log.name


def test_no_log_holds_personal_text(cloud: Mapping[str, Any], figures: dict[str, Any]) -> None:
    assert figures["sent"]
    canaries = (demo.PASSWORD, "the new set is up", "fan7@example.com", "met-in-person-1")
    for log in Path(cloud["log_dir"]).glob("*.log"):
        text = log.read_text(errors="replace")
        for canary in canaries:
            assert canary not in text, f"{log.name} holds {json.dumps(canary)}"
