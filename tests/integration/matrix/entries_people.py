"""Who may call what is about people: accounts, billing, onboarding, management, notifications."""

from typing import Any

from huntaze.auth import Right
from tests.integration.matrix.entry import Entry, Ids


def _flag(_: Ids) -> dict[str, Any]:
    return {"flag": "hybrid_campaigns", "share_percent": 10, "version": 0, "reason": "r"}


def _new_account(_: Ids) -> dict[str, Any]:
    account = {"platform": "fan_platform", "handle": "another"}
    return {**account, "username": "u", "password": "p", "consent": True}


def _creator(_: Ids) -> dict[str, Any]:
    return {"platform": "fan_platform", "handle": "new"}


def _order(_: Ids) -> dict[str, Any]:
    return {"plan": "pro"}


PEOPLE: dict[tuple[str, str], Entry] = {
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
}
