"""What members hear while it happens, on a deployed cloud: what each may see, all of it, once."""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from huntaze.ids import new_id
from local.api_client import ApiClient, ApiError
from local.live_client import LiveSocket, NotAdmittedError
from local.mailbox import Mailbox
from local.postgres import EmbeddedPostgres

pytestmark = pytest.mark.e2e

PASSWORD = "a long enough password"
ROOT = Path(__file__).resolve().parents[2]


class Team:
    """An agency with two creators, its owner, and a chatter who sees the first creator alone."""

    def __init__(self, cloud: Mapping[str, Any]) -> None:
        mark = f"{time.time_ns():x}"
        port = conninfo_to_dict(cloud["database_url"])["port"]
        server = EmbeddedPostgres(Path(cloud["data_dir"]) / "postgres", int(port))
        self._superuser_url = server.superuser_dsn()
        self._functions = boto3.client(
            "lambda",
            endpoint_url=cloud["aws_endpoint_url"],
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        mailbox = Mailbox(cloud["aws_endpoint_url"])
        self.api_url, self.email = cloud["api_url"], f"owner-{mark}@example.com"
        self.owner, self.chatter = ApiClient(cloud["api_url"]), ApiClient(cloud["api_url"])
        email, chatter = self.email, f"chatter-{mark}@example.com"
        person = {"email": email, "password": PASSWORD, "name": "Owner", "workspace_name": "Live"}
        account = self.owner.post("/api/auth/register", person)
        self.owner.log_in_with(account["access_token"])
        self.owner.post("/api/auth/verify-email", {"token": mailbox.token(email)})
        self.workspace_id = self.owner.get("/api/auth/me")["workspace"]["id"]
        self.creators = [
            self.owner.post(
                "/api/management/creators",
                {"platform": "fan_platform", "handle": f"{mark}-{name}", "display_name": name},
            )["id"]
            for name in ("first", "second")
        ]
        place = {"role": "chatter", "creator_ids": self.creators[:1]}
        self.owner.post("/api/management/members", {"email": chatter, **place})
        joined = self.chatter.post(
            "/api/auth/accept-invitation",
            {"token": mailbox.token(chatter), "name": "Chatter", "password": PASSWORD},
        )
        self.chatter.log_in_with(joined["access_token"])

    def happens(
        self, event_type: str, creator: int | None = 0, aggregate: str = "conversation"
    ) -> str:
        """Write an event as a feature does, and nudge the relay; answer what it is about."""
        payload = {} if creator is None else {"creator_id": self.creators[creator]}
        about = str(new_id())
        with psycopg.connect(self._superuser_url) as connection:
            connection.execute(
                "INSERT INTO events_outbox"
                " (workspace_id, aggregate_type, aggregate_id, event_type, payload)"
                " VALUES (%s, %s, %s, %s, %s)",
                (self.workspace_id, aggregate, about, event_type, json.dumps(payload)),
            )
        self._functions.invoke(FunctionName="huntaze-local-outbox_relay", InvocationType="Event")
        return about

    def close(self) -> None:
        """Let go of the connections."""
        self.owner.close()
        self.chatter.close()


@pytest.fixture(scope="module")
def team(cloud: Mapping[str, Any]) -> Iterator[Team]:
    """A team of its own."""
    made = Team(cloud)
    yield made
    made.close()


@pytest.fixture
def listen() -> Iterator[Callable[..., LiveSocket]]:
    """Connect as a member, and resume."""
    opened: list[LiveSocket] = []

    def connect(api: ApiClient, cursor: str | None = None) -> LiveSocket:
        ticket = api.post("/api/realtime/ticket")
        live = LiveSocket(ticket["url"], ticket["ticket"])
        opened.append(live)
        live.say(action="resume", cursor=cursor or ticket["cursor"])
        live.wait_for(lambda message: message["type"] == "resumed")
        return live

    yield connect
    for one in opened:
        one.break_off()


def _about(events: list[dict[str, Any]]) -> list[str]:
    """What events are about, but for those that follow from a team's making."""
    wanted = ("conversation_id", "cost_alert_id")
    return [one["data"][name] for one in events for name in wanted if name in one["data"]]


def _told(live: LiveSocket) -> list[str]:
    """What a member was told on a connection, in order."""
    return [
        about
        for message in live.heard()
        if message["type"] == "events"
        for about in _about(message["items"])
    ]


def _wait_for(live: LiveSocket, about: str) -> None:
    live.wait_for(lambda message: about in _about(message.get("items", [])))


def _cursor(live: LiveSocket) -> str:
    return str([m["cursor"] for m in live.heard() if m.get("cursor")][-1])


def test_an_event_reaches_who_may_see_it_and_nobody_else(
    team: Team, listen: Callable[..., LiveSocket], capsys: pytest.CaptureFixture[str]
) -> None:
    owner, chatter = listen(team.owner), listen(team.chatter)
    delays, all_, theirs = [], [], []
    for number in range(10):
        begun = time.monotonic()
        about = team.happens("message.created", creator=number % 2)
        _wait_for(owner, about)
        delays.append(time.monotonic() - begun)
        all_.append(about)
        theirs += [about] if number % 2 == 0 else []
    alert = team.happens("cost.alert", creator=None, aggregate="cost_alert")
    _wait_for(owner, alert)
    last = team.happens("draft.created")
    _wait_for(owner, last)
    _wait_for(chatter, last)
    assert _told(owner) == [*all_, alert, last]
    assert _told(chatter) == [*theirs, last]
    with capsys.disabled():
        sys.stdout.write(
            f"\nfrom the outbox to the member: median {statistics.median(delays):.2f} s,"
            f" longest {max(delays):.2f} s\n"
        )


def test_who_was_away_gets_what_they_missed_and_nothing_twice(
    team: Team, listen: Callable[..., LiveSocket]
) -> None:
    live = listen(team.owner)
    before = [team.happens("message.created") for _ in range(3)]
    for about in before:
        _wait_for(live, about)
    cursor = _cursor(live)
    live.break_off()
    missed = [team.happens("message.created", creator=number % 2) for number in range(5)]
    # What came while nobody listened, read without a connection: the same, by the same cursors.
    deadline = time.monotonic() + 60
    while True:
        page = team.owner.get("/api/events", cursor=cursor)
        if set(_about(page["items"])) == set(missed):
            break
        assert time.monotonic() < deadline, "the events did not come"
        time.sleep(0.3)
    again = listen(team.owner, cursor)
    assert sorted(_told(again)) == sorted(missed)
    frames = [m for m in again.heard() if m["type"] == "events"]
    assert [item for frame in frames for item in frame["items"]] == page["items"]
    # The chatter goes on from a cursor of the same journal and gets their own part of it.
    part = team.chatter.get("/api/events", cursor=cursor)
    assert set(_about(part["items"])) == set(missed[::2])
    later = team.happens("draft.created")
    _wait_for(again, later)
    assert sorted(_told(again)) == sorted([*missed, later])


def test_a_ticket_is_good_once_and_a_page_of_others_is_turned_away(team: Team) -> None:
    ticket = team.owner.post("/api/realtime/ticket")
    LiveSocket(ticket["url"], ticket["ticket"]).break_off()
    with pytest.raises(NotAdmittedError):
        LiveSocket(ticket["url"], ticket["ticket"])
    foreign = team.owner.post("/api/realtime/ticket")
    with pytest.raises(NotAdmittedError):
        LiveSocket(foreign["url"], foreign["ticket"], origin="https://evil.example")
    with pytest.raises(NotAdmittedError):
        LiveSocket(ticket["url"], "guessed")


def test_a_client_is_told_what_it_got_wrong_and_how_it_lives(
    team: Team, listen: Callable[..., LiveSocket]
) -> None:
    live = listen(team.owner)
    live.say(action="ping")
    pong = live.wait_for(lambda message: message["type"] == "pong")
    assert team.owner.get("/api/events", cursor=pong["cursor"])["items"] == []
    live.say(action="sing")
    live.wait_for(lambda message: "resume and ping" in message.get("detail", ""))
    live.say(action="resume", cursor=pong["cursor"])
    live.wait_for(lambda message: "resumed already" in message.get("detail", ""))
    ticket = team.owner.post("/api/realtime/ticket")
    stale = LiveSocket(ticket["url"], ticket["ticket"])
    stale.say(action="resume", cursor="999999." + "0" * 32)
    assert stale.wait_for(lambda m: m["type"] == "error")["error"] == "CursorExpired"
    stale.break_off()
    with pytest.raises(ApiError, match="CursorExpired"):
        team.owner.get("/api/events", cursor="999999." + "0" * 32)


def test_the_client_for_front_ends_prints_what_happens(team: Team) -> None:
    client = [ROOT / ".tools" / "bin" / "node", ROOT / "client" / "listen.mjs"]
    with subprocess.Popen(
        [*client, team.api_url, team.email, PASSWORD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout
            assert process.stderr
            assert process.stderr.readline() == "listening\n"
            about = team.happens("draft.created")
            heard = json.loads(process.stdout.readline())
        finally:
            process.kill()
    assert (heard["type"], _about([heard])) == ("draft.created", [about])


def test_who_is_logged_out_hears_no_more(team: Team, listen: Callable[..., LiveSocket]) -> None:
    chatter, owner = listen(team.chatter), listen(team.owner)
    heard = team.happens("message.created")
    _wait_for(chatter, heard)
    team.chatter.post("/api/auth/logout")
    after = team.happens("message.created")
    _wait_for(owner, after)
    chatter.heard(5)
    assert chatter.closed
    assert after not in _told(chatter)
