"""How the assistant writes for a creator, through the Lambda handler."""

import json
import re

import pytest

from functions.assistant.config import handler as door
from huntaze.ai.agents import AGENTS, Language, Voice, prefix_of
from huntaze.db import SingleConnection
from huntaze.domain import ai_configs, profiles
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.domain.profiles import ProfileDraft
from huntaze.ids import new_id

DRAFT = {
    "personality": "Warm, short sentences.",
    "response_style": "playful",
    "platforms": ["onlyfans"],
    "custom_responses": [{"when": "how are you", "reply": "better now"}],
    "language": "fr",
    "forbidden_topics": ["my family"],
    "disclosure": "Replies are written with the help of AI.",
}


@pytest.fixture
def call(monkeypatch, as_role, api_event, principal, lambda_context):
    """Ask the route as a member of a workspace; answers (status, body)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)

    def make(method, ids, *, role="owner", **event):
        who = principal(ids.workspace_id, user_id=ids.user_id, role=role)
        sent = api_event(method, "/api/ai/config", principal=who, **event)
        answer = door.handler(sent, lambda_context)
        return answer["statusCode"], json.loads(answer["body"])

    return make


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def read(tenant):
    """Ask something of the domain in a workspace."""

    def ask(ids, question, *given):
        with tenant(ids.workspace_id).transaction() as connection:
            return question(connection, *given)

    return ask


def test_there_is_none_then_one_then_another(call, ids):
    assert call("GET", ids)[1]["error"] == "ConfigMissing"
    status, made = call("POST", ids, body=DRAFT)
    assert status == 201
    assert {name: made[name] for name in DRAFT} == DRAFT
    assert (made["auto_send"], made["auto_send_allowed"]) == (False, True)
    assert call("POST", ids, body=DRAFT) == (
        409,
        {"error": "ConfigExists", "detail": "This creator has a configuration; PUT replaces it."},
    )
    other = {"personality": "Dry.", "creator_id": str(ids.creator_id)}
    replaced = call("PUT", ids, body=other)[1]
    assert (replaced["personality"], replaced["disclosure"]) == ("Dry.", None)
    assert replaced["response_style"] == "friendly"
    assert call("GET", ids)[1] == replaced


def test_an_owner_alone_lets_replies_go_out(call, ids, read):
    on, off = {**DRAFT, "auto_send": True}, {**DRAFT, "auto_send": False}
    status, refusal = call("PUT", ids, role="manager", body=on)
    assert (status, refusal["error"]) == (403, "AutoSendForbidden")
    assert call("GET", ids)[0] == 404
    made = call("PUT", ids, body=on)[1]
    assert (made["auto_send"], made["auto_send_by"]) == (True, str(ids.user_id))
    # What is left out stays.
    assert call("PUT", ids, role="manager", body=DRAFT)[1]["auto_send"]
    assert read(ids, ai_configs.may_auto_send, ids.creator_id)
    assert not call("PUT", ids, role="manager", body=off)[1]["auto_send"]
    assert not read(ids, ai_configs.may_auto_send, ids.creator_id)


def test_who_is_no_owner_any_more_lets_nothing_go_out(call, ids, read, as_role):
    call("PUT", ids, body={**DRAFT, "auto_send": True})
    as_role("master").execute(
        "UPDATE members SET role = 'manager' WHERE workspace_id = %s", (ids.workspace_id,)
    )
    assert not read(ids, ai_configs.may_auto_send, ids.creator_id)
    shown = call("GET", ids, role="manager")[1]
    assert (shown["auto_send"], shown.get("auto_send_by"), shown.get("auto_send_at")) == (
        False,
        None,
        None,
    )


def test_another_owner_turns_on_what_one_who_stepped_down_had(call, ids, read, as_role):
    on = {**DRAFT, "auto_send": True}
    call("PUT", ids, body=on)
    identity, heir = as_role("identity"), new_id()
    identity.execute(
        "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Heir')", (heir, f"{heir}@example.com")
    )
    identity.execute(
        "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, 'owner')",
        (ids.workspace_id, heir),
    )
    as_role("master").execute(
        "UPDATE members SET role = 'manager' WHERE user_id = %s", (ids.user_id,)
    )
    made = call("PUT", ids._replace(user_id=heir), body=on)[1]
    assert (made["auto_send"], made["auto_send_by"]) == (True, str(heir))
    assert read(ids, ai_configs.may_auto_send, ids.creator_id)
    # One more owner who says so changes nothing: it stays the first one's word.
    as_role("master").execute(
        "UPDATE members SET role = 'owner' WHERE user_id = %s", (ids.user_id,)
    )
    assert call("PUT", ids, body=on)[1]["auto_send_by"] == str(heir)


def test_a_platform_that_forbids_it_is_obeyed(call, tenant_factory, read, as_role):
    ids = tenant_factory(platform="onlyfans")
    status, refusal = call("PUT", ids, body={**DRAFT, "auto_send": True})
    assert (status, refusal["fields"]) == (403, {"auto_send": "not on onlyfans"})
    assert call("PUT", ids, body={**DRAFT, "auto_send": False})[1]["auto_send_allowed"] is False
    # Also when it was turned on before the terms changed.
    as_role("master").execute(
        "UPDATE ai_configs SET auto_send_by = %s, auto_send_at = now() WHERE creator_id = %s",
        (ids.user_id, ids.creator_id),
    )
    assert call("GET", ids)[1]["auto_send"] is False
    assert not read(ids, ai_configs.may_auto_send, ids.creator_id)


def test_every_change_is_in_the_audit_log(call, ids, read):
    for auto_send in (True, True, False):
        call("PUT", ids, body={**DRAFT, "auto_send": auto_send})
    entries = read(
        ids,
        lambda connection: connection.execute(
            "SELECT action, facts::jsonb ->> 'on' FROM audit_log WHERE target_id = %s"
            " ORDER BY sequence",
            (ids.creator_id,),
        ).fetchall(),
    )
    changed = "ai_config.auto_send_changed"
    saved = ("ai_config.saved", None)
    assert entries == [saved, (changed, "true"), saved, saved, (changed, "false")]


@pytest.mark.parametrize(
    "wrong",
    [
        {"language": "de"},
        {"forbidden_topics": ["x"] * 51},
        {"forbidden_topics": [""]},
        {"disclosure": "x" * 301},
        {"response_style": "rude"},
        {"auto_send_by": str(new_id())},
    ],
)
def test_what_is_wrong_is_refused_and_not_stored(call, ids, wrong):
    assert call("PUT", ids, body={**DRAFT, **wrong})[0] == 422
    assert call("GET", ids)[0] == 404


def test_the_voice_follows_the_configuration_and_then_the_profile(call, ids, read, as_role, tenant):
    bare = read(ids, ai_configs.voice_of, ids.creator_id)
    assert (bare.language, bare.style, bare.platform) == (Language.EN, "friendly", "fan_platform")
    with tenant(ids.workspace_id).transaction() as connection:
        profile = ProfileDraft(display_name="Ada", language="fr", niche="art")
        profiles.save(connection, ids.user_id, profile)
    as_role("identity").execute("UPDATE users SET language = 'fr' WHERE id = %s", (ids.user_id,))
    assert read(ids, ai_configs.voice_of, ids.creator_id).language is Language.FR
    call("PUT", ids, body={**DRAFT, "language": "en"})
    voice = read(ids, ai_configs.voice_of, ids.creator_id)
    assert (voice.language, voice.style, voice.niche) == (Language.EN, "playful", "art")
    assert voice.forbidden_topics == ("my family",)
    assert voice.disclosure == DRAFT["disclosure"]
    assert [words.reply for words in voice.custom_words] == ["better now"]


def test_who_wrote_the_configuration_may_leave_and_the_language_stays(call, ids, read, as_role):
    identity, writer = as_role("identity"), new_id()
    identity.execute(
        "INSERT INTO users (id, email, name, language) VALUES (%s, %s, 'Bea', 'en')",
        (writer, f"{writer}@example.com"),
    )
    identity.execute(
        "INSERT INTO members (workspace_id, user_id, role, created_at)"
        " VALUES (%s, %s, 'manager', clock_timestamp() + interval '1 day')",
        (ids.workspace_id, writer),
    )
    identity.execute("UPDATE users SET language = 'fr' WHERE id = %s", (ids.user_id,))
    call("PUT", ids._replace(user_id=writer), role="manager", body={"personality": "Warm."})
    # Theirs, though an owner was there before them.
    assert read(ids, ai_configs.voice_of, ids.creator_id).language is Language.EN
    as_role("master").execute("DELETE FROM members WHERE user_id = %s", (writer,))
    assert read(ids, ai_configs.voice_of, ids.creator_id).language is Language.FR


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
def test_every_field_reaches_the_prompts_of_every_agent(call, ids, read, agent):
    said = {
        "personality": ["Warm, short sentences."],
        "response_style": ['"style": "playful"'],
        "custom_responses": ["how are you", "better now"],
        "language": ["Language: French"],
        "forbidden_topics": ["my family"],
        "disclosure": ["Replies are written with the help of AI."],
    }
    # Which platforms it is for is no matter of words.
    assert said.keys() == AiConfigDraft.model_fields.keys() - {"platforms"}
    before = prefix_of(agent, read(ids, ai_configs.voice_of, ids.creator_id))
    call("PUT", ids, body=DRAFT)
    prefix = prefix_of(agent, read(ids, ai_configs.voice_of, ids.creator_id))
    for name, words in said.items():
        assert all(word in prefix and word not in before for word in words), name
    # The same bytes for whoever asks, whenever.
    assert prefix == prefix_of(agent, read(ids, ai_configs.voice_of, ids.creator_id))


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("style", ai_configs.ResponseStyle)
def test_every_style_is_explained_in_every_language(language, style):
    prefix = prefix_of(AGENTS[0], Voice(language=language, platform="onlyfans"))
    explained = prefix.partition("The styles:")[2]
    assert re.search(rf"\b{style.value}\s+[a-z]+s\s", explained)


def test_what_waits_for_the_first_creator_is_handed_over_whole(ids, read):
    draft = AiConfigDraft(personality="Kind.", forbidden_topics=["x"], disclosure="With AI.")
    read(ids, lambda c: ai_configs.save(c, None, draft, by=ids.user_id))
    read(ids, ai_configs.hand_to, ids.creator_id)
    assert read(ids, ai_configs.voice_of, ids.creator_id).disclosure == "With AI."
