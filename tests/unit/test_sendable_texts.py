"""Texts for fans: stored as a form on the platform's page holds them, or refused."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from browser_worker.thread import Held, same_text
from functions.automations.models import AutomationDraft
from functions.automations.steps import SendMessage
from functions.campaigns.models import CampaignChanges, CampaignDraft, Variant
from functions.chatbot.shapes import AutoReplyDraft, Edit
from functions.conversations.messages.models import AddressedReply, ReplyDraft
from functions.conversations.models import DirectMessage
from huntaze.domain.ai_configs import AiConfig, AiConfigDraft
from huntaze.domain.conversations.quick_replies import QuickReplyDraft
from huntaze.domain.outbound.texts import sendable
from huntaze.ids import new_id

ID = str(new_id())
TYPED = "a\rb\r\nc\n\td"
HELD = "a\nb\nc\n\td"

WAYS_IN: Mapping[str, tuple[type[BaseModel], Callable[[str], dict[str, Any]]]] = {
    "direct message": (DirectMessage, lambda text: {"fan_id": ID, "message": text}),
    "reply": (ReplyDraft, lambda text: {"message": text}),
    "addressed reply": (AddressedReply, lambda text: {"message": text, "conversation_id": ID}),
    "quick reply": (QuickReplyDraft, lambda text: {"name": "n", "text": text}),
    "edited draft": (Edit, lambda text: {"text": text}),
    "auto reply": (
        AutoReplyDraft,
        lambda text: {"name": "n", "condition": {"kind": "first_message"}, "text": text},
    ),
    "campaign": (CampaignDraft, lambda text: {"name": "n", "message": text}),
    "changed campaign": (CampaignChanges, lambda text: {"message": text}),
    "variant": (CampaignChanges, lambda text: {"variants": [{"label": "A", "message": text}]}),
    "automation": (
        AutomationDraft,
        lambda text: {
            "name": "n",
            "trigger": {"kind": "new_subscriber"},
            "steps": [{"id": "say", "kind": "send_message", "text": text}],
        },
    ),
    "disclosure": (AiConfigDraft, lambda text: {"personality": "p", "disclosure": text}),
}


def said_in(draft: BaseModel) -> str:
    """The text of a draft, wherever in it that stands."""
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, Mapping):
            for name, inner in value.items():
                if name in {"message", "text", "disclosure"} and isinstance(inner, str):
                    found.append(inner)
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(draft.model_dump())
    (text,) = found
    return text


@pytest.mark.parametrize("way", WAYS_IN)
def test_every_line_break_is_stored_as_a_form_holds_it(way: str) -> None:
    model, body = WAYS_IN[way]
    assert said_in(model.model_validate(body(TYPED))) == HELD


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("control", ["\x01", "\x08", "\x0b", "\x0c", "\x1b", "\x1f"])
def test_a_control_is_refused_in_plain_words(way: str, control: str) -> None:
    model, body = WAYS_IN[way]
    with pytest.raises(ValidationError, match="must hold no control characters"):
        model.model_validate(body(f"a{control}b"))


def test_what_was_stored_before_can_be_read() -> None:
    stored = Variant.model_validate({"label": "A", "message": "a\x01b\rc"})
    assert stored.message == "a\x01b\rc"
    step = SendMessage.model_validate({"id": "say", "kind": "send_message", "text": "a\x01b"})
    assert step.text == "a\x01b"
    assert AiConfig.model_fields["disclosure"].metadata == []


@given(st.text())
def test_a_text_that_is_taken_is_what_the_form_then_holds(text: str) -> None:
    try:
        stored = sendable(text)
    except ValueError:
        return
    # What the standard makes of a textarea's value: https://infra.spec.whatwg.org/#normalize-newlines
    held = stored.replace("\r\n", "\n").replace("\r", "\n")
    assert held == stored
    assert sendable(stored) == stored
    assert same_text(Held(held, exact=True, price="", media=[]), text)


def test_a_form_that_holds_other_words_is_told_apart() -> None:
    held = Held("a\nb", exact=True, price="", media=[])
    assert same_text(held, "a\rb")
    assert not same_text(held, "a b")
    assert not same_text(held, "a\n\nb")
    assert same_text(Held("a  b", exact=False, price="", media=[]), "a\rb")
