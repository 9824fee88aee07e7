"""The truth: accounts, fans and every accepted message, in one SQLite file.

One connection serves the one event loop of the process, so no statement ever waits for another.
"""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from local.fan_platform.records import (
    Creator,
    Direction,
    Fan,
    LoginSession,
    Medium,
    Message,
    ThreadSummary,
)
from local.fan_platform.rewriting import displayed_text
from local.fan_platform.schema import SCHEMA

FAN_COLUMNS = (
    "creator_id, fan_id, handle, display_name, status, price_cents, rebill_on, subscribed_at,"
    " expires_at, last_seen_at, seed"
)
MESSAGE_COLUMNS = (
    "seq, id, creator_id, fan_id, direction, text, displayed, rewrites, price_cents, media,"
    " accepted_at, platform_at, read_at, opened_at, paid_at, unsent_at, tip_cents"
)

type Announce = Callable[[str, str, str], None]
"""Told of a creator, what kind of thing happened, and the id of what it happened to."""


def nobody(_creator_id: str, _kind: str, _thing_id: str) -> None:
    """Listen to nothing."""


def iso(moment: datetime) -> str:
    """Return ``moment`` in the one width in which texts sort like times."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


class Store:
    """The platform's file."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.connection = sqlite3.connect(path, isolation_level=None)
        self.connection.row_factory = sqlite3.Row
        # A committed message survives the death of the process; only a power cut may lose it.
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.execute("PRAGMA foreign_keys = ON")
        self.connection.executescript(SCHEMA)
        columns = {row["name"] for row in self.connection.execute("PRAGMA table_info(messages)")}
        if "tip_cents" not in columns:
            # The file of a platform that was there before tips were messages.
            self.connection.execute(
                "ALTER TABLE messages ADD COLUMN tip_cents INTEGER NOT NULL DEFAULT 0"
            )
        self.announce: Announce = nobody

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Commit all of the block or none of it; an inner block is part of the outer one."""
        if self.connection.in_transaction:
            yield self.connection
            return
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield self.connection
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    # The clock

    def now(self) -> datetime:
        """Return the platform's time, which runs ahead of real time by what was advanced."""
        (ahead,) = self._one("SELECT advanced_seconds FROM clock")
        return datetime.now(UTC) + timedelta(seconds=ahead)

    # Creators and their sessions

    def save_creator(self, creator: Creator) -> None:
        """Add an account, or change the one with this id."""
        self.connection.execute(
            "INSERT INTO creators (id, username, display_name, password_hash, otp_secret, otp_code)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET"
            " username = excluded.username, display_name = excluded.display_name,"
            " password_hash = excluded.password_hash, otp_secret = excluded.otp_secret,"
            " otp_code = excluded.otp_code",
            (
                creator.id,
                creator.username,
                creator.display_name,
                creator.password_hash,
                creator.otp_secret,
                creator.otp_code,
            ),
        )

    def creator(self, creator_id: str) -> Creator | None:
        """Return the account with this id."""
        return self._creator("SELECT * FROM creators WHERE id = ?", creator_id)

    def creator_named(self, username: str) -> Creator | None:
        """Return the account that logs in with this name."""
        return self._creator("SELECT * FROM creators WHERE username = ?", username)

    def count_violation(self, creator_id: str) -> None:
        """Remember that a message came faster than the rate rule allows."""
        self.connection.execute(
            "UPDATE creators SET rate_violations = rate_violations + 1 WHERE id = ?", (creator_id,)
        )

    def start_session(self, creator_id: str, *, awaits_code: bool, lasts: timedelta) -> str:
        """Return the token of a new session."""
        token = secrets.token_urlsafe(24)
        self.connection.execute(
            "INSERT INTO login_sessions VALUES (?, ?, ?, ?)",
            (token, creator_id, awaits_code, iso(datetime.now(UTC) + lasts)),
        )
        return token

    def session(self, token: str) -> LoginSession | None:
        """Return the session of a cookie, unless it has expired."""
        row = self._one(
            "SELECT token, creator_id, awaits_code, expires_at FROM login_sessions"
            " WHERE token = ? AND expires_at > ?",
            token,
            iso(datetime.now(UTC)),
        )
        return LoginSession(row[0], row[1], bool(row[2]), row[3]) if row else None

    def complete_session(self, token: str) -> None:
        """Turn a session that waited for its code into a full one."""
        self.connection.execute(
            "UPDATE login_sessions SET awaits_code = 0 WHERE token = ?", (token,)
        )

    def end_sessions(self, creator_id: str | None) -> None:
        """Log one creator out everywhere, or everyone."""
        self.connection.execute(
            "DELETE FROM login_sessions WHERE ?1 IS NULL OR creator_id = ?1", (creator_id,)
        )

    # Fans and the vault

    def save_fans(self, fans: Iterable[Fan]) -> int:
        """Add fans, or change those that are known; return how many were given."""
        rows = [
            (
                fan.creator_id,
                fan.fan_id,
                fan.handle,
                fan.display_name,
                fan.status,
                fan.price_cents,
                fan.rebill_on,
                fan.subscribed_at,
                fan.expires_at,
                fan.last_seen_at,
                fan.seed,
            )
            for fan in fans
        ]
        with self.transaction() as connection:
            connection.executemany(
                f"INSERT INTO fans ({FAN_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (creator_id, fan_id) DO UPDATE SET handle = excluded.handle,"
                " display_name = excluded.display_name, status = excluded.status,"
                " price_cents = excluded.price_cents, rebill_on = excluded.rebill_on,"
                " subscribed_at = excluded.subscribed_at, expires_at = excluded.expires_at,"
                " last_seen_at = excluded.last_seen_at, seed = excluded.seed",
                rows,
            )
        for fan in rows if self.announce is not nobody else ():
            self.announce(fan[0], "subscription.updated", fan[1])
        return len(rows)

    def fan(self, creator_id: str, fan_id: str) -> Fan | None:
        """Return one fan of a creator."""
        row = self._one(
            f"SELECT {FAN_COLUMNS} FROM fans WHERE creator_id = ? AND fan_id = ?",
            creator_id,
            fan_id,
        )
        return _fan(row) if row else None

    def fans(self, creator_id: str, *, after: str, limit: int) -> list[Fan]:
        """Return a page of a creator's fans, by id."""
        rows = self.connection.execute(
            f"SELECT {FAN_COLUMNS} FROM fans WHERE creator_id = ? AND fan_id > ?"
            " ORDER BY fan_id LIMIT ?",
            (creator_id, after, limit),
        )
        return [_fan(row) for row in rows]

    def save_media(self, creator_id: str, media: Iterable[Medium]) -> None:
        """Put media into a creator's vault."""
        with self.transaction() as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO media VALUES (?, ?, ?, ?)",
                [(creator_id, one.media_id, one.kind, one.title) for one in media],
            )

    def vault(self, creator_id: str) -> list[Medium]:
        """Return a creator's vault."""
        rows = self.connection.execute(
            "SELECT media_id, kind, title FROM media WHERE creator_id = ? ORDER BY media_id",
            (creator_id,),
        )
        return [Medium(*row) for row in rows]

    # Messages

    def accept(
        self,
        fan: Fan,
        direction: Direction,
        text: str,
        *,
        price_cents: int = 0,
        media: Sequence[str] = (),
        rewrites: Sequence[str] = (),
        at: datetime | None = None,
        tip_cents: int = 0,
    ) -> Message:
        """Write a message down for good. Two equal submits are two messages: nothing is merged."""
        with self.transaction() as connection:
            (seq,) = connection.execute(
                "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0) + 1"
            ).fetchone()
            message = Message(
                seq=seq,
                # Ids sort in the order of acceptance, yet nobody can guess the next one.
                id=f"m{seq:09d}{secrets.token_hex(4)}",
                creator_id=fan.creator_id,
                fan_id=fan.fan_id,
                direction=direction,
                text=text,
                displayed=displayed_text(text, rewrites),
                rewrites=tuple(rewrites),
                price_cents=price_cents,
                media=tuple(media),
                accepted_at=iso(datetime.now(UTC)),
                platform_at=iso(at or self.now()),
                read_at=None,
                opened_at=None,
                paid_at=None,
                unsent_at=None,
                tip_cents=tip_cents,
            )
            connection.execute(
                f"INSERT INTO messages ({MESSAGE_COLUMNS})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    message.seq,
                    message.id,
                    message.creator_id,
                    message.fan_id,
                    message.direction,
                    message.text,
                    message.displayed,
                    json.dumps(message.rewrites),
                    message.price_cents,
                    json.dumps(message.media),
                    message.accepted_at,
                    message.platform_at,
                    None,
                    None,
                    None,
                    None,
                    message.tip_cents,
                ),
            )
        self.announce(fan.creator_id, "message.created", message.id)
        return message

    def message(self, creator_id: str, message_id: str) -> Message | None:
        """Return one message, unsent or not."""
        found = self._messages("creator_id = ? AND id = ?", creator_id, message_id)
        return found[0] if found else None

    def accepted_since(self, creator_id: str, moment: datetime) -> int:
        """Count what a creator has sent since ``moment`` of real time."""
        (count,) = self._one(
            "SELECT count(*) FROM messages"
            " WHERE creator_id = ? AND direction = 'out' AND accepted_at > ?",
            creator_id,
            iso(moment),
        )
        return int(count)

    def sent(self, creator_id: str | None) -> list[Message]:
        """Return all that was accepted from creators, oldest first, unsent ones included."""
        return self._messages(
            "direction = 'out' AND (?1 IS NULL OR creator_id = ?1) ORDER BY seq", creator_id
        )

    def thread(
        self, creator_id: str, fan_id: str, *, before: int | None, limit: int
    ) -> list[Message]:
        """Return the newest visible messages with a fan before a position, oldest first."""
        newest_first = self._messages(
            "creator_id = ?1 AND fan_id = ?2 AND unsent_at IS NULL"
            " AND (?3 IS NULL OR seq < ?3) ORDER BY seq DESC LIMIT ?4",
            creator_id,
            fan_id,
            before,
            limit,
        )
        return newest_first[::-1]

    def position(self, creator_id: str, message_id: str) -> int | None:
        """Return where a message stands in its thread."""
        row = self._one(
            "SELECT seq FROM messages WHERE creator_id = ? AND id = ?", creator_id, message_id
        )
        return int(row[0]) if row else None

    def read_thread(self, creator_id: str, fan_id: str) -> None:
        """Mark what a fan wrote as read by the creator."""
        self.connection.execute(
            "UPDATE messages SET read_at = ? WHERE creator_id = ? AND fan_id = ?"
            " AND direction = 'in' AND read_at IS NULL",
            (iso(self.now()), creator_id, fan_id),
        )

    def unsend(self, creator_id: str, fan_id: str, message_id: str) -> bool:
        """Take a message out of its thread; the truth keeps it."""
        cursor = self.connection.execute(
            "UPDATE messages SET unsent_at = ? WHERE creator_id = ? AND fan_id = ? AND id = ?"
            " AND direction = 'out' AND unsent_at IS NULL",
            (iso(self.now()), creator_id, fan_id, message_id),
        )
        if cursor.rowcount == 1:
            self.announce(creator_id, "message.deleted", message_id)
        return cursor.rowcount == 1

    def threads(self, creator_id: str, *, before: int | None, limit: int) -> list[ThreadSummary]:
        """Return a page of the chats that hold a message, latest first."""
        rows = self.connection.execute(
            "SELECT last.seq, f.fan_id, f.handle, f.display_name, last.id, last.direction,"
            " last.displayed, last.platform_at, f.last_seen_at,"
            " (SELECT count(*) FROM messages u WHERE u.creator_id = f.creator_id"
            "  AND u.fan_id = f.fan_id AND u.direction = 'in' AND u.read_at IS NULL)"
            " FROM (SELECT fan_id, max(seq) AS seq FROM messages"
            "       WHERE creator_id = ?1 AND unsent_at IS NULL GROUP BY fan_id) latest"
            " JOIN messages last ON last.seq = latest.seq"
            " JOIN fans f ON f.creator_id = ?1 AND f.fan_id = latest.fan_id"
            " WHERE ?2 IS NULL OR last.seq < ?2 ORDER BY last.seq DESC LIMIT ?3",
            (creator_id, before, limit),
        )
        return [ThreadSummary(*row) for row in rows]

    def _messages(self, condition: str, *values: object) -> list[Message]:
        rows = self.connection.execute(
            f"SELECT {MESSAGE_COLUMNS} FROM messages WHERE {condition}", values
        )
        return [_message(row) for row in rows]

    def _creator(self, query: str, value: str) -> Creator | None:
        row = self._one(query, value)
        return Creator(**dict(row)) if row else None

    def _one(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a row or None
        return self.connection.execute(query, values).fetchone()


def _fan(row: sqlite3.Row) -> Fan:
    return Fan(**{**dict(row), "rebill_on": bool(row["rebill_on"])})


def _message(row: sqlite3.Row) -> Message:
    lists = {name: tuple(json.loads(row[name])) for name in ("rewrites", "media")}
    return Message(**{**dict(row), **lists})
