"""What logs hold after a whole journey: one id from the request to the chat, and nobody's words."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from botocore.client import BaseClient

from local.api_client import ApiClient
from local.fan_platform.client import FanPlatform
from local.mailbox import Mailbox

pytestmark = pytest.mark.e2e

MARK = f"canary{time.time_ns():x}"
CANARIES = {
    what: f"{MARK}-{what}"
    for what in (
        *("creator-name", "fan-name", "handle", "media", "message", "direct", "note"),
        *("platform-password", "person", "campaign", "token", "workspace"),
        "question",
    )
}
# Codes are short, and a password may not hold the address.
CODE = MARK[-12:]
PASSWORD = f"quiet river {MARK[::-1]}"
EMAIL = f"{MARK}@example.com"
FAN_EMAIL = f"fan-{MARK}@example.com"
PATIENCE_SECONDS = 120


class Journey:
    """A person who does everything once, and something wrong at every door."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        self.cloud = cloud
        self.api = ApiClient(cloud["api_url"])
        self.platform = FanPlatform(cloud["fan_platform_url"])
        self.launch = ""
        self.campaign = ""
        self.session_token = ""

    def close(self) -> None:
        """Let go of the connections."""
        self.api.close()
        self.platform.close()

    def run(self) -> None:
        """Go through every door."""
        self._register()
        creator = self._creator()
        fan = self._fan(creator)
        self._stumble(creator, fan)
        self._connect(creator)
        self._write(creator, fan)
        self._campaign(creator)
        # The name of a creator and of a campaign are given to the model, too.
        for question in (f"What is {CANARIES['question']}?", "How did my campaign do?"):
            self.api.post("/api/ai/chat", {"question": question})

    def _register(self) -> None:
        account = self.api.post(
            "/api/auth/register",
            {
                "email": EMAIL,
                "password": PASSWORD,
                "name": CANARIES["person"],
                "workspace_name": CANARIES["workspace"],
            },
        )
        self.session_token = account["access_token"]
        self.api.log_in_with(self.session_token)
        mailbox = Mailbox(self.cloud["aws_endpoint_url"])
        before = len(mailbox.messages(EMAIL))
        self.api.post("/api/auth/resend-verification", {"email": EMAIL})
        self.api.post("/api/auth/verify-email", {"token": mailbox.token(EMAIL, after=before)})

    def _creator(self) -> str:
        handle = f"{CANARIES['handle']}-c"
        creator = self.api.post(
            "/api/management/creators",
            {
                "platform": "fan_platform",
                "handle": handle,
                "display_name": CANARIES["creator-name"],
                "messages_per_minute": 600,
                "min_gap_ms": 0,
            },
        )
        self.platform.add_creator(
            creator["id"],
            handle,
            CANARIES["platform-password"],
            otp_code=CODE,
        )
        return str(creator["id"])

    def _fan(self, creator: str) -> str:
        handle = CANARIES["handle"]
        self.platform.add_fans(creator, [{"platform_id": "u1", "handle": handle}])
        fan = self.api.post(
            "/api/crm/fans",
            {
                "creator_id": creator,
                "handle": handle,
                "platform_id": "u1",
                "display_name": CANARIES["fan-name"],
                "email": FAN_EMAIL,
                "notes": CANARIES["note"],
                "status": "active",
            },
        )
        return str(fan["id"])

    def _stumble(self, creator: str, fan: str) -> None:
        """What is refused is what defects would log."""
        url = self.cloud["api_url"]
        mine = {"Authorization": f"Bearer {self.session_token}"}
        wrong: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/api/auth/login", {"json": {"email": EMAIL, "password": MARK}}),
            ("GET", "/api/auth/me", {"headers": {"Authorization": f"Bearer {CANARIES['token']}"}}),
            ("GET", "/api/auth/me", {"headers": {"Cookie": f"__Host-huntaze_session={MARK}"}}),
            ("GET", f"/api/crm/fans/{CANARIES['handle']}", {"headers": mine}),
            ("GET", "/api/crm/fans", {"headers": mine, "params": {"search": CANARIES["handle"]}}),
            ("GET", "/api/crm/fans", {"headers": mine, "params": {"cursor": CANARIES["note"]}}),
            # The fan is there already: Postgres quotes the row in the details of its refusal.
            (
                "POST",
                "/api/crm/fans",
                {
                    "headers": mine,
                    "json": {
                        "creator_id": creator,
                        "handle": CANARIES["handle"],
                        "platform_id": "u1",
                        "email": FAN_EMAIL,
                        "notes": CANARIES["note"],
                    },
                },
            ),
            (
                "POST",
                "/api/of/send",
                {
                    "headers": {**mine, "X-Correlation-Id": CANARIES["token"]},
                    "json": {"fan_id": fan, "message": CANARIES["direct"], "media": MARK},
                },
            ),
            (
                "POST",
                "/api/marketing/campaigns",
                {
                    "headers": mine,
                    "json": {"name": CANARIES["media"], "media_ids": [CANARIES["media"]]},
                },
            ),
        ]
        for method, path, given in wrong:
            answer = httpx.request(method, url + path, timeout=60, **given)
            assert answer.status_code < 500, (path, answer.text)
            assert answer.headers["X-Correlation-Id"] != CANARIES["token"]

    def _connect(self, creator: str) -> None:
        credentials = {
            "creator_id": creator,
            "username": f"{CANARIES['handle']}-c",
            "password": CANARIES["platform-password"],
            "consent": True,
        }
        self.api.post("/api/of/connect", credentials)
        self._until(creator, lambda told: (told["last_order"] or {}).get("state") == "failed")
        self.api.post("/api/of/connect/code", {"creator_id": creator, "code": CODE})
        self._until(creator, lambda told: told["status"] == "active")

    def _until(self, creator: str, done: Any) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not done(told := self.api.get("/api/of/status", creator_id=creator)):
            assert time.monotonic() < deadline, told
            time.sleep(0.3)

    def _write(self, creator: str, fan: str) -> None:
        self.api.post(
            "/api/of/send", {"creator_id": creator, "fan_id": fan, "message": CANARIES["direct"]}
        )

    def _campaign(self, creator: str) -> None:
        draft = self.api.post(
            "/api/marketing/campaigns",
            {
                "creator_id": creator,
                "name": CANARIES["campaign"],
                "message": CANARIES["message"],
            },
        )
        self.campaign = draft["id"]
        path = f"/api/marketing/campaigns/{self.campaign}"
        answer = httpx.post(
            self.cloud["api_url"] + f"{path}/launch",
            headers={"Authorization": f"Bearer {self.session_token}"},
            timeout=60,
        )
        assert answer.status_code == 202, answer.text
        self.launch = answer.headers["X-Correlation-Id"]
        self._await(path, "awaiting_approval")
        self.api.post(f"{path}/approve", {"version": draft["version"]})
        self._await(path, "completed")

    def _await(self, path: str, status: str) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (found := self.api.get(path))["status"] != status:
            assert time.monotonic() < deadline, found
            assert found["status"] != "failed", found
            time.sleep(0.3)


@pytest.fixture(scope="module")
def journey(cloud: Mapping[str, Any]) -> Iterator[Journey]:
    """The journey, made once."""
    made = Journey(cloud)
    try:
        made.run()
        # The last lines of functions reach their log a moment after the answer.
        time.sleep(3)
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def aws(cloud: Mapping[str, Any]) -> Iterator[Any]:
    """Make a client of the local cloud, with its root user's rights."""
    made: list[BaseClient] = []

    def client(service: str) -> BaseClient:
        one = boto3.client(
            service,
            endpoint_url=cloud["aws_endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        made.append(one)
        return one

    yield client
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def function_lines(aws: Any, journey: Journey) -> list[str]:
    """What every function has printed."""
    assert journey.launch
    client = aws("logs")
    return [
        event["message"]
        for groups in client.get_paginator("describe_log_groups").paginate()
        for group in groups["logGroups"]
        for page in client.get_paginator("filter_log_events").paginate(
            logGroupName=group["logGroupName"]
        )
        for event in page["events"]
    ]


@pytest.fixture(scope="module")
def history(aws: Any, journey: Journey) -> list[str]:
    """What Step Functions keeps of the campaign's execution."""
    client = aws("stepfunctions")
    machines = client.list_state_machines()["stateMachines"]
    (machine,) = [one for one in machines if one["name"].endswith("-campaign")]
    executions = client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    (ours,) = [one for one in executions if journey.campaign in one["name"]]
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=ours["executionArn"]
    )
    return [json.dumps(event, default=str) for page in pages for event in page["events"]]


@pytest.fixture(scope="module")
def files(cloud: Mapping[str, Any], journey: Journey) -> dict[str, str]:
    """The log files of every process: the worker's, Postgres', the stand-in's for AWS."""
    assert journey.launch
    texts = {
        path.name: path.read_text(errors="replace") for path in Path(cloud["log_dir"]).glob("*.log")
    }
    # The stand-in for the post office writes down whom it delivers to; on AWS nobody does.
    delivered = "SESv2 SendEmail:"
    lines = texts["aws.log"].splitlines()
    return texts | {"aws.log": "\n".join(line for line in lines if delivered not in line)}


def test_no_log_holds_anybodys_words(
    files: dict[str, str], function_lines: list[str], history: list[str], journey: Journey
) -> None:
    assert {"worker.log", "postgres.log"} <= set(files)
    assert len(function_lines) > 50
    assert len(history) > 20
    everything = {**files, "functions": "\n".join(function_lines), "history": "\n".join(history)}
    # Every canary holds the mark.
    for word in (MARK, CODE, PASSWORD, journey.session_token):
        for name, text in everything.items():
            where = text.find(word)
            assert where < 0, f"{name} holds {text[max(0, where - 300) : where + 100]}"


def test_one_id_leads_from_the_request_to_the_chat(
    files: dict[str, str], function_lines: list[str], journey: Journey
) -> None:
    told = [json.loads(line) for line in function_lines if line.startswith("{")]
    (request,) = [
        line
        for line in told
        if line.get("correlation_id") == journey.launch and line.get("message") == "answered"
    ]
    assert request["route"].endswith("/{campaign_id}/launch")
    assert request["campaign_id"] == journey.campaign
    steps = {
        line["step"]
        for line in told
        if line.get("correlation_id") == journey.launch and line.get("message") == "a step is done"
    }
    assert {"prepare", "freeze", "release", "announce"} <= steps
    worker = [json.loads(line) for line in files["worker.log"].splitlines() if line[:1] == "{"]
    settled = [
        line
        for line in worker
        if line.get("correlation_id") == journey.launch
        and line.get("message") == "a send was settled"
    ]
    assert [line["state"] for line in settled] == ["sent"]
    assert settled[0]["campaign_id"] == journey.campaign
    for name in ("workspace_id", "creator_id", "send_id"):
        assert settled[0][name]


def test_every_line_of_ours_is_json_and_says_what_it_is(
    files: dict[str, str], function_lines: list[str]
) -> None:
    # Lambda's own lines are text: the start and end of a call, and what left a handler.
    ours = [line for line in function_lines if line.startswith("{")]
    assert len(ours) > 50
    for line in [*ours, *files["worker.log"].splitlines()]:
        assert line.startswith("{"), line
        told = json.loads(line)
        if "_aws" not in told:
            assert {"level", "time", "service", "message"} <= set(told), line


def test_the_event_of_the_message_has_the_id(cloud: Mapping[str, Any], journey: Journey) -> None:
    # Straight from the outbox: what the relay has published stays there with its moment.
    with psycopg.connect(cloud["database_url"]) as connection:
        connection.execute("SET ROLE gatekeeper")
        rows = connection.execute(
            "SELECT published_at IS NOT NULL, payload::text FROM events_outbox"
            " WHERE event_type = 'message.settled' AND correlation_id = %s",
            (journey.launch,),
        ).fetchall()
    assert [published for published, _ in rows] == [True]
    assert MARK not in rows[0][1]
