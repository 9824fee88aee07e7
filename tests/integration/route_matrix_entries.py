"""Every operation of the API: who may call it, and a request that it takes.

``test_route_matrix`` holds it against the OpenAPI document; a route without an entry fails there.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from huntaze.auth import Right

# Ids of a workspace by what they are of.
type Ids = Mapping[str, str]
type Body = Callable[[Ids], dict[str, Any]]

EVERYONE = {"kind": "everyone"}
# Anonymous on purpose, because a caller comes here to become somebody or to read what is public.
PUBLIC = {
    ("post", "/api/auth/register"),
    ("post", "/api/auth/login"),
    ("post", "/api/auth/refresh"),
    ("post", "/api/auth/accept-invitation"),
    ("get", "/api/auth/oauth/{provider}/callback"),
    ("get", "/api/auth/oauth/{provider}/start"),
    ("post", "/api/auth/forgot-password"),
    ("post", "/api/auth/magic-link"),
    ("post", "/api/auth/magic-link/consume"),
    ("post", "/api/auth/resend-verification"),
    ("post", "/api/auth/reset-password"),
    ("post", "/api/auth/verify-email"),
    ("get", "/api/auth/jwks.json"),
    # Stripe comes here, known by its signature; `billing/test_billing_events` asks it.
    ("post", "/api/webhooks/stripe"),
    # So does a platform; `pushes/test_door` asks it.
    ("post", "/api/webhooks/platforms/{name}"),
    ("get", "/api/billing/plans"),
    ("get", "/api/docs"),
    ("get", "/api/health"),
    ("get", "/api/openapi.json"),
}


class Entry(NamedTuple):
    """What an operation needs.

    Args:
        right: What the role must have; None is nothing but being a member.
        body: Makes a body that it takes.
        conflict: The workspace of the test is in no state for it; whoever may call gets 409.
        ended: It is for a campaign that has ended.
        of_caller: It is about the caller alone, whatever creators the caller may see.
        operator: It is for operators of the platform, whatever their role in a workspace.
    """

    right: Right | None
    body: Body | None = None
    conflict: bool = False
    ended: bool = False
    of_caller: bool = False
    operator: bool = False


def _flag(_: Ids) -> dict[str, Any]:
    return {"flag": "hybrid_campaigns", "share_percent": 10, "version": 0, "reason": "r"}


def _question(ids: Ids) -> dict[str, Any]:
    return {"question": "How many fans do I have?", "creator_id": ids["creator_id"]}


def _named(**more: Any) -> Body:
    return lambda ids: {"creator_id": ids["creator_id"], "name": "n", **more}


def _import(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"], "content": "platform_id,handle\n1,a\n"}


def _money(ids: Ids) -> dict[str, Any]:
    header = "transaction_id,platform_id,type,amount,created_at"
    return {"creator_id": ids["creator_id"], "content": f"{header}\n1,1,tip,1.00,2026-01-01\n"}


def _fan(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"], "handle": "new"}


def _new_account(_: Ids) -> dict[str, Any]:
    account = {"platform": "fan_platform", "handle": "another"}
    return {**account, "username": "u", "password": "p", "consent": True}


def _members(ids: Ids) -> dict[str, Any]:
    return {"fan_ids": [ids["fan_id"]]}


def _medium(ids: Ids) -> dict[str, Any]:
    return {
        "creator_id": ids["creator_id"],
        "platform_media_id": "new",
        "kind": "photo",
        "title": "t",
    }


def _entry(ids: Ids) -> dict[str, Any]:
    local_at = (datetime.now(UTC) + timedelta(days=9)).strftime("%Y-%m-%dT12:00")
    return {"media_id": ids["media_id"], "local_at": local_at, "time_zone": "Europe/Paris"}


def _campaign(ids: Ids) -> dict[str, Any]:
    return {
        **{key: ids[key] for key in ("creator_id", "segment_id")},
        "name": "n",
        "message": "hello",
        "price_cents": 500,
        "media_ids": [ids["media_id"]],
    }


def _of_creator(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"]}


def _about() -> Body:
    return lambda ids: {"creator_id": ids["creator_id"], "subject": "tea"}


def _automation(ids: Ids) -> dict[str, Any]:
    steps = [{"id": "s", "kind": "add_tag", "tag": "t"}]
    trigger = {"kind": "new_subscriber"}
    return {"creator_id": ids["creator_id"], "name": "n", "trigger": trigger, "steps": steps}


def _auto_reply(ids: Ids) -> dict[str, Any]:
    condition = {"kind": "first_message"}
    return {"creator_id": ids["creator_id"], "name": "n", "condition": condition, "text": "Hi"}


def _said(**body: Any) -> Body:
    return lambda _: body


def _whom(ids: Ids) -> dict[str, Any]:
    return {"fan_id": ids["fan_id"]}


def _manner(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"], "personality": "kind"}


def _hybrid(ids: Ids) -> dict[str, Any]:
    named = {key: ids[key] for key in ("creator_id", "segment_id")}
    return {**named, "media_ids": [ids["media_id"]], "goal": "Say thank you", "price_cents": 500}


def _changes(ids: Ids) -> dict[str, Any]:
    return {"segment_id": ids["segment_id"], "media_ids": [ids["media_id"]]}


def _direct(ids: Ids) -> dict[str, Any]:
    return {
        **{key: ids[key] for key in ("creator_id", "fan_id")},
        "message": "hello",
        "price_cents": 500,
        "media_ids": [ids["media_id"]],
    }


def _with_fan(ids: Ids) -> dict[str, Any]:
    return {key: ids[key] for key in ("creator_id", "fan_id")}


def _reply(ids: Ids) -> dict[str, Any]:
    return {
        "message": "hello",
        "price_cents": 500,
        "media_ids": [ids["media_id"]],
        "message_id": ids["message_id"],
    }


def _addressed(ids: Ids) -> dict[str, Any]:
    return {**_reply(ids), "conversation_id": ids["conversation_id"]}


def _creator(_: Ids) -> dict[str, Any]:
    return {"platform": "fan_platform", "handle": "new"}


def _chosen(**more: Any) -> Body:
    return lambda ids: {"creator_id": ids["creator_id"], **more}


_CONNECT = {"username": "u", "password": "p", "consent": True}
_SESSION = {
    "storage_state": {"cookies": [{"name": "s", "value": "v", "domain": "d"}]},
    "consent": True,
}


def _order(_: Ids) -> dict[str, Any]:
    return {"plan": "pro"}


_FANS: dict[tuple[str, str], Entry] = {
    ("get", ""): Entry(Right.READ),
    ("post", ""): Entry(Right.WRITE_FANS, _fan),
    ("get", "/export"): Entry(Right.READ),
    ("post", "/import"): Entry(Right.IMPORT, _import),
    ("post", "/imports/uploads"): Entry(
        Right.IMPORT, lambda ids: {"creator_id": ids["creator_id"]}
    ),
    ("get", "/imports/{import_id}"): Entry(Right.IMPORT),
    ("delete", "/imports/{import_id}"): Entry(Right.IMPORT),
    ("get", "/{fan_id}"): Entry(Right.READ),
    ("patch", "/{fan_id}"): Entry(Right.WRITE_FANS, lambda _: {"notes": "n"}),
    ("delete", "/{fan_id}"): Entry(Right.ERASE_FANS),
    ("post", "/{fan_id}/suppress"): Entry(Right.WRITE_FANS),
    ("delete", "/{fan_id}/suppress"): Entry(Right.WRITE_FANS),
}
_CONVERSATIONS: dict[tuple[str, str], Entry] = {
    ("get", ""): Entry(Right.READ),
    ("post", ""): Entry(Right.REPLY, _with_fan),
    ("get", "/figures"): Entry(Right.READ),
    ("get", "/{conversation_id}"): Entry(Right.READ),
    ("patch", "/{conversation_id}"): Entry(Right.REPLY, lambda _: {"state": "done"}),
    ("delete", "/{conversation_id}"): Entry(Right.REPLY),
    ("get", "/{conversation_id}/messages"): Entry(Right.READ),
    ("post", "/{conversation_id}/messages"): Entry(Right.REPLY, _reply),
    ("get", "/{conversation_id}/notes"): Entry(Right.READ),
    ("post", "/{conversation_id}/notes"): Entry(Right.REPLY, lambda _: {"text": "n"}),
    ("delete", "/{conversation_id}/notes/{note_id}"): Entry(Right.REPLY),
}
_CAMPAIGNS: dict[tuple[str, str], Entry] = {
    ("get", ""): Entry(Right.READ),
    ("post", ""): Entry(Right.WRITE_CAMPAIGNS, _campaign),
    ("get", "/templates"): Entry(Right.READ),
    ("get", "/{campaign_id}"): Entry(Right.READ),
    ("patch", "/{campaign_id}"): Entry(Right.WRITE_CAMPAIGNS, _changes),
    ("delete", "/{campaign_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/dry-run"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/launch"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/approve"): Entry(Right.APPROVE, lambda _: {}, conflict=True),
    ("post", "/{campaign_id}/reject"): Entry(Right.APPROVE, lambda _: {}, conflict=True),
    ("post", "/{campaign_id}/pause"): Entry(Right.WRITE_CAMPAIGNS, conflict=True),
    ("post", "/{campaign_id}/resume"): Entry(Right.WRITE_CAMPAIGNS, conflict=True),
    ("post", "/{campaign_id}/cancel"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/{campaign_id}/unsend"): Entry(Right.APPROVE, ended=True),
    ("post", "/{campaign_id}/test-message"): Entry(
        Right.WRITE_CAMPAIGNS, lambda ids: {"fan_id": ids["fan_id"]}
    ),
    ("get", "/{campaign_id}/recipients"): Entry(Right.READ),
    ("post", "/{campaign_id}/recipients/{recipient_id}/settle"): Entry(
        Right.APPROVE, lambda _: {"decision": "assume_sent"}, ended=True
    ),
    ("get", "/{campaign_id}/metrics"): Entry(Right.READ),
    ("get", "/{campaign_id}/forecast"): Entry(Right.READ),
}


def _under(prefix: str, entries: dict[tuple[str, str], Entry]) -> dict[tuple[str, str], Entry]:
    return {(method, prefix + path): entry for (method, path), entry in entries.items()}


MATRIX: dict[tuple[str, str], Entry] = {
    ("post", "/api/auth/logout"): Entry(None, of_caller=True),
    ("post", "/api/auth/oauth/link"): Entry(None, lambda _: {"provider": "github"}, of_caller=True),
    ("get", "/api/auth/me"): Entry(None, of_caller=True),
    ("get", "/api/auth/workspaces"): Entry(None, of_caller=True),
    ("post", "/api/auth/workspaces/{workspace_id}/switch"): Entry(None, of_caller=True),
    ("get", "/api/auth/sessions"): Entry(None, of_caller=True),
    ("delete", "/api/auth/sessions"): Entry(None, of_caller=True),
    ("get", "/api/auth/sessions/{session_id}"): Entry(None, of_caller=True),
    ("delete", "/api/auth/sessions/{session_id}"): Entry(None, of_caller=True),
    ("get", "/api/billing/subscription"): Entry(Right.READ),
    ("get", "/api/billing/invoices"): Entry(Right.BILL),
    ("post", "/api/billing/checkout"): Entry(Right.BILL, _order),
    ("post", "/api/billing/portal"): Entry(Right.BILL, lambda _: {}),
    ("post", "/api/stripe/create-checkout"): Entry(Right.BILL, _order),
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
    ("get", "/api/content"): Entry(Right.READ),
    ("post", "/api/content"): Entry(Right.WRITE_CAMPAIGNS, _medium),
    ("get", "/api/content/schedule"): Entry(Right.READ),
    ("post", "/api/content/schedule"): Entry(Right.WRITE_CAMPAIGNS, _entry),
    ("delete", "/api/content/schedule/{entry_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/uploads"): Entry(
        Right.WRITE_CAMPAIGNS, _chosen(content_type="image/jpeg", title="t")
    ),
    ("get", "/api/content/uploads/{upload_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/uploads/{upload_id}/complete"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/generate"): Entry(Right.WRITE_CAMPAIGNS, _about()),
    ("post", "/api/content/ideas"): Entry(Right.WRITE_CAMPAIGNS, _of_creator),
    ("post", "/api/content/captions"): Entry(Right.WRITE_CAMPAIGNS, _about()),
    ("post", "/api/content/hashtags"): Entry(Right.WRITE_CAMPAIGNS, _about()),
    ("post", "/api/content/pipelines"): Entry(Right.WRITE_CAMPAIGNS, _of_creator),
    ("get", "/api/content/pipelines/{plan_id}"): Entry(Right.READ),
    ("post", "/api/content/pipelines/{plan_id}/cancel"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/content/pipelines/{plan_id}/resume"): Entry(
        Right.WRITE_CAMPAIGNS, conflict=True
    ),
    ("post", "/api/content/drafts/{draft_id}/decide"): Entry(
        Right.WRITE_CAMPAIGNS, lambda _: {"decision": "reject"}
    ),
    ("get", "/api/content/{media_id}"): Entry(Right.READ),
    ("get", "/api/content/{media_id}/usage"): Entry(Right.READ),
    ("patch", "/api/content/{media_id}"): Entry(Right.WRITE_CAMPAIGNS, lambda _: {"title": "new"}),
    ("delete", "/api/content/{media_id}"): Entry(Right.WRITE_CAMPAIGNS),
    **_under("/api/crm/fans", _FANS),
    **_under("/api/onlyfans/subscribers", _FANS),
    ("get", "/api/crm/transactions"): Entry(Right.READ),
    ("post", "/api/crm/transactions/import"): Entry(Right.IMPORT, _money),
    ("get", "/api/crm/lists"): Entry(Right.READ),
    ("post", "/api/crm/lists"): Entry(Right.WRITE_FANS, _named()),
    ("get", "/api/crm/lists/{list_id}"): Entry(Right.READ),
    ("delete", "/api/crm/lists/{list_id}"): Entry(Right.WRITE_FANS),
    ("post", "/api/crm/lists/{list_id}/fans"): Entry(Right.WRITE_FANS, _members),
    ("delete", "/api/crm/lists/{list_id}/fans"): Entry(Right.WRITE_FANS, _members),
    ("get", "/api/health/hybrid-orchestrator"): Entry(None, operator=True),
    ("get", "/api/admin/feature-flags"): Entry(None, operator=True),
    ("put", "/api/admin/feature-flags"): Entry(None, _flag, operator=True),
    # Everybody's are their own, whatever creators they see.
    ("get", "/api/events"): Entry(Right.READ, of_caller=True),
    ("post", "/api/realtime/ticket"): Entry(Right.READ, of_caller=True),
    ("get", "/api/notifications"): Entry(Right.READ, of_caller=True),
    ("post", "/api/notifications/read-all"): Entry(Right.READ, of_caller=True),
    ("post", "/api/notifications/{notification_id}/read"): Entry(Right.READ),
    ("get", "/api/onboarding"): Entry(Right.MANAGE),
    ("post", "/api/onboarding/save-profile"): Entry(
        Right.MANAGE, lambda _: {"display_name": "n"}, of_caller=True
    ),
    ("post", "/api/onboarding/save-ai-config"): Entry(
        Right.MANAGE, lambda _: {"personality": "p"}, of_caller=True
    ),
    ("post", "/api/onboarding/connect-platform"): Entry(Right.MANAGE, _new_account),
    ("post", "/api/onboarding/complete"): Entry(Right.MANAGE, of_caller=True),
    ("get", "/api/management/profile"): Entry(None, of_caller=True),
    ("put", "/api/management/profile"): Entry(
        None, lambda _: {"display_name": "n"}, of_caller=True
    ),
    ("get", "/api/management/notifications"): Entry(None, of_caller=True),
    ("put", "/api/management/notifications"): Entry(
        None, lambda _: {"digest": "daily"}, of_caller=True
    ),
    # Who works for some creators reads what the workspace is called, and changes nothing of it.
    ("get", "/api/management/settings"): Entry(Right.READ),
    ("put", "/api/management/settings"): Entry(
        Right.MANAGE, lambda _: {"name": "n"}, of_caller=True
    ),
    ("get", "/api/management/creators"): Entry(Right.READ),
    ("post", "/api/management/creators"): Entry(Right.MANAGE, _creator),
    ("get", "/api/management/creators/{creator_id}"): Entry(Right.READ),
    ("patch", "/api/management/creators/{creator_id}"): Entry(
        Right.MANAGE, lambda _: {"display_name": "d"}
    ),
    ("delete", "/api/management/creators/{creator_id}"): Entry(Right.MANAGE, conflict=True),
    ("get", "/api/management/members"): Entry(Right.READ),
    ("post", "/api/management/members"): Entry(
        Right.INVITE,
        lambda ids: {
            "email": "new@example.com",
            "role": "chatter",
            "creator_ids": [ids["creator_id"]],
        },
    ),
    ("get", "/api/management/invitations"): Entry(Right.MANAGE, of_caller=True),
    ("delete", "/api/management/invitations/{invitation_id}"): Entry(Right.INVITE, of_caller=True),
    # Who works for which creators is known to all members.
    ("patch", "/api/management/members/{member_id}"): Entry(
        Right.MANAGE, lambda _: {"role": "analyst"}, of_caller=True
    ),
    ("delete", "/api/management/members/{member_id}"): Entry(Right.MANAGE, of_caller=True),
    ("post", "/api/management/members/{member_id}/transfer-ownership"): Entry(
        Right.GOVERN, of_caller=True
    ),
    ("get", "/api/management/account"): Entry(Right.READ),
    ("delete", "/api/management/account"): Entry(
        Right.GOVERN, lambda _: {"workspace_name": "Test"}, of_caller=True
    ),
    ("post", "/api/management/account/keep"): Entry(Right.GOVERN, conflict=True, of_caller=True),
    # The workspace's only owner.
    ("delete", "/api/management/account/me"): Entry(None, conflict=True, of_caller=True),
    ("post", "/api/management/export"): Entry(Right.MANAGE, lambda ids: {"fan_id": ids["fan_id"]}),
    ("get", "/api/management/export/{export_id}"): Entry(Right.MANAGE),
    ("get", "/api/management/export/{export_id}/files"): Entry(Right.MANAGE),
    ("get", "/api/management/audit-log"): Entry(Right.MANAGE),
    ("get", "/api/management/audit-log/verify"): Entry(Right.MANAGE),
    **_under("/api/marketing/campaigns", _CAMPAIGNS),
    **_under("/api/of/campaigns", _CAMPAIGNS),
    ("post", "/api/v2/campaigns/hybrid"): Entry(Right.WRITE_CAMPAIGNS, _hybrid),
    ("get", "/api/v2/campaigns/hybrid/forecast"): Entry(Right.READ),
    ("post", "/api/v2/campaigns/hybrid/{workflow_id}/resume"): Entry(
        Right.WRITE_CAMPAIGNS, conflict=True
    ),
    ("get", "/api/v2/campaigns/status"): Entry(Right.READ),
    ("get", "/api/marketing/automations"): Entry(Right.READ),
    ("post", "/api/marketing/automations"): Entry(Right.WRITE_CAMPAIGNS, _automation),
    ("get", "/api/marketing/automations/{automation_id}"): Entry(Right.READ),
    ("put", "/api/marketing/automations/{automation_id}"): Entry(
        Right.WRITE_CAMPAIGNS, _automation
    ),
    ("delete", "/api/marketing/automations/{automation_id}"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/marketing/automations/{automation_id}/enable"): Entry(Right.APPROVE),
    ("post", "/api/marketing/automations/{automation_id}/disable"): Entry(Right.WRITE_CAMPAIGNS),
    ("post", "/api/marketing/automations/{automation_id}/test"): Entry(
        Right.WRITE_CAMPAIGNS, _whom
    ),
    ("get", "/api/marketing/automations/{automation_id}/runs"): Entry(Right.READ),
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
    ("post", "/api/chatbot/activate"): Entry(Right.APPROVE, _chosen()),
    ("post", "/api/chatbot/deactivate"): Entry(Right.APPROVE, _chosen()),
    ("post", "/api/chatbot/train"): Entry(Right.APPROVE, _chosen(), conflict=True),
    ("get", "/api/chatbot/style"): Entry(Right.READ),
    ("get", "/api/chatbot/proof"): Entry(Right.MANAGE),
    ("post", "/api/chatbot/style/revert"): Entry(Right.APPROVE, _chosen(version=1)),
    ("get", "/api/marketing/segments"): Entry(Right.READ),
    ("post", "/api/marketing/segments"): Entry(Right.WRITE_CAMPAIGNS, _named(rules=EVERYONE)),
    ("post", "/api/marketing/segments/preview"): Entry(Right.READ, _chosen(rules=EVERYONE)),
    ("get", "/api/marketing/segments/{segment_id}"): Entry(Right.READ),
    ("put", "/api/marketing/segments/{segment_id}"): Entry(
        Right.WRITE_CAMPAIGNS, _named(rules=EVERYONE)
    ),
    ("delete", "/api/marketing/segments/{segment_id}"): Entry(Right.WRITE_CAMPAIGNS, conflict=True),
    ("get", "/api/marketing/segments/{segment_id}/fans"): Entry(Right.READ),
    ("post", "/api/of/connect"): Entry(Right.CONNECT, _chosen(**_CONNECT)),
    ("post", "/api/of/connect/code"): Entry(Right.CONNECT, _chosen(code="123456")),
    ("post", "/api/of/session"): Entry(Right.CONNECT, _chosen(**_SESSION)),
    ("post", "/api/of/resume"): Entry(Right.CONNECT, _chosen()),
    ("post", "/api/of/sync"): Entry(Right.CONNECT, _chosen()),
    ("post", "/api/of/disconnect"): Entry(Right.CONNECT, _chosen()),
    ("get", "/api/of/status"): Entry(Right.READ),
    ("post", "/api/of/webhook"): Entry(Right.CONNECT, _chosen(secret="s" * 40)),
    ("get", "/api/of/webhook"): Entry(Right.CONNECT),
    ("delete", "/api/of/webhook"): Entry(Right.CONNECT),
    ("post", "/api/of/send"): Entry(Right.REPLY, _direct),
    ("get", "/api/of/send/{send_id}"): Entry(Right.READ),
    ("delete", "/api/of/send/{send_id}"): Entry(Right.REPLY),
    # The matrix's message waits: its outcome is not unknown.
    ("post", "/api/of/send/{send_id}/settle"): Entry(
        Right.REPLY, lambda _: {"decision": "assume_sent"}, conflict=True
    ),
    ("get", "/api/of/inbox"): Entry(Right.READ),
    ("get", "/api/of/threads"): Entry(Right.READ),
    ("get", "/api/of/threads/{conversation_id}"): Entry(Right.READ),
    **{
        (method, f"/api/crm/conversations{path}"): entry
        for (method, path), entry in _CONVERSATIONS.items()
    },
    ("get", "/api/crm/quick-replies"): Entry(Right.READ),
    ("post", "/api/crm/quick-replies"): Entry(Right.REPLY, _named(text="hello")),
    ("get", "/api/crm/quick-replies/{quick_reply_id}"): Entry(Right.READ),
    ("put", "/api/crm/quick-replies/{quick_reply_id}"): Entry(Right.REPLY, _named(text="hello")),
    ("delete", "/api/crm/quick-replies/{quick_reply_id}"): Entry(Right.REPLY),
    ("get", "/api/crm/quick-replies/{quick_reply_id}/text"): Entry(Right.READ),
    ("get", "/api/messages/search"): Entry(Right.READ),
    ("post", "/api/messages/reply"): Entry(Right.REPLY, _addressed),
    ("post", "/api/messages/{message_id}/read"): Entry(Right.REPLY),
    # Written on the platform itself: it can only be taken back there.
    ("post", "/api/messages/{message_id}/unsend"): Entry(Right.REPLY, conflict=True),
}
