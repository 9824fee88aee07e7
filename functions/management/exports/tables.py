"""What an export does not hold, and why; everything else of a tenant is in it.

Sources are read from the catalogue, so that a table that is added later is exported too. A test
walks the catalogue and looks for columns that must never leave.
"""

from typing import LiteralString

# Tables that are in no export.
WITHHELD: dict[str, str] = {
    "exports": "about the files themselves",
    "export_files": "about the files themselves",
    "idempotency_keys": "replies of a day; what they say is in the tables that they speak of",
    "ai_cost_alert_posts": "whose turn it is to be told; the alerts themselves are there",
    "events_outbox": "ids on their way to other functions",
    "live_events": "ids of a day, on their way to clients; what they are of is there",
    "live_heads": "where the list of those ids ends",
    "happenings": "what waits for a minute; it is in the tables where it happened",
    "campaign_launches": "what waits for a minute; the step that asked for it is there",
    "reply_tasks": "whose turn it is to be answered; the messages themselves are there",
    "platform_versions": "made with a secret key; what was told is in the tables of things",
}

_RUNS = "whose turn it is to work; means nothing outside"
_SEARCH = "made of another column, for searching"

# Columns that are in no export.
HIDDEN: dict[str, dict[str, str]] = {
    "workspaces": {"suppression_key": "a secret key"},
    "sessions": {"csrf_token": "a secret of a browser"},
    "invitations": {"token_hash": "made of a secret link"},
    "fans": {
        "platform_key": "made with a secret key",
        "handle_key": _SEARCH,
        "name_key": _SEARCH,
        "last_name_key": _SEARCH,
        "email_key": _SEARCH,
    },
    "suppressions": {"platform_key": "made with a secret key"},
    "campaigns": {
        "execution_arn": _RUNS,
        "approval_token": "opens a step of the workflow",
        "delivery_token": "opens a step of the workflow",
    },
    "conversations": {
        **dict.fromkeys(("listed_message_id", "listed_known", "listed_at"), _RUNS),
        **dict.fromkeys(("stored_message_id", "read_due_at", "read_cursor", "read_head"), _RUNS),
        **dict.fromkeys(("read_count", "read_again", "read_failures"), _RUNS),
        "moved_at": _SEARCH,
    },
    "messages": {"words": _SEARCH},
    "platform_webhooks": dict.fromkeys(
        ("sealed_key", "sealed", "previous_sealed_key", "previous_sealed"), "a secret, sealed"
    ),
    "platform_events": {"queued_at": _RUNS},
    "workflows": {"execution_arn": _RUNS},
    "workflow_steps": {"leased_until": _RUNS},
    "sends": {"text_hash": "made of the text", "fencing_token": _RUNS},
    "send_attempts": {"fencing_token": _RUNS},
    "creator_lanes": {"fencing_token": _RUNS, "holder": _RUNS, "leased_until": _RUNS},
    "creator_commands": {"payload": "may hold a login code until the order is done"},
    "imports": {"checkpoint": _RUNS, "fence": _RUNS, "leased_until": _RUNS},
    "erasures": {"fence": _RUNS, "leased_until": _RUNS},
    "media_uploads": {"fence": _RUNS, "leased_until": _RUNS},
    "ai_cost_settings": {
        "slack_sealed_key": "opens the address of a channel",
        "slack_sealed": "a secret address, sealed",
    },
    "ai_calls": {"leased_until": _RUNS},
    "ai_plan": {"execution_arn": _RUNS, "fence": _RUNS, "leased_until": _RUNS},
}

# Names that look like secrets and are none.
PUBLIC_HASHES: set[tuple[str, str]] = {
    # By them the log proves itself.
    ("audit_log", "hash"),
    ("audit_log", "previous_hash"),
    ("audit_heads", "hash"),
    # Of the texts that were approved, which are in the export.
    ("campaign_approvals", "content_hash"),
    ("approval_texts", "hash"),
}

_BY_FAN: LiteralString = "t.fan_id = %(fan)s"
_OF_CONVERSATION: LiteralString = (
    "t.conversation_id IN (SELECT id FROM conversations WHERE fan_id = %(fan)s)"
)
_SENDS: LiteralString = (
    "t.fan_id = %(fan)s AND t.creator_id = %(creator)s AND (t.campaign_id IS NULL OR"
    " t.campaign_id = ANY (ARRAY(SELECT id FROM campaigns WHERE creator_id = %(creator)s)))"
)
_ATTEMPTS: LiteralString = f"t.send_id IN (SELECT t.id FROM sends t WHERE {_SENDS})"  # noqa: S608
# What of a table is one fan's.
OF_FAN: dict[str, LiteralString] = {
    "fans": "t.id = %(fan)s",
    "fan_tags": _BY_FAN,
    "fan_list_members": _BY_FAN,
    "fan_lists": "t.id IN (SELECT list_id FROM fan_list_members WHERE fan_id = %(fan)s)",
    "suppressions": "t.platform_key = (SELECT platform_key FROM fans WHERE id = %(fan)s)",
    "transactions": _BY_FAN,
    "money_drifts": _BY_FAN,
    "media_grants": _BY_FAN,
    "automation_runs": _BY_FAN,
    "automation_steps": "t.run_id IN (SELECT id FROM automation_runs WHERE fan_id = %(fan)s)",
    "conversations": _BY_FAN,
    "messages": _BY_FAN,
    "conversation_labels": _OF_CONVERSATION,
    "conversation_notes": _OF_CONVERSATION,
    "sends": _SENDS,
    "send_attempts": _ATTEMPTS,
    "chat_contexts": _BY_FAN,
    "chat_facts": _BY_FAN,
    "chat_handovers": _BY_FAN,
    "reply_drafts": _BY_FAN,
    "auto_replies": _BY_FAN,
    "approval_texts": _BY_FAN,
}
# Tables that name a fan and are in no fan's export.
NOT_OF_FAN: dict[str, str] = {
    "exports": WITHHELD["exports"],
    "happenings": WITHHELD["happenings"],
    "reply_tasks": WITHHELD["reply_tasks"],
    "erasures": "there is none of a fan who can be exported",
}
