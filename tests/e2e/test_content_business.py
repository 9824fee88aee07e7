"""What content is for, on a deployed cloud: it is planned, sold, paid for, and counted."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from local.api_client import ApiClient, ApiError
from local.fan_platform.behaviour import reactions
from local.fan_platform.client import FanPlatform
from local.mailbox import Mailbox
from local.postgres import EmbeddedPostgres
from tests.fakes import media_files

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"
PATIENCE_SECONDS = 120
PRICE_CENTS = 300
SEED = 7
IN_VAULT = "media-001"


def until(what: str, ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer that counts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return answer


class Studio:
    """An owner with a creator, who uses nothing but the public API and their mails."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        self.mark = f"studio-{time.time_ns():x}"
        self.url = cloud["api_url"]
        self.api = ApiClient(self.url)
        self.platform = FanPlatform(cloud["fan_platform_url"])
        port = conninfo_to_dict(cloud["database_url"])["port"]
        server = EmbeddedPostgres(Path(cloud["data_dir"]) / "postgres", int(port))
        self._superuser_url = server.superuser_dsn()
        email = f"{self.mark}@example.com"
        names = {"name": "Owner", "workspace_name": self.mark}
        account = self.api.post(
            "/api/auth/register", {"email": email, "password": PASSWORD, **names}
        )
        self.token = account["access_token"]
        self.api.log_in_with(self.token)
        token = Mailbox(cloud["aws_endpoint_url"]).token(email)
        self.api.post("/api/auth/verify-email", {"token": token})
        self.workspace_id = self.api.get("/api/auth/me")["workspace"]["id"]
        creator = {"platform": "fan_platform", "handle": self.mark, "messages_per_minute": 600}
        creator |= {"min_gap_ms": 0, "display_name": "Mia"}
        self.creator_id = self.api.post("/api/management/creators", creator)["id"]

    def connect(self) -> None:
        """Let the worker log in for the creator."""
        self.platform.add_creator(self.creator_id, self.mark, PASSWORD)
        account = {"username": self.mark, "password": PASSWORD, "consent": True}
        self.api.post("/api/of/connect", {"creator_id": self.creator_id, **account})
        until("the connection", lambda: self.api.get("/api/of/status")["status"] == "active")

    def upload(self, folder: Path) -> dict[str, Any]:
        """Bring a photo that is in the vault, too."""
        path = folder / "photo.jpg"
        path.write_bytes(media_files.picture())
        draft = {"content_type": "image/jpeg", "title": "Sunny balcony"}
        ticket = self.api.post(
            "/api/content/uploads", {**draft, "platform_media_id": IN_VAULT, "tags": ["sun"]}
        )
        self.api.upload(ticket, path)
        self.api.post(f"/api/content/uploads/{ticket['upload_id']}/complete")
        ended = until(
            "the upload",
            lambda: (
                found
                if (found := self.api.get(f"/api/content/uploads/{ticket['upload_id']}"))[
                    "finished_at"
                ]
                else None
            ),
        )
        assert ended["status"] == "ready", ended
        item: dict[str, Any] = self.api.get(f"/api/content/{ended['id']}")
        return item

    def sell(self, media_id: str, name: str) -> dict[str, Any]:
        """Send an item to every fan at a price; answers the metrics."""
        campaign = self.api.post(
            "/api/marketing/campaigns",
            {
                "creator_id": self.creator_id,
                "name": name,
                "message": "Something sunny for you.",
                "price_cents": PRICE_CENTS,
                "media_ids": [media_id],
            },
        )
        path = f"/api/marketing/campaigns/{campaign['id']}"
        self.api.post(f"{path}/launch")
        until("approval", lambda: self.api.get(path)["status"] == "awaiting_approval")
        self.api.post(f"{path}/approve", {"version": campaign["version"]})
        until("delivery", lambda: self.api.get(path)["status"] in ("completed", "failed"))
        metrics: dict[str, Any] = self.api.get(f"{path}/metrics")
        return metrics

    def run_sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as who sees every row of every tenant; nobody does on AWS."""
        with psycopg.connect(self._superuser_url) as connection:
            answer = connection.execute(statement)
            return answer.fetchall() if answer.description else []

    def ask(self, path: str, body: dict[str, Any]) -> httpx.Response:
        """Ask something whose refusal is the point."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.post(self.url + path, json=body, headers=headers, timeout=60)

    def close(self) -> None:
        """Let go of the connections."""
        self.api.close()
        self.platform.close()


@pytest.fixture
def studio(cloud: Mapping[str, Any]) -> Iterator[Studio]:
    """A new workspace."""
    found = Studio(cloud)
    yield found
    found.close()


def _fans(wanted: int, *, buy: bool) -> list[str]:
    """Fans of whom it is known whether they will buy, for good."""
    found: list[str] = []
    number = 0
    while len(found) < wanted:
        number += 1
        name = f"fan-{number}"
        kinds = [one.kind for one in reactions(SEED, name, 1, PRICE_CENTS, 0)]
        if ("buy" in kinds) is buy and "charge_back" not in kinds and "leave" not in kinds:
            found.append(name)
    return found


def test_an_item_is_uploaded_sold_unlocked_and_earns(studio: Studio, tmp_path: Path) -> None:
    buyers, others = _fans(3, buy=True), _fans(3, buy=False)
    studio.connect()
    fans = [{"platform_id": name, "handle": name} for name in (*buyers, *others)]
    studio.platform.add_fans(studio.creator_id, fans, seed=SEED)
    rows = "\n".join(f"{name},{name},active,true" for name in (*buyers, *others))
    studio.api.post(
        "/api/crm/fans/import",
        {
            "creator_id": studio.creator_id,
            "content": f"platform_id,handle,status,consent\n{rows}\n",
        },
    )
    item = studio.upload(tmp_path)
    assert [one["id"] for one in studio.api.get("/api/content", q="balcony")["items"]] == [
        item["id"]
    ]
    sold = studio.sell(item["id"], "First")
    assert (sold["sent"], sold["unknown"], sold["not_sent"]) == (6, 0, 0)
    # A day later fans have unlocked it, and the worker reads what was paid.
    studio.platform.advance_clock(86_400)
    paid = [
        one for one in studio.platform.transactions(studio.creator_id) if one["type"] == "message"
    ]
    assert sorted(one["fan"] for one in paid) == sorted(buyers)
    studio.api.post("/api/of/sync", {"creator_id": studio.creator_id})
    usage = until(
        "the payments",
        lambda: (
            found
            if (found := studio.api.get(f"/api/content/{item['id']}/usage"))["bought"] == 3
            else None
        ),
    )
    assert (usage["offered"], usage["sent"]) == (6, 6)
    assert usage["earned_cents"] == sum(one["net_cents"] for one in paid)
    # No fan is offered the same thing again.
    again = studio.sell(item["id"], "Second")
    assert (again["sent"], sum(again["skipped"].values())) == (0, 6)
    assert len(studio.platform.messages(studio.creator_id)) == 6


def test_a_pipeline_runs_by_itself_and_a_person_has_the_last_word(
    studio: Studio, tmp_path: Path
) -> None:
    item = studio.upload(tmp_path)
    key = {"Idempotency-Key": str(uuid4())}
    headers = {"Authorization": f"Bearer {studio.token}", **key}
    order = {"count": 12, "schedule": {"times": ["18:00"], "time_zone": "Europe/Paris"}}
    twice = [
        httpx.post(
            f"{studio.url}/api/content/pipelines", json=order, headers=headers, timeout=60
        ).json()
        for _ in range(2)
    ]
    assert twice[0]["id"] == twice[1]["id"]
    path = f"/api/content/pipelines/{twice[0]['id']}"
    ended = until(
        "the pipeline",
        lambda: found if (found := studio.api.get(path))["status"] != "running" else None,
    )
    assert (ended["status"], ended["percent"], ended["halt"]) == ("completed", 100, None)
    assert len(ended["items"]) == 12
    assert ended["cost"]["nanos"] > 0
    assert studio.api.get("/api/content/schedule")["items"] == []
    taken = ended["items"][0]
    decided = studio.api.post(
        f"/api/content/drafts/{taken['draft_id']}/decide", {"decision": "accept"}
    )
    (entry,) = studio.api.get("/api/content/schedule", days=31)["items"]
    assert entry["id"] == decided["entry_id"]
    assert datetime.fromisoformat(entry["at"]) == datetime.fromisoformat(taken["at"])
    assert entry["media_id"] in (item["id"], decided["media_id"])
    with pytest.raises(ApiError, match="DraftDecided"):
        studio.api.post(f"/api/content/drafts/{taken['draft_id']}/decide", {"decision": "reject"})


def test_a_budget_that_ends_means_less_and_then_nothing(studio: Studio) -> None:
    question = {"question": "How many fans do I have?", "language": "en"}
    assert studio.ask("/api/ai/chat", question).status_code == 201
    ours = f"workspace_id = '{studio.workspace_id}'"
    # A cent, of which a few calls are left.
    studio.run_sql(
        "INSERT INTO ai_budgets (workspace_id, monthly_cents, over_budget, updated_by)"
        f" VALUES ('{studio.workspace_id}', 1, 'degrade', gen_random_uuid())"
    )
    reasons, answer = list[str](), None
    # Half of an answer's tokens is more than a step.
    for room in range(5_000_000, 0, -100_000):
        studio.run_sql(
            f"UPDATE ai_spending SET spent_nanos = 10000000 - {room},"
            f" billed_nanos = 10000000 - {room} WHERE {ours} AND period = 'month'"
        )
        answer = studio.ask("/api/ai/chat", question)
        newest = studio.run_sql(
            f"SELECT reason FROM ai_generations WHERE {ours} ORDER BY started_at DESC LIMIT 1"
        )
        reasons.append(newest[0][0])
        if answer.status_code != 201:
            break
    assert answer is not None
    assert answer.status_code == 429, answer.text
    assert answer.json()["error"] == "BudgetUsedUp"
    assert int(answer.headers["Retry-After"]) > 0
    # As always, then shorter, then not at all.
    assert reasons == sorted(reasons, key=["ordinary", "over_budget"].index)
    assert {"ordinary", "over_budget"} == set(reasons)
    # Nor is anything written for content, or kept.
    refused = studio.ask("/api/content/captions", {"subject": "plants", "count": 1})
    assert (refused.status_code, refused.json()["error"]) == (429, "BudgetUsedUp")
    assert studio.run_sql(f"SELECT count(*) FROM ai_drafts WHERE {ours}") == [(0,)]
