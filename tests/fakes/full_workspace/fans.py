"""What a workspace has of its fans: imports, conversations, messages, and what platforms push."""

from uuid import UUID

from huntaze.db import Connection
from huntaze.ids import new_id
from tests.fakes.full_workspace.rows import Rows


def add_fans(rows: Rows, ids: dict[str, UUID]) -> None:
    creator = {"creator_id": rows.creator_id}
    of_fan = {**creator, "fan_id": ids["fan_id"]}
    with rows.tenant.transaction() as connection:
        connection.execute(
            "UPDATE creators SET display_name = %s, driver_consent_at = now() WHERE id = %s",
            (rows.mark, rows.creator_id),
        )
        rows.add(
            connection,
            "fans",
            {
                **creator,
                "id": ids["fan_id"],
                "platform_id": "p",
                "platform_key": b"k",
                "handle": rows.mark,
                "display_name": rows.mark,
                "status": "active",
            },
        )
        rows.add(connection, "fan_tags", {**of_fan, "tag": rows.mark})
        rows.add(connection, "fan_lists", {**creator, "id": ids["list_id"], "name": rows.mark})
        rows.add(connection, "fan_list_members", {**of_fan, "list_id": ids["list_id"]})
        rows.add(
            connection,
            "suppressions",
            {**creator, "platform_key": new_id().bytes, "reason": "manual"},
        )
        rows.add(
            connection,
            "transactions",
            {
                **of_fan,
                "transaction_id": rows.mark,
                "type": "tip",
                "currency": "USD",
                **dict.fromkeys(("amount_cents", "net_cents", "effective_cents"), 100),
                "fee_cents": 0,
                "created_at": "2026-01-01",
                "description": rows.mark,
            },
        )
        _add_imports(rows, connection, ids)


def _add_imports(rows: Rows, connection: Connection, ids: dict[str, UUID]) -> None:
    creator = {"creator_id": rows.creator_id, "created_by": rows.user_id}
    rows.add(
        connection,
        "import_uploads",
        {**creator, "id": ids["upload_id"], "expires_at": "2030-01-01T00:00:00Z"},
    )
    rows.add(
        connection,
        "imports",
        {
            **creator,
            "id": ids["import_id"],
            "upload_id": ids["upload_id"],
            "kind": "fans",
            "status": "running",
            "note": rows.mark,
        },
    )


def add_conversation(rows: Rows, ids: dict[str, UUID]) -> None:
    """A message to a fan, with what members have put beside it."""
    of_fan = {"creator_id": rows.creator_id, "fan_id": ids["fan_id"]}
    here = {"creator_id": rows.creator_id, "conversation_id": ids["conversation_id"]}
    said = {"id": ids["message_id"], "platform_message_id": rows.mark, "direction": "out"}
    with rows.tenant.transaction() as connection:
        rows.add(connection, "conversations", {**of_fan, "id": ids["conversation_id"]})
        message = {**here, **of_fan, **said, "text": rows.mark, "sent_at": "2026-01-01"}
        rows.add(connection, "messages", message)
        rows.add(connection, "conversation_labels", {**here, "label": rows.mark})
        note = {"id": ids["note_id"], "author_id": rows.user_id, "text": rows.mark}
        rows.add(connection, "conversation_notes", {**here, **note})
        quick = {"id": ids["quick_reply_id"], "name": rows.mark, "text": rows.mark}
        quick |= {"creator_id": rows.creator_id, "created_by": rows.user_id}
        rows.add(connection, "quick_replies", quick)


def add_pushes(rows: Rows) -> None:
    """What a platform has pushed, and the secret that signs it."""
    here = {"creator_id": rows.creator_id}
    sealed = {
        "sealed_key": rows.mark.encode(),
        "sealed": rows.mark.encode(),
        "set_by": rows.user_id,
    }
    fence = {"kind": "message", "thing": rows.mark.encode()}
    with rows.tenant.transaction() as connection:
        rows.add(connection, "platform_webhooks", {**here, **sealed})
        rows.add(connection, "platform_versions", {**here, **fence})
    intake = rows.connect("intake")
    intake.execute(
        "SELECT take_platform_event(%s, %s, %s, now(), %s, %s)",
        (rows.creator_id, rows.mark, rows.mark, rows.mark, rows.mark),
    )


def add_worker_rows(rows: Rows, ids: dict[str, UUID]) -> None:
    """What only a worker's work leaves behind: a message of a campaign that nobody knows of."""
    of_fan = {"creator_id": rows.creator_id, "fan_id": ids["fan_id"]}
    text = {"text": rows.mark, "text_hash": "h", "written_by": "person"}
    with rows.tenant.transaction() as connection:
        rows.add(connection, "sends", {**of_fan, **text, "id": ids["send_id"], "priority": 0})
        rows.add(
            connection,
            "sends",
            {
                **of_fan,
                **text,
                "id": ids["recipient_id"],
                "campaign_id": ids["ended_campaign_id"],
                "priority": 3,
                "state": "unknown",
                "compliance_passed_at": "now",
            },
        )
        rows.add(
            connection,
            "media_grants",
            {
                **of_fan,
                "media_id": ids["media_id"],
                "send_id": ids["recipient_id"],
                "state": "offered",
            },
        )
    worker = rows.connect("worker")
    with worker.transaction():
        worker.execute(
            "SELECT set_config('app.workspace_id', %s, true)", (str(rows.tenant.workspace_id),)
        )
        rows.add(
            worker,
            "send_attempts",
            {
                "creator_id": rows.creator_id,
                "send_id": ids["recipient_id"],
                "attempt": 1,
                "fencing_token": 1,
                "granted_at": "now",
            },
        )
