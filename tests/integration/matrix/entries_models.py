"""Who may ask for figures and models: analytics, the assistant, costs, the chatbot."""

from typing import Any

from huntaze.auth import Right
from tests.integration.matrix.entry import Body, Entry, Ids, chosen


def _question(ids: Ids) -> dict[str, Any]:
    return {"question": "How many fans do I have?", "creator_id": ids["creator_id"]}


def _auto_reply(ids: Ids) -> dict[str, Any]:
    condition = {"kind": "first_message"}
    return {"creator_id": ids["creator_id"], "name": "n", "condition": condition, "text": "Hi"}


def _said(**body: Any) -> Body:
    return lambda _: body


def _manner(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"], "personality": "kind"}


MODELS: dict[tuple[str, str], Entry] = {
    **{
        ("get", path): Entry(Right.READ)
        for path in (
            *("/api/analytics/overview", "/api/analytics/revenue", "/api/analytics/fan-growth"),
            *("/api/analytics/platforms", "/api/analytics/top-fans", "/api/analytics/messages"),
            "/api/onlyfans/earnings",
        )
    },
    ("post", "/api/ai/chat"): Entry(Right.READ, _question),
    ("get", "/api/ai/chat/{chat_id}"): Entry(Right.READ),
    ("get", "/api/v2/costs/alert-settings"): Entry(Right.MANAGE),
    ("put", "/api/v2/costs/alert-settings"): Entry(
        Right.MANAGE, lambda _: {"thresholds_percent": [90]}
    ),
    ("get", "/api/v2/costs/alerts"): Entry(Right.MANAGE),
    ("post", "/api/v2/costs/alerts/{alert_id}/acknowledge"): Entry(Right.MANAGE),
    ("get", "/api/v2/costs/breakdown"): Entry(Right.READ),
    ("get", "/api/v2/costs/budget"): Entry(Right.MANAGE),
    ("put", "/api/v2/costs/budget"): Entry(Right.BILL, lambda _: {"monthly_cents": 100}),
    ("get", "/api/v2/costs/forecast"): Entry(Right.READ),
    ("post", "/api/v2/costs/optimize"): Entry(Right.MANAGE, lambda _: {"apply": ["campaign_plan"]}),
    ("get", "/api/v2/costs/stats"): Entry(Right.READ),
    ("get", "/api/ai/config"): Entry(Right.READ),
    ("post", "/api/ai/config"): Entry(Right.MANAGE, _manner, conflict=True),
    ("put", "/api/ai/config"): Entry(Right.MANAGE, _manner),
    ("get", "/api/chatbot/conversations"): Entry(Right.READ),
    ("post", "/api/chatbot/conversations/{conversation_id}/draft"): Entry(
        Right.REPLY, conflict=True
    ),
    ("get", "/api/chatbot/conversations/{conversation_id}/context"): Entry(Right.READ),
    ("patch", "/api/chatbot/conversations/{conversation_id}/context"): Entry(
        Right.WRITE_FANS, _said(summary="s", facts={"pet": "A cat."})
    ),
    ("post", "/api/chatbot/conversations/{conversation_id}/resolve"): Entry(
        Right.REPLY, _said(satisfaction=5)
    ),
    ("get", "/api/chatbot/drafts"): Entry(Right.READ),
    ("post", "/api/chatbot/drafts/{reply_id}/approve"): Entry(Right.REPLY, _said()),
    ("post", "/api/chatbot/drafts/{reply_id}/edit"): Entry(Right.REPLY, _said(text="Hi")),
    ("post", "/api/chatbot/drafts/{reply_id}/reject"): Entry(Right.REPLY, _said()),
    ("get", "/api/chatbot/auto-reply"): Entry(Right.READ),
    ("post", "/api/chatbot/auto-reply"): Entry(Right.APPROVE, _auto_reply),
    ("get", "/api/chatbot/auto-reply/{rule_id}"): Entry(Right.READ),
    ("put", "/api/chatbot/auto-reply/{rule_id}"): Entry(Right.APPROVE, _auto_reply),
    ("delete", "/api/chatbot/auto-reply/{rule_id}"): Entry(Right.APPROVE),
    ("get", "/api/chatbot/state"): Entry(Right.READ),
    ("post", "/api/chatbot/activate"): Entry(Right.APPROVE, chosen()),
    ("post", "/api/chatbot/deactivate"): Entry(Right.APPROVE, chosen()),
    ("post", "/api/chatbot/train"): Entry(Right.APPROVE, chosen(), conflict=True),
    ("get", "/api/chatbot/style"): Entry(Right.READ),
    ("get", "/api/chatbot/proof"): Entry(Right.MANAGE),
    ("post", "/api/chatbot/style/revert"): Entry(Right.APPROVE, chosen(version=1)),
}
