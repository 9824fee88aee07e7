"""Who may call what is about fans: lists, money, conversations, messages, platforms."""

from typing import Any

from huntaze.auth import Right
from tests.integration.matrix.entry import Entry, Ids, chosen, named, under


def _import(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"], "content": "platform_id,handle\n1,a\n"}


def _money(ids: Ids) -> dict[str, Any]:
    header = "transaction_id,platform_id,type,amount,created_at"
    return {"creator_id": ids["creator_id"], "content": f"{header}\n1,1,tip,1.00,2026-01-01\n"}


def _fan(ids: Ids) -> dict[str, Any]:
    return {"creator_id": ids["creator_id"], "handle": "new"}


def _members(ids: Ids) -> dict[str, Any]:
    return {"fan_ids": [ids["fan_id"]]}


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


_CONNECT = {"username": "u", "password": "p", "consent": True}
_SESSION = {
    "storage_state": {"cookies": [{"name": "s", "value": "v", "domain": "d"}]},
    "consent": True,
}
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
FANS: dict[tuple[str, str], Entry] = {
    **under("/api/crm/fans", _FANS),
    **under("/api/onlyfans/subscribers", _FANS),
    ("get", "/api/crm/transactions"): Entry(Right.READ),
    ("post", "/api/crm/transactions/import"): Entry(Right.IMPORT, _money),
    ("get", "/api/crm/lists"): Entry(Right.READ),
    ("post", "/api/crm/lists"): Entry(Right.WRITE_FANS, named()),
    ("get", "/api/crm/lists/{list_id}"): Entry(Right.READ),
    ("delete", "/api/crm/lists/{list_id}"): Entry(Right.WRITE_FANS),
    ("post", "/api/crm/lists/{list_id}/fans"): Entry(Right.WRITE_FANS, _members),
    ("delete", "/api/crm/lists/{list_id}/fans"): Entry(Right.WRITE_FANS, _members),
    ("post", "/api/of/connect"): Entry(Right.CONNECT, chosen(**_CONNECT)),
    ("post", "/api/of/connect/code"): Entry(Right.CONNECT, chosen(code="123456")),
    ("post", "/api/of/session"): Entry(Right.CONNECT, chosen(**_SESSION)),
    ("post", "/api/of/resume"): Entry(Right.CONNECT, chosen()),
    ("post", "/api/of/sync"): Entry(Right.CONNECT, chosen()),
    ("post", "/api/of/disconnect"): Entry(Right.CONNECT, chosen()),
    ("get", "/api/of/status"): Entry(Right.READ),
    ("post", "/api/of/webhook"): Entry(Right.CONNECT, chosen(secret="s" * 40)),
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
    ("post", "/api/crm/quick-replies"): Entry(Right.REPLY, named(text="hello")),
    ("get", "/api/crm/quick-replies/{quick_reply_id}"): Entry(Right.READ),
    ("put", "/api/crm/quick-replies/{quick_reply_id}"): Entry(Right.REPLY, named(text="hello")),
    ("delete", "/api/crm/quick-replies/{quick_reply_id}"): Entry(Right.REPLY),
    ("get", "/api/crm/quick-replies/{quick_reply_id}/text"): Entry(Right.READ),
    ("get", "/api/messages/search"): Entry(Right.READ),
    ("post", "/api/messages/reply"): Entry(Right.REPLY, _addressed),
    ("post", "/api/messages/{message_id}/read"): Entry(Right.REPLY),
    # Written on the platform itself: it can only be taken back there.
    ("post", "/api/messages/{message_id}/unsend"): Entry(Right.REPLY, conflict=True),
}
