"""The life of a reply on a deployed cloud: asked, drafted, heard of, approved, sent."""

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from local.api_client import ApiClient
from local.fan_platform.client import FanPlatform
from local.live_client import LiveSocket
from local.mailbox import Mailbox

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"
FAN = "501"
# A look at a busy creator's chats comes each minute, beside whatever else the machine does.
HOP_SECONDS = 180


class Hops:
    """How long each step took, printed at the end."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()

    def reached(self, what: str) -> None:
        """Say what has just happened."""
        now = time.monotonic()
        sys.stdout.write(f"\n{what}: +{now - self._last:.1f} s ({now - self._began:.1f} s)\n")
        self._last = now


@pytest.fixture(scope="module")
def platform(cloud: Mapping[str, Any]) -> Iterator[FanPlatform]:
    made = FanPlatform(cloud["fan_platform_url"])
    yield made
    made.close()


@pytest.fixture(scope="module")
def api(cloud: Mapping[str, Any]) -> Iterator[ApiClient]:
    """A creator who works alone."""
    made = ApiClient(cloud["api_url"])
    email = f"reply-{time.time_ns()}@example.com"
    person = {"email": email, "password": PASSWORD, "name": "Mia", "workspace_name": "Mia"}
    made.log_in_with(made.post("/api/auth/register", person)["access_token"])
    token = Mailbox(cloud["aws_endpoint_url"]).token(email)
    made.post("/api/auth/verify-email", {"token": token})
    yield made
    made.close()


@pytest.fixture(scope="module")
def creator_id(api: ApiClient, platform: FanPlatform) -> str:
    """Connected, with the chatbot on."""
    name = f"reply-{time.time_ns()}"
    draft = {"platform": "fan_platform", "handle": name, "display_name": "Mia"}
    creator_id = str(api.post("/api/management/creators", draft)["id"])
    platform.add_creator(creator_id, name, PASSWORD)
    platform.add_fans(creator_id, [{"platform_id": FAN, "handle": "sam", "display_name": "Sam"}])
    login = {"creator_id": creator_id, "username": name, "password": PASSWORD, "consent": True}
    api.post("/api/of/connect", login)
    until = time.monotonic() + HOP_SECONDS
    while [one["state"] for one in _status(api, creator_id)["syncs"]] != ["done"] * 3:
        assert time.monotonic() < until, "the first syncs did not end"
        time.sleep(0.5)
    api.post("/api/chatbot/activate", {"creator_id": creator_id})
    return creator_id


@pytest.fixture
def live(api: ApiClient) -> Iterator[LiveSocket]:
    ticket = api.post("/api/realtime/ticket")
    made = LiveSocket(ticket["url"], ticket["ticket"])
    made.say(action="resume", cursor=ticket["cursor"])
    made.wait_for(lambda message: message["type"] == "resumed")
    yield made
    made.break_off()


def _status(api: ApiClient, creator_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = api.get("/api/of/status", creator_id=creator_id)
    return answer


def _event(live: LiveSocket, kind: str, **data: object) -> dict[str, Any]:
    """Wait for an event whose ids are these; its data."""

    def of(message: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            one["data"]
            for one in message.get("items", [])
            if one["type"] == kind and data.items() <= one["data"].items()
        ]

    return of(live.wait_for(lambda message: bool(of(message)), seconds=HOP_SECONDS))[0]


def test_a_fans_question_is_answered_as_a_person_approved(
    api: ApiClient, creator_id: str, platform: FanPlatform, live: LiveSocket
) -> None:
    hops = Hops()
    platform.write_as_fan(creator_id, FAN, "hey Mia, how was your weekend?")
    api.post("/api/of/sync", {"creator_id": creator_id})
    heard = _event(live, "message.created", creator_id=creator_id)
    hops.reached("the fan's message was read, and heard of on the WebSocket")

    (conversation,) = api.get("/api/crm/conversations", creator_id=creator_id)["items"]
    assert conversation["id"] == heard["conversation_id"]
    assert (conversation["state"], conversation["unread"]) == ("open", 1)

    _event(live, "draft.created", creator_id=creator_id)
    hops.reached("a draft was made, and heard of")
    (draft,) = api.get("/api/chatbot/drafts", creator_id=creator_id)["items"]
    assert draft["based_on"] == heard["message_id"]
    assert platform.messages(creator_id) == []

    approved = api.post(f"/api/chatbot/drafts/{draft['id']}/approve", {})
    settled = _event(live, "message.settled", send_id=approved["send_id"])
    hops.reached("it was approved, sent by a browser, and heard of")
    assert settled["creator_id"] == creator_id

    (arrived,) = [one for one in platform.messages(creator_id) if one["fan"] == FAN]
    (decided,) = api.get("/api/chatbot/drafts", creator_id=creator_id)["items"]
    assert (decided["send_state"], decided["id"]) == ("sent", draft["id"])
    assert arrived["text"] == draft["text"]
    thread = api.get(f"/api/crm/conversations/{conversation['id']}/messages")["items"]
    assert [one["direction"] for one in thread] == ["out", "in"]
    now = api.get(f"/api/crm/conversations/{conversation['id']}")
    assert (now["state"], now["unread"]) == ("waiting", 0)


def test_a_draft_whose_conversation_moved_on_is_not_sent(
    api: ApiClient, creator_id: str, platform: FanPlatform, live: LiveSocket
) -> None:
    platform.write_as_fan(creator_id, FAN, "and what do you do tonight?")
    api.post("/api/of/sync", {"creator_id": creator_id})
    _event(live, "draft.created", creator_id=creator_id)
    drafts = api.get("/api/chatbot/drafts", creator_id=creator_id)["items"]
    before = len(platform.messages(creator_id))
    # Nobody here knows of it when the draft is approved; the open thread shows it.
    platform.write_as_fan(creator_id, FAN, "oh, never mind!")
    approved = api.post(f"/api/chatbot/drafts/{drafts[0]['id']}/approve", {})
    _event(live, "message.settled", send_id=approved["send_id"])
    decided = api.get("/api/chatbot/drafts", creator_id=creator_id)["items"][0]
    assert (decided["send_state"], decided["send_reason"]) == ("skipped", "moved_on")
    assert len(platform.messages(creator_id)) == before
