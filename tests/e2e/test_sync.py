"""What a fan writes arrives: read by a sync that nobody asked for, and pushed by the platform."""

import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psycopg
import pytest

from local.api_client import ApiClient
from local.fan_platform.client import FanPlatform
from local.mailbox import Mailbox

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"
FANS = [{"platform_id": f"{n}", "handle": f"fan{n}"} for n in range(100, 110)]
# Of the creator who was never read, the first sync comes with the login; the next with the sweep.
SYNC_SECONDS = 180
PUSH_SECONDS = 60


def _until(what: str, look: Callable[[], bool], seconds: float) -> float:
    """Wait for something; return how long it took."""
    began = time.monotonic()
    while not look():
        assert time.monotonic() - began < seconds, f"{what} did not come within {seconds:g} s"
        time.sleep(0.1)
    taken = time.monotonic() - began
    sys.stdout.write(f"\n{what}: {taken:.1f} s\n")
    return taken


class Connected:
    """A creator who is connected to the fan platform."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        self.cloud = cloud
        self.platform = FanPlatform(cloud["fan_platform_url"])
        self.api = ApiClient(cloud["api_url"])
        self._database = psycopg.connect(cloud["database_url"], autocommit=True)
        self._database.execute("SET ROLE gatekeeper")
        name = f"sync-{time.time_ns()}"
        email = f"{name}@example.com"
        account = self.api.post(
            "/api/auth/register",
            {
                "email": email,
                "password": PASSWORD,
                "name": "Ada",
                "workspace_name": "Studio",
            },
        )
        self.api.log_in_with(account["access_token"])
        token = Mailbox(cloud["aws_endpoint_url"]).token(email)
        self.api.post("/api/auth/verify-email", {"token": token})
        creator = self.api.post(
            "/api/management/creators",
            {"platform": "fan_platform", "handle": name, "display_name": "Mia"},
        )
        self.id = str(creator["id"])
        self.platform.add_creator(self.id, name, PASSWORD)
        self.platform.add_fans(self.id, FANS)
        login = {"creator_id": self.id, "username": name, "password": PASSWORD, "consent": True}
        self.api.post("/api/of/connect", login)
        _until("the login with its first syncs", self._is_read, SYNC_SECONDS)

    def _is_read(self) -> bool:
        status = self.api.get("/api/of/status", creator_id=self.id)
        ended = [one["state"] for one in status["syncs"]]
        return status["status"] == "active" and ended == ["done"] * 3

    def stored(self) -> list[tuple[str, str]]:
        """What is stored of the creator's messages: ids of the platform, and texts."""
        return self._database.execute(
            "SELECT platform_message_id, text FROM messages WHERE creator_id = %s"
            " ORDER BY sent_at, id",
            (self.id,),
        ).fetchall()

    def has(self, message_id: str) -> bool:
        """Whether a message is stored."""
        return message_id in {found for found, _ in self.stored()}

    def close(self) -> None:
        """Let go of everything."""
        self._database.close()
        self.api.close()
        self.platform.close()


@pytest.fixture(scope="module")
def creator(cloud: Mapping[str, Any]) -> Iterator[Connected]:
    made = Connected(cloud)
    yield made
    made.close()


def test_a_fan_writes_and_a_sync_that_nobody_asked_for_brings_it(creator: Connected) -> None:
    first = creator.platform.write_as_fan(creator.id, "101", "hello there")
    # A creator without messages is looked at every five minutes; a person need not wait for that.
    creator.api.post("/api/of/sync", {"creator_id": creator.id})
    _until("a message of a sync that was asked for", lambda: creator.has(first), SYNC_SECONDS)
    second = creator.platform.write_as_fan(creator.id, "101", "are you there?")
    third = creator.platform.write_as_fan(creator.id, "102", "hi")
    _until(
        "messages of a sync that came by itself",
        lambda: creator.has(second) and creator.has(third),
        SYNC_SECONDS,
    )
    assert [text for _, text in creator.stored()] == ["hello there", "are you there?", "hi"]


def test_what_a_platform_pushes_is_there_at_once_and_once(creator: Connected) -> None:
    before = len(creator.stored())
    secret = secrets.token_hex(24)
    webhook = creator.api.post("/api/of/webhook", {"creator_id": creator.id, "secret": secret})
    address = creator.cloud["api_url"] + webhook["path"]
    creator.platform.push_to(creator.id, address, secret=secret)
    message = creator.platform.write_as_fan(creator.id, "103", "pushed")
    _until("a message that was pushed", lambda: creator.has(message), PUSH_SECONDS)
    how = {"secret": secret, "duplicates": 0.5, "delay_seconds": 3}
    creator.platform.push_to(creator.id, address, **how)
    sent = [creator.platform.write_as_fan(creator.id, "104", f"word {n}") for n in range(10)]
    _until(
        "ten messages, pushed late, some twice and in any order",
        lambda: all(creator.has(one) for one in sent),
        PUSH_SECONDS,
    )
    _until("the rest", lambda: creator.platform.pushes()["under_way"] == 0, PUSH_SECONDS)
    assert creator.platform.pushes()["given_up"] == 0
    words = [text for _, text in creator.stored() if text.startswith("word")]
    assert words == [f"word {n}" for n in range(10)]
    assert len(creator.stored()) == before + 11
    # Signed with another secret, nothing is taken.
    creator.platform.push_to(creator.id, address, secret="x" * 40)
    creator.platform.write_as_fan(creator.id, "105", "forged")
    _until("five refusals", lambda: creator.platform.pushes()["given_up"] == 1, PUSH_SECONDS)
    creator.platform.push_to(creator.id, None)
