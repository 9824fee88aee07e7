"""An agency's whole life on a deployed cloud: from registering to being forgotten."""

import asyncio
import gzip
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from playwright.async_api import async_playwright
from psycopg.conninfo import conninfo_to_dict

from browser_worker.chromium import launch
from local import demo_billing
from local.api_client import ApiClient, ApiError
from local.fan_platform.client import FanPlatform
from local.mailbox import Mailbox
from local.postgres import EmbeddedPostgres

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"
PATIENCE_SECONDS = 60


class Agency:
    """Somebody who uses nothing but the public API and their mails."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        mark = f"{time.time_ns():x}"
        port = conninfo_to_dict(cloud["database_url"])["port"]
        server = EmbeddedPostgres(Path(cloud["data_dir"]) / "postgres", int(port))
        self._superuser_url = server.superuser_dsn()
        # What must be found nowhere once the agency is gone.
        self.canary = f"canary-{mark}"
        self.workspace_id = ""
        self.email = f"owner-{self.canary}@example.com"
        self.chatter_email = f"chatter-{self.canary}@example.com"
        self.api = ApiClient(cloud["api_url"])
        self.chatter = ApiClient(cloud["api_url"])
        self.mailbox = Mailbox(cloud["aws_endpoint_url"])
        self.functions = boto3.client(
            "lambda",
            endpoint_url=cloud["aws_endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        self.platform = FanPlatform(cloud["fan_platform_url"])

    def run_sql(self, statement: str) -> list[tuple[Any, ...]]:
        """Run a statement as who sees every row of every tenant; nobody does on AWS."""
        with psycopg.connect(self._superuser_url) as connection:
            answer = connection.execute(statement)
            return answer.fetchall() if answer.description else []

    def found(self) -> list[str]:
        """The tables in which the agency's word stands."""
        tables = self.run_sql(
            "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'"
        )
        return [
            name
            for (name,) in tables
            if self.run_sql(f"SELECT 1 FROM {name} t WHERE t::text LIKE '%{self.canary}%' LIMIT 1")
        ]

    def change_erasure(self, assignment: str) -> list[tuple[Any, ...]]:
        """Let time pass for the erasure of the agency, and return the steps that are done."""
        return self.run_sql(
            f"UPDATE erasures SET {assignment} WHERE kind = 'workspace'"
            f" AND workspace_id = '{self.workspace_id}' RETURNING steps"
        )

    def close(self) -> None:
        """Let go of the connections."""
        for one in (self.api, self.chatter, self.functions, self.platform):
            one.close()


@pytest.fixture
def agency(cloud: Mapping[str, Any]) -> Iterator[Agency]:
    """An agency that has not registered yet."""
    found = Agency(cloud)
    yield found
    found.close()


def test_an_agency_lives_and_is_forgotten(agency: Agency) -> None:
    _register_and_verify(agency)
    creator_id = _onboard(agency)
    _invite_chatter(agency, creator_id)
    asyncio.run(_upgrade_and_downgrade(agency))
    _export(agency, creator_id)
    _erase(agency)


def _until(what: str, ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer that counts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < deadline, what
        time.sleep(0.3)
    return answer


def _register_and_verify(agency: Agency) -> None:
    account = agency.api.post(
        "/api/auth/register",
        {
            "email": agency.email,
            "password": PASSWORD,
            "name": agency.canary,
            "workspace_name": agency.canary,
        },
    )
    agency.api.log_in_with(account["access_token"])
    agency.workspace_id = agency.api.get("/api/auth/me")["workspace"]["id"]
    assert not agency.api.get("/api/auth/me")["user"]["email_verified"]
    with pytest.raises(ApiError, match="EmailUnverified"):
        agency.api.post(
            "/api/management/members",
            {"email": agency.chatter_email, "role": "chatter", "creator_ids": None},
        )
    agency.api.post("/api/auth/verify-email", {"token": agency.mailbox.token(agency.email)})
    assert agency.api.get("/api/auth/me")["user"]["email_verified"]
    _until("the welcome mail", lambda: len(agency.mailbox.messages(agency.email)) >= 2)


def _onboard(agency: Agency) -> str:
    steps = agency.api.get("/api/onboarding")
    assert steps["missing"] == ["profile", "ai_config", "platform"]
    agency.api.post(
        "/api/onboarding/save-profile",
        {"display_name": agency.canary, "bio": agency.canary, "time_zone": "Europe/Paris"},
    )
    agency.api.post("/api/onboarding/save-ai-config", {"personality": agency.canary})
    platform = {"platform": "fan_platform", "handle": agency.canary, "display_name": "Mia"}
    login = {"username": agency.canary, "password": PASSWORD, "consent": True}
    with pytest.raises(ApiError, match="StepsMissing"):
        agency.api.post("/api/onboarding/complete")
    # The platform does not know the login yet: the first attempt fails, the next one does not.
    connecting = agency.api.post("/api/onboarding/connect-platform", {**platform, **login})
    creator_id = str(connecting["platform"]["creator_id"])
    agency.platform.add_creator(creator_id, agency.canary, PASSWORD)
    agency.platform.add_fans(creator_id, [{"platform_id": "fan-1", "handle": agency.canary}])

    def connected() -> bool:
        status = agency.api.get("/api/of/status", creator_id=creator_id)
        if (status["last_order"] or {}).get("state") == "failed":
            agency.api.post("/api/onboarding/connect-platform", {**platform, **login})
        return bool(status["status"] == "active")

    _until("the creator is connected", connected)
    assert agency.api.post("/api/onboarding/complete")["completed_at"]
    agency.api.post(
        "/api/crm/fans",
        {"creator_id": creator_id, "handle": agency.canary, "notes": agency.canary},
    )
    return creator_id


def _invite_chatter(agency: Agency, creator_id: str) -> None:
    agency.api.post(
        "/api/management/members",
        {"email": agency.chatter_email, "role": "chatter", "creator_ids": [creator_id]},
    )
    joined = agency.chatter.post(
        "/api/auth/accept-invitation",
        {
            "token": agency.mailbox.token(agency.chatter_email),
            "name": agency.canary,
            "password": PASSWORD,
        },
    )
    agency.chatter.log_in_with(joined["access_token"])
    # The one made by hand, and the one that came with the connection.
    fans = agency.chatter.get("/api/crm/fans")["items"]
    assert {fan["handle"] for fan in fans} == {agency.canary}
    for forbidden in ("/api/billing/portal", "/api/management/export"):
        with pytest.raises(ApiError) as refusal:
            agency.chatter.post(forbidden)
        assert refusal.value.status == 403


async def _upgrade_and_downgrade(agency: Agency) -> None:
    async with async_playwright() as playwright:
        browser = await launch(playwright)
        page = await browser.new_page()
        await demo_billing.play_front_end(page)
        await demo_billing.buy(agency.api, page, "pro")
        await demo_billing.change_plan(agency.api, page, "starter")
        await browser.close()
    _until("an invoice", lambda: agency.api.get("/api/billing/invoices")["items"])


def _export(agency: Agency, creator_id: str) -> None:
    export = agency.api.post("/api/management/export")
    path = f"/api/management/export/{export['id']}"
    _until("the export", lambda: agency.api.get(path)["state"] == "ready")
    _until("its mail", lambda: "export" in agency.mailbox.messages(agency.email)[-1]["Subject"])
    files = {file["name"]: file["url"] for file in agency.api.pages(f"{path}/files")}
    parts = {
        name: gzip.decompress(httpx.get(url, timeout=60).content) for name, url in files.items()
    }
    everything = b"\n".join(parts.values()).decode()
    assert creator_id in everything
    assert everything.count(agency.canary) >= 6
    assert PASSWORD not in everything


def _erase(agency: Agency) -> None:
    order = {"workspace_name": agency.canary}
    with pytest.raises(ApiError, match="403 "):
        agency.chatter.delete("/api/management/account", order)
    with pytest.raises(ApiError, match="422 "):
        agency.api.delete("/api/management/account", {"workspace_name": "another"})
    assert agency.found()
    agency.api.delete("/api/management/account", order)
    status = agency.api.get("/api/management/account")
    assert status["erasure"]["begins_at"] > datetime.now(UTC).isoformat()
    # Seven days pass, and later the twenty minutes in which the last requests end.
    agency.change_erasure("begins_at = clock_timestamp()")
    _until("nobody gets in any more", lambda: _is_over(agency, "people_forgotten"))
    with pytest.raises(ApiError, match="401 "):
        agency.chatter.get("/api/crm/fans")
    _until("the subscription ends", lambda: _is_over(agency, "payments_ended"))
    agency.change_erasure(
        "steps = jsonb_set(steps, '{people_forgotten}',"
        " to_jsonb(clock_timestamp() - interval '21 minutes'))"
    )
    _until("the end", lambda: _is_over(agency, "looked_again"))
    _until("nothing is left", lambda: not agency.found())


def _is_over(agency: Agency, step: str) -> bool:
    """Call what the clock calls every few minutes, and look how far it has come."""
    # The minute between two runs of what must wait.
    agency.change_erasure("leased_until = clock_timestamp()")
    for slice_name in ("management-erasures", "billing-sweep"):
        agency.functions.invoke(FunctionName=f"huntaze-local-{slice_name}", Payload=b"{}")
    return step in str(agency.change_erasure("state = state"))
