"""What a workspace has of its people: members, what they are told, and what they have done."""

import json
from datetime import date
from uuid import UUID

from huntaze.db import EVERY_MEMBER, SingleConnection, Tenant
from huntaze.domain import ai_configs, audit, profiles
from huntaze.domain.ai_configs import AiConfigDraft
from huntaze.domain.profiles import ProfileDraft
from huntaze.ids import new_id
from tests.fakes.full_workspace.rows import Rows


def add_session(rows: Rows, session_id: UUID) -> None:
    connection = rows.connect("identity")
    rows.add(
        connection,
        "sessions",
        {"id": session_id, "user_id": rows.user_id, "expires_at": "2999-01-01"}
        | {"user_agent": rows.mark},
    )


def add_colleague(rows: Rows, user_id: UUID) -> None:
    """A second member, whom the first one may change."""
    connection = rows.connect("identity")
    connection.execute(
        "INSERT INTO users (id, email, name) VALUES (%s, %s, 'Colleague')",
        (user_id, f"{user_id}@example.com"),
    )
    rows.add(connection, "members", {"user_id": user_id, "role": "chatter"})


def add_invitation(rows: Rows, invitation_id: UUID) -> None:
    with rows.tenant.transaction() as connection:
        rows.add(
            connection,
            "invitations",
            {"id": invitation_id, "email": f"{rows.mark}@example.com", "role": "chatter"}
            | {"invited_by": rows.user_id, "mailed_at": "2026-01-01"}
            | {"expires_at": "2999-01-01"},
        )


def add_kept_reply(rows: Rows) -> None:
    with rows.tenant.transaction() as connection:
        row = {"user_id": rows.user_id, "route": "POST /x", "key": rows.mark}
        rows.add(
            connection, "idempotency_keys", {**row, "request_hash": bytes(32), "reply": rows.mark}
        )


def add_audit(rows: Rows) -> None:
    with rows.tenant.transaction() as connection:
        target = audit.Target("creator", rows.creator_id)
        audit.record(connection, "creator.created", target, actor_id=rows.user_id)


def set_up(rows: Rows) -> None:
    with rows.tenant.transaction() as connection:
        profiles.save(connection, rows.user_id, ProfileDraft(display_name=rows.mark))
        config = AiConfigDraft(personality=rows.mark)
        ai_configs.save(connection, rows.creator_id, config, by=rows.user_id)
        rows.add(connection, "onboardings", {"creator_id": rows.creator_id})


def add_billing_account(rows: Rows) -> None:
    with rows.tenant.transaction() as connection:
        rows.add(connection, "billing_accounts", {"stripe_customer_id": rows.mark})


def add_data_requests(rows: Rows, ids: dict[str, UUID]) -> None:
    """An export that is ready, and an order that is not due."""
    of_fan = {"creator_id": rows.creator_id, "fan_id": ids["fan_id"]}
    of_fan["requested_by"] = rows.user_id
    with rows.tenant.transaction() as connection:
        ready = {"state": "ready", **dict.fromkeys(("finished_at", "expires_at"), "2999-01-01")}
        rows.add(connection, "exports", {**of_fan, **ready, "id": ids["export_id"]})
        file = {"export_id": ids["export_id"], "number": 1, "name": rows.mark, "sha256": bytes(32)}
        rows.add(connection, "export_files", {**file, **dict.fromkeys(("lines", "bytes"), 1)})
        order = {"id": ids["erasure_id"], "kind": "fan", "begins_at": "2999-01-01"}
        rows.add(connection, "erasures", {**of_fan, **order})


def add_notification(rows: Rows, notification_id: UUID) -> None:
    """What the owner was told, of the creator, and what they want to be told."""
    own = {"user_id": rows.user_id}
    source = SingleConnection(lambda: rows.connect("app"))
    everybody = Tenant(source, rows.tenant.workspace_id, member=EVERY_MEMBER)
    with everybody.transaction() as connection:
        rows.add(connection, "workspace_settings", {})
        rows.add(connection, "notification_preferences", own)
        # A day of its own: another workspace's must not be there, too.
        period = date.fromordinal(600_000 + notification_id.int % 300_000)
        digest = {**own, "period": period}
        rows.add(connection, "notification_digests", {**digest, "mail_id": new_id()})
        rows.add(
            connection,
            "notifications",
            {
                **own,
                "id": notification_id,
                "event_id": new_id(),
                "kind": "creator_stopped",
                "creator_id": rows.creator_id,
                "target_kind": "creator",
                "target_id": rows.creator_id,
                "about": rows.mark,
                "in_app": True,
                "happened_at": "2026-01-01",
            },
        )
        live = {"event_id": new_id(), "position": 1}
        rows.add(connection, "live_heads", live)
        told = {"type": "notification.created", "occurred_at": "2026-01-01", **own}
        creator = {"creator_id": rows.creator_id, "data": json.dumps({"thing_id": rows.mark})}
        rows.add(connection, "live_events", {**live, **told, **creator})


def add_operations(rows: Rows, fan_id: UUID) -> None:
    """What operators leave behind: a drift and its repair, and a lane that was restored."""
    of_creator = {"creator_id": rows.creator_id}
    with rows.tenant.transaction() as connection:
        repair = {"ordered_by": rows.mark, "reason": rows.mark, "fans": 0, "changes": "[]"}
        rows.add(connection, "money_repairs", {**of_creator, **repair})
    owner = rows.connect("master")
    owner.execute("SET ROLE gatekeeper")
    moments = dict.fromkeys(("restored_to", "restored_at", "reconciled_at"), "now")
    rows.add(owner, "lane_restores", {**of_creator, **moments})
    run = {"run_id": new_id()}
    counts = dict.fromkeys(("checked_fans", "drifted_fans", "drifted_cents"), 1)
    rows.add(owner, "money_checks", {**run, **counts})
    drift = {**of_creator, **run, "fan_id": fan_id}
    cents = {"value_cents": 1, "booked_cents": 2, "due_cents": 2}
    rows.add(owner, "money_drifts", {**drift, **cents})
