"""A campaign that models prepare, from the order to the chats, on a deployed cloud."""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from local.api_client import ApiClient
from local.fan_platform.client import FanPlatform
from local.mailbox import Mailbox
from local.model_provider.client import ModelProviderStandIn

pytestmark = pytest.mark.e2e

MARK = f"hybrid{time.time_ns():x}"
PASSWORD = f"quiet river {MARK[::-1]}"
GOAL = "Bring back fans who were silent for a month"
FANS = 30
QUESTIONS = 7
# Whoever dies with a step holds it for nearly two minutes.
PATIENCE_SECONDS = 420
FUNCTION = "ministack-lambda-huntaze-local-campaigns-hybrid-tasks-"


class Agency:
    """An owner, and the cloud around."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        self.api = ApiClient(cloud["api_url"])
        self.platform = FanPlatform(cloud["fan_platform_url"])
        self.models = ModelProviderStandIn(cloud["model_provider_url"])
        self._mailbox = Mailbox(cloud["aws_endpoint_url"])
        self._data_dir = cloud["data_dir"]

    def register(self) -> None:
        """Open an account, and follow the link of its mail."""
        email = f"{MARK}@example.com"
        names = {"name": "Owner", "workspace_name": MARK}
        account = self.api.post(
            "/api/auth/register", {"email": email, "password": PASSWORD, **names}
        )
        self.api.log_in_with(account["access_token"])
        self.api.post("/api/auth/verify-email", {"token": self._mailbox.token(email)})

    def creator(self, name: str, seen_at: datetime | None = None) -> str:
        """Make a creator with fans, whom the platform knows, too."""
        handle = f"{MARK}-{name}"
        fast = {"messages_per_minute": 600, "min_gap_ms": 0}
        made = self.api.post(
            "/api/management/creators", {"platform": "fan_platform", "handle": handle, **fast}
        )
        self.platform.add_creator(made["id"], handle, PASSWORD)
        fans = [{"platform_id": f"{name}-{n}", "handle": f"{name}{n}"} for n in range(FANS)]
        self.platform.add_fans(made["id"], fans)
        rows = ["platform_id,handle,display_name,status,last_seen_at,time_zone"]
        seen = "" if seen_at is None else seen_at.isoformat()
        rows += [f"{name}-{n},{name}{n},Fan {n},active,{seen},UTC" for n in range(FANS)]
        report = self.api.post(
            "/api/crm/fans/import", {"creator_id": made["id"], "content": "\n".join(rows)}
        )
        assert report["rows_created"] == FANS, report
        return str(made["id"])

    def connect(self, creator_id: str, name: str) -> None:
        """Log a browser in for a creator."""
        login = {"username": f"{MARK}-{name}", "password": PASSWORD, "consent": True}
        self.api.post("/api/of/connect", {"creator_id": creator_id, **login})
        look = partial(self.api.get, "/api/of/status", creator_id=creator_id)
        # Until the browser is logged in the lane is stopped, and rightly.
        until(look, "active", never=())

    def order(self, creator_id: str) -> dict[str, Any]:
        """Have a campaign prepared."""
        began: dict[str, Any] = self.api.post(
            "/api/v2/campaigns/hybrid", {"creator_id": creator_id, "goal": GOAL}
        )
        return began

    def workflow(self, began: dict[str, Any]) -> dict[str, Any]:
        """How far a workflow is."""
        found: dict[str, Any] = self.api.get(
            "/api/v2/campaigns/status", workflow_id=began["workflow_id"]
        )
        return found

    def charged(self) -> int:
        """How many calls the providers were paid for."""
        return len(self.models.calls()["charged"])

    def kill_tasks(self) -> int:
        """Kill the processes of the steps' function, as a machine does that goes away."""
        table = subprocess.run(
            ["ps", "-axww", "-o", "pid=,command="], capture_output=True, text=True, check=True
        ).stdout
        ours = [line for line in table.splitlines() if FUNCTION in line and self._data_dir in line]
        for line in ours:
            os.kill(int(line.split()[0]), signal.SIGKILL)
        return len(ours)

    def close(self) -> None:
        """Hang up."""
        for one in (self.api, self.platform, self.models):
            one.close()


def until(
    look: Callable[[], dict[str, Any]],
    status: str,
    never: tuple[str, ...] = ("failed", "stopped", "cancelled"),
) -> dict[str, Any]:
    """Wait for a status."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := look())["status"] != status:
        assert found["status"] not in never, found
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def agency(cloud: Mapping[str, Any]) -> Iterator[Agency]:
    made = Agency(cloud)
    made.register()
    yield made
    made.models.play("azure_openai")
    made.close()


def test_what_models_prepared_and_a_person_approved_is_in_the_chats(agency: Agency) -> None:
    creator_id = agency.creator("ada")
    agency.connect(creator_id, "ada")
    before = agency.charged()
    began = agency.order(creator_id)
    assert began["forecast"]["model_calls"] == QUESTIONS
    prepared = until(lambda: agency.workflow(began), "completed")
    assert agency.charged() - before == QUESTIONS
    spent = prepared["ai_cost_nano_usd"]
    assert 0 < spent <= began["forecast"]["at_most_nano_usd"]
    assert prepared["correlation_id"] == began["correlation_id"]
    assert prepared["campaign_status"] == "awaiting_approval"
    assert agency.platform.messages(creator_id) == []

    path = f"/api/marketing/campaigns/{prepared['campaign_id']}"
    campaign = agency.api.get(path)
    assert campaign["dry_run"]["ai_cost_nano_usd"] == spent
    agency.api.post(f"{path}/approve", {"version": campaign["version"]})
    until(lambda: agency.api.get(path), "completed")

    sent = Counter(
        (row["fan_id"], row["text"]) for row in agency.api.pages(f"{path}/recipients", state="sent")
    )
    assert sum(sent.values()) == FANS
    truth = agency.platform.messages(creator_id)
    assert sorted(one["fan"] for one in truth) == sorted(f"ada-{n}" for n in range(FANS))
    assert Counter(one["text"] for one in truth) == Counter(text for _, text in sent.elements())
    written = {one["message"] for one in campaign["variants"]}
    assert {one["text"] for one in truth} <= written


def test_a_killed_function_costs_no_finished_step_again(agency: Agency) -> None:
    evening = (datetime.now(UTC) - timedelta(days=1)).replace(hour=20, minute=15)
    creator_id = agency.creator("eve", evening)
    before = agency.charged()
    # Plans are asked of Azure, where there is time now to strike.
    agency.models.play("azure_openai", {"kind": "slow", "times": 1, "seconds": 8})
    began = agency.order(creator_id)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (struck := agency.workflow(began))["steps"][4]["status"] != "running":
        assert time.monotonic() < deadline, struck
    finished = struck["steps"][:4]
    assert [one["status"] for one in finished] == ["done"] * 4
    paid = agency.charged() - before
    assert paid == 3
    assert agency.kill_tasks() > 0

    ended = until(lambda: agency.workflow(began), "completed")
    assert ended["steps"][:4] == finished
    assert ended["steps"][4]["attempts"] > 1
    # The four that were left, and at most the one answer that died on its way.
    assert agency.charged() - before - paid in (4, 5)
    campaign = agency.api.get(f"/api/marketing/campaigns/{ended['campaign_id']}")
    assert campaign["status"] == "awaiting_approval"
    # When these fans have been about themselves.
    assert datetime.fromisoformat(campaign["scheduled_at"]).astimezone(UTC).hour == 20
    assert len(agency.api.get("/api/marketing/campaigns", creator_id=creator_id)["items"]) == 1
