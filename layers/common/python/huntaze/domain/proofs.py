"""Proof of who let which words go: salted hashes in the audit log, and the words beside them.

An entry of the log holds, for each text, the SHA-256 of a random salt and the text. The words and
their salts stand in ``approval_texts``, written here alone. When they are forgotten, the chain of
the log still verifies, and the hash tells nothing: who guesses the text lacks the salt.
"""

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from huntaze.db import Connection
from huntaze.domain import audit
from huntaze.domain.audit import ActorKind

# Below this name the facts of an entry have the hashes of its texts.
TEXTS = "texts"
_SALT = re.compile("[0-9a-f]{64}")


class ProvenText(BaseModel):
    """The words behind a hash; both are null when they were forgotten."""

    target_id: UUID
    name: str
    salt: str | None = Field(description="64 hexadecimal digits.")
    text: str | None


class ProofLine(audit.Entry):
    """One entry of the audit log, with the words behind its hashes."""

    words: list[ProvenText] = Field(default_factory=list)


def hash_of(salt: str, text: str) -> str:
    """The hash of a text, as the log has it.

    Raises:
        ValueError: The salt has not its length: a part of the text could pass as salt.
    """
    if not _SALT.fullmatch(salt):
        raise ValueError("a salt has 64 hexadecimal digits")
    return hashlib.sha256(bytes.fromhex(salt) + text.encode()).hexdigest()


def record(
    connection: Connection,
    action: str,
    target: audit.Target,
    texts: Mapping[str, str | None],
    *,
    creator_id: UUID,
    fan_id: UUID | None,
    actor_id: UUID | None,
    actor_kind: ActorKind = ActorKind.MEMBER,
    facts: Mapping[str, Any],
) -> None:
    """Add an entry with the hashes of texts to the audit log, and keep the texts beside it.

    Args:
        connection: In the transaction of what is recorded.
        action: As ``thing.what_happened``.
        target: Kind and id of the thing; each of its texts has a name of its own.
        texts: By name; what is None has no hash.
        creator_id: Whose.
        fan_id: With whom the texts are forgotten; None: with nobody.
        actor_id: The member; None for what acts by itself.
        actor_kind: What kind of party acts.
        facts: Ids, numbers and states; the creator and the hashes are added to them.
    """
    hashes = _keep(connection, texts, target_id=target.id, creator_id=creator_id, fan_id=fan_id)
    audit.record(
        connection,
        action,
        target,
        actor_id=actor_id,
        actor_kind=actor_kind,
        facts={**facts, "creator_id": str(creator_id), TEXTS: hashes},
    )


def _keep(
    connection: Connection,
    texts: Mapping[str, str | None],
    *,
    target_id: UUID | None,
    creator_id: UUID,
    fan_id: UUID | None,
) -> dict[str, str]:
    """Keep texts, and return their hashes."""
    hashes = {}
    for name, text in texts.items():
        if text is None:
            continue
        salt = secrets.token_hex(32)
        hashes[name] = hash_of(salt, text)
        connection.execute(
            "INSERT INTO approval_texts (workspace_id, creator_id, fan_id, target_id, name, hash,"
            " salt, text)"
            " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s, %s, %s)",
            (creator_id, fan_id, target_id, name, hashes[name], salt, text),
        )
    return hashes


def kept(connection: Connection, target_id: UUID) -> dict[str, str]:
    """The texts of a target that are not forgotten, by name."""
    rows = connection.execute(
        "SELECT name, text FROM approval_texts WHERE target_id = %s AND text IS NOT NULL",
        (target_id,),
    )
    return {str(name): str(text) for name, text in rows}


def forget_fan(connection: Connection, fan_id: UUID) -> None:
    """Forget the words that were for a fan; their hashes stay in the log."""
    connection.execute(
        "UPDATE approval_texts SET salt = NULL, text = NULL WHERE fan_id = %s AND text IS NOT NULL",
        (fan_id,),
    )


def hashes_in(entry: audit.Entry) -> dict[str, str]:
    """The hashes that an entry has of texts, by name."""
    facts = json.loads(entry.facts)
    found: dict[str, str] = facts.get(TEXTS, {}) if isinstance(facts, dict) else {}
    return found
