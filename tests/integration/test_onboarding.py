"""Onboarding as the front end walks it: any order, any number of times."""

import json
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import Mock

import pytest

from functions.onboarding import handler as door
from huntaze import clients, outbox
from huntaze.db import Connection, SingleConnection
from huntaze.domain import ai_configs
from huntaze.domain.creators import accounts
from huntaze.domain.creators.accounts import CreatorDraft
from huntaze.entry import UnhandledError
from huntaze.platforms.limits import LaneLimits
from huntaze.settings import load

PROFILE = {
    "display_name": "Ada",
    "bio": "I draw.",
    "time_zone": "Europe/Paris",
    "language": "fr",
    "niche": "art",
    "goals": ["more regulars"],
}
AI_CONFIG = {
    "personality": "Warm, short sentences.",
    "response_style": "playful",
    "platforms": ["fan_platform"],
    "custom_responses": [{"when": "how are you", "reply": "better now"}],
}
PLATFORM = {
    "platform": "fan_platform",
    "handle": "ada",
    "username": "ada",
    "password": "hunter2-hunter2",
    "consent": True,
}


@pytest.fixture
def aws(as_role: Callable[[str], Connection], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """What AWS was asked: ``secrets`` and ``queue``; the feature is wired to the database."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    fake = Mock()
    fake.queue.send_message_batch.return_value = {"Successful": [{}]}
    monkeypatch.setattr(clients, "secrets", lambda: fake.secrets)
    monkeypatch.setattr(clients, "sqs", lambda: fake.queue)
    monkeypatch.setenv("LANES_QUEUE_URL", "https://queue")
    monkeypatch.setenv("CREDENTIALS_PREFIX", "of/creds/")
    monkeypatch.setenv("CREDENTIALS_KEY_ARN", "arn:aws:kms:us-east-1:000000000000:key/x")
    load.cache_clear()
    yield fake
    load.cache_clear()


@pytest.fixture
def ids(aws, as_role, tenant_factory, tenant):  # noqa: ARG001  (the door is wired first)
    """A workspace as registration leaves it: without a creator."""
    made = tenant_factory()
    with tenant(made.workspace_id).transaction() as connection:
        connection.execute("DELETE FROM creators")
    return made


@pytest.fixture
def call(api_event, lambda_context, principal, ids) -> Callable[..., Any]:
    def ask(method: str, step: str = "", body: Any = None, status: int = 200, **who: Any) -> Any:
        member = principal(ids.workspace_id, user_id=ids.user_id, **who)
        path = f"/api/onboarding/{step}".rstrip("/")
        answer = door.handler(api_event(method, path, body=body, principal=member), lambda_context)
        assert answer["statusCode"] == status, answer["body"]
        return json.loads(answer["body"])

    return ask


def test_a_new_workspace_has_everything_before_it(call):
    assert call("GET") == {
        "profile": None,
        "ai_config": None,
        "platform": None,
        "missing": ["profile", "ai_config", "platform"],
        "completed_at": None,
    }


def test_it_is_walked_to_its_end(call, aws):
    assert call("POST", "save-profile", PROFILE)["missing"] == ["ai_config", "platform"]
    waiting = call("POST", "save-ai-config", AI_CONFIG)
    assert (waiting["ai_config"]["creator_id"], waiting["missing"]) == (None, ["platform"])
    connected = call("POST", "connect-platform", PLATFORM, status=202)
    assert connected["missing"] == []
    assert connected["platform"]["stop_reason"] == "not_connected"
    # What was said before there was a creator is this creator's now.
    assert connected["ai_config"]["creator_id"] == connected["platform"]["creator_id"]
    secret = aws.secrets.create_secret.call_args.kwargs
    assert secret["Name"] == f"of/creds/{connected['platform']['creator_id']}"
    assert json.loads(secret["SecretString"])["password"] == PLATFORM["password"]
    assert aws.queue.send_message_batch.called
    done = call("POST", "complete")
    assert done["completed_at"]
    assert call("POST", "complete") == done == call("GET")
    profile = {name: done["profile"][name] for name in PROFILE}
    assert profile == PROFILE


def test_the_worker_is_ordered_and_the_consent_recorded(call, ids, tenant):
    creator_id = call("POST", "connect-platform", PLATFORM, status=202)["platform"]["creator_id"]
    with tenant(ids.workspace_id).transaction() as connection:
        consent = connection.execute(
            "SELECT driver_consent_by FROM creators WHERE id = %s", (creator_id,)
        ).fetchone()
        orders = connection.execute("SELECT kind, payload FROM creator_commands").fetchall()
    assert consent == (ids.user_id,)
    assert orders == [("connect", {"secret_id": f"of/creds/{creator_id}"})]


def test_connecting_again_makes_no_second_creator(call):
    first = call("POST", "connect-platform", PLATFORM, status=202)
    again = call("POST", "connect-platform", {**PLATFORM, "password": "other"}, status=202)
    assert again["platform"]["creator_id"] == first["platform"]["creator_id"]


def test_a_try_that_the_vault_refused_can_be_repeated(call, aws):
    aws.secrets.create_secret.side_effect = RuntimeError("the vault is away")
    with pytest.raises(UnhandledError):
        call("POST", "connect-platform", PLATFORM)
    aws.secrets.create_secret.side_effect = None
    assert call("POST", "connect-platform", PLATFORM, status=202)["platform"]


def test_steps_may_come_in_any_order_and_again(call):
    call("POST", "connect-platform", PLATFORM, status=202)
    saved = call("POST", "save-ai-config", AI_CONFIG)
    assert saved["ai_config"]["creator_id"] == saved["platform"]["creator_id"]
    changed = call("POST", "save-ai-config", {"personality": "Dry."})["ai_config"]
    assert (changed["personality"], changed["custom_responses"]) == ("Dry.", [])


def test_what_waits_is_the_first_creators_however_it_is_added(call, ids, tenant):
    call("POST", "save-ai-config", {**AI_CONFIG, "forbidden_topics": ["my family"]})
    store = tenant(ids.workspace_id)
    limits = {"fan_platform": LaneLimits(messages_per_minute=60, min_gap_ms=0)}
    first, second = (
        accounts.add(
            store, CreatorDraft(platform="fan_platform", handle=handle), limits, by=ids.user_id
        )
        for handle in ("ada", "bea")
    )
    with store.transaction() as connection:
        assert ai_configs.voice_of(connection, first).forbidden_topics == ("my family",)
        assert ai_configs.voice_of(connection, second).forbidden_topics == ()
    # Onboarding goes on where it was, and what it says counts for whoever is there.
    assert call("GET")["ai_config"]["creator_id"] == str(first)
    assert call("POST", "save-ai-config", AI_CONFIG)["ai_config"]["creator_id"] == str(first)
    with store.transaction() as connection:
        assert ai_configs.voice_of(connection, first).forbidden_topics == ()
        assert ai_configs.read(connection, None) is None


def test_it_is_not_complete_before_it_is(call):
    call("POST", "save-profile", PROFILE)
    refusal = call("POST", "complete", status=409)
    assert set(refusal["fields"]) == {"ai_config", "platform"}
    assert call("GET")["completed_at"] is None


def test_without_consent_nothing_is_made(call, aws, ids, tenant):
    refusal = call("POST", "connect-platform", {**PLATFORM, "consent": False}, status=422)
    assert refusal["error"] == "ConsentMissing"
    assert not aws.secrets.create_secret.called
    with tenant(ids.workspace_id).transaction() as connection:
        assert connection.execute("SELECT count(*) FROM creators").fetchone() == (0,)


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("save-profile", {}),
        ("save-profile", {**PROFILE, "time_zone": "Mars/Base"}),
        ("save-profile", {**PROFILE, "language": "de"}),
        ("save-profile", {**PROFILE, "goals": ["x"] * 11}),
        ("save-profile", {**PROFILE, "role": "owner"}),
        ("save-ai-config", {**AI_CONFIG, "response_style": "rude"}),
        ("save-ai-config", {**AI_CONFIG, "personality": " "}),
        ("save-ai-config", {**AI_CONFIG, "custom_responses": [{"when": "x"}]}),
        ("connect-platform", {**PLATFORM, "platform": "myspace"}),
        ("connect-platform", {**PLATFORM, "password": ""}),
        ("connect-platform", {**PLATFORM, "messages_per_minute": 5000}),
    ],
)
def test_bad_steps_are_refused_and_change_nothing(call, step, body):
    before = call("GET")
    call("POST", step, body, status=422)
    assert call("GET") == before


@pytest.mark.parametrize("role", ["chatter", "analyst"])
def test_it_is_for_those_who_manage(call, role):
    call("GET", status=403, role=role)
    call("POST", "save-profile", PROFILE, status=403, role=role)


def test_a_manager_of_some_creators_does_not_set_up_the_workspace(call, ids):
    call("GET", status=403, role="manager", creators=[ids.creator_id])
