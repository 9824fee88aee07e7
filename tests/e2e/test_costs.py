"""What models cost, on a deployed cloud: it is bounded, told of once, explained, and lowered."""

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import httpx
import pytest

from local.api_client import ApiClient, ApiError
from local.mailbox import Mailbox

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"
# The function that tells looks once a minute; then the event goes to the bus, and the mail to SES.
PATIENCE_SECONDS = 180
CENT = 10_000_000
LIMIT = 10 * CENT
DIMENSIONS = ("provider", "model", "tier", "agent", "task", "creator", "campaign", "day")
# A post costs about a third of a cent with its check.
MOST_POSTS = 20


def until(what: str, ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer that counts."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < deadline, what
        time.sleep(0.5)
    return answer


class Office:
    """An owner with a creator, who looks at what models cost."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        self.mark = f"costs{time.time_ns():x}"
        self.email = f"{self.mark}@example.com"
        self.api = ApiClient(cloud["api_url"])
        self._slack_url = cloud["identity_provider_url"]
        self._mailbox = Mailbox(cloud["aws_endpoint_url"])
        self._functions = boto3.client(
            "lambda",
            endpoint_url=cloud["aws_endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        names = {"name": "Owner", "workspace_name": self.mark}
        account = self.api.post(
            "/api/auth/register", {"email": self.email, "password": PASSWORD, **names}
        )
        self.api.log_in_with(account["access_token"])
        self.api.post("/api/auth/verify-email", {"token": self._mailbox.token(self.email)})
        self.user_id = self.api.get("/api/auth/me")["user"]["id"]
        creator = {"platform": "fan_platform", "handle": self.mark, "display_name": "Mia"}
        self.creator_id = self.api.post("/api/management/creators", creator)["id"]

    @property
    def hook(self) -> str:
        """The path of a channel of Slack of the office's own."""
        return f"/services/T0/B0/{self.mark}"

    def tell_slack(self, threshold: int) -> dict[str, Any]:
        """Have the channel told when a part of the budget is used up."""
        hook = f"{self._slack_url}{self.hook}"
        settings = {"thresholds_percent": [threshold], "slack_webhook_url": hook}
        told: dict[str, Any] = self.api.put("/api/v2/costs/alert-settings", settings)
        return told

    def posts(self) -> list[str]:
        """What was posted to the channel."""
        posted = httpx.get(f"{self._slack_url}/_sim/slack", timeout=30).json()["messages"]
        return [one["text"] for one in posted if one["hook"] == self.hook]

    def mails(self) -> list[str]:
        """What the mails about the budget are called."""
        return [
            mail["Subject"]
            for mail in self._mailbox.messages(self.email)
            if mail["Subject"].startswith("AI budget")
        ]

    def write(self, subject: str) -> int:
        """Have a post written; answers what it cost in billionths of a dollar."""
        written = self.api.post("/api/content/generate", {"subject": subject})
        return int(written["cost"]["nanos"])

    def look_again(self) -> None:
        """Let the function look at all limits that the schedule calls each minute."""
        answer = self._functions.invoke(
            FunctionName="huntaze-local-assistant-alerts", Payload=b"{}"
        )
        assert "FunctionError" not in answer, answer["Payload"].read()

    def prepare(self) -> dict[str, Any]:
        """Have a campaign prepared; answers the workflow when it is done."""
        order = {"creator_id": self.creator_id, "goal": "Bring back fans who were silent"}
        began = self.api.post("/api/v2/campaigns/hybrid", order)
        found: dict[str, Any] = until(
            "the campaign",
            lambda: (
                state
                if (
                    state := self.api.get(
                        "/api/v2/campaigns/status", workflow_id=began["workflow_id"]
                    )
                )["status"]
                != "running"
                else None
            ),
        )
        assert found["status"] == "completed", found
        return found

    def audit(self) -> list[str]:
        """What the audit log says, oldest first."""
        entries = self.api.pages("/api/management/audit-log")
        return [one["action"] for one in sorted(entries, key=lambda one: one["sequence"])]


@pytest.fixture
def office(cloud: Mapping[str, Any]) -> Iterator[Office]:
    """A new workspace."""
    found = Office(cloud)
    yield found
    found.api.close()


def test_a_budget_that_is_used_up_is_told_of_once_and_explained(office: Office) -> None:
    assert office.tell_slack(10) == {"thresholds_percent": [10], "slack_connected": True}
    budget = office.api.put("/api/v2/costs/budget", {"daily_cents": 10, "over_budget": "stop"})
    assert budget["day"]["left"]["nanousd"] == LIMIT
    assert office.api.get("/api/v2/costs/alerts")["items"] == []

    spent = calls = 0
    while spent < CENT:
        calls += 1
        assert calls <= MOST_POSTS, spent
        spent += office.write(f"plants, part {calls}")
    (alert,) = until("the alert", lambda: office.api.get("/api/v2/costs/alerts")["items"])
    assert (alert["period"], alert["threshold_percent"]) == ("day", 10)
    assert (alert["limit"]["nanousd"], alert["spent"]["nanousd"]) == (LIMIT, spent)

    # Each channel once, whoever looks again.
    until("the mail", office.mails)
    until("Slack", office.posts)
    office.look_again()
    office.look_again()
    (mail,), (post,) = office.mails(), office.posts()
    assert "10 %" in mail
    assert "10 % of the budget of 0.10 USD" in post
    (told,) = office.api.get("/api/v2/costs/alerts")["items"]
    assert told == {**alert, "posts": {"slack": "posted", "sns": "posted"}}
    seen = office.api.post(f"/api/v2/costs/alerts/{alert['id']}/acknowledge")
    assert seen["acknowledged_by"] == office.user_id
    assert office.api.get("/api/v2/costs/alerts")["items"] == [seen]

    # Whoever adds it up comes to the same.
    for by in DIMENSIONS:
        parts = office.api.get("/api/v2/costs/breakdown", by=by)["items"]
        assert sum(part["cost"]["nanousd"] for part in parts) == spent, by
    stats = office.api.get("/api/v2/costs/stats")
    assert stats["cost"]["nanousd"] == spent
    assert stats["calls"] == 2 * calls
    assert stats["savings"]["nanousd"] == stats["baseline"]["nanousd"] - spent > 0
    assert office.api.get("/api/v2/costs/budget")["day"]["spent"]["nanousd"] == spent
    forecast = office.api.get("/api/v2/costs/forecast")
    assert forecast["spent"]["nanousd"] == spent
    # Today is no day to tell the others by.
    assert (forecast["days_observed"], forecast["expected"], forecast["low"]) == (0, None, None)

    # A smaller budget holds from the next call on: the check of what is written does not fit.
    office.api.put("/api/v2/costs/budget", {"daily_cents": 2, "over_budget": "stop"})
    with pytest.raises(ApiError, match="429 BudgetUsedUp"):
        office.write("plants, once more")
    day = office.api.get("/api/v2/costs/budget")["day"]
    assert day["spent"]["nanousd"] <= day["limit"]["nanousd"] == 2 * CENT
    assert day["reserved"]["nanousd"] == 0


def test_what_would_cost_less_is_applied_and_reverted(office: Office) -> None:
    first = office.prepare()
    (plan,) = [one for one in first["steps"] if one["step"] == "plan"]
    dear = plan["model"]
    suggested = office.api.post("/api/v2/costs/optimize")
    (offer,) = suggested["items"]
    assert (offer["task"], offer["applied"]) == ("campaign_plan", False)
    assert offer["cost"]["nanousd"] == plan["cost_nano_usd"]
    assert 0 < offer["savings"]["nanousd"] == suggested["savings"]["nanousd"]

    applied = office.api.post("/api/v2/costs/optimize", {"apply": ["campaign_plan"]})
    assert [one["applied"] for one in applied["items"]] == [True]
    assert applied["savings"]["nanousd"] == 0
    # Functions believe what they know for half a minute.
    cheap = until("the economy model", lambda: _plan_by_another(office, dear))
    (tier,) = [
        one
        for one in office.api.get("/api/v2/costs/breakdown", by="model")["items"]
        if one["key"] == cheap["model"]
    ]
    assert tier["calls"] >= 1
    assert cheap["cost_nano_usd"] < plan["cost_nano_usd"]
    with pytest.raises(ApiError, match="NotOptimizable"):
        office.api.post("/api/v2/costs/optimize", {"apply": ["compliance_check"]})

    reverted = office.api.post("/api/v2/costs/optimize", {"revert": ["campaign_plan"]})
    assert [one["applied"] for one in reverted["items"]] == [False]
    chosen = [one for one in office.audit() if one.startswith("ai_optimization")]
    assert chosen == ["ai_optimization.applied", "ai_optimization.reverted"]


def _plan_by_another(office: Office, model: str) -> dict[str, Any] | None:
    """The plan of another campaign, if another model has written it."""
    steps = office.prepare()["steps"]
    (plan,) = [one for one in steps if one["step"] == "plan"]
    return plan if plan["model"] != model else None
