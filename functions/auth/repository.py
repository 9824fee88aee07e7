"""People, sessions and tokens in Postgres: the only SQL of this feature.

The role ``identity`` sees every workspace: each statement names whose rows it means.
"""

from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from psycopg.rows import TupleRow, class_row

from functions.auth.addresses import Network
from functions.auth.models import (
    Account,
    Candidates,
    Member,
    OpenSession,
    Session,
    StoredAccount,
    StoredToken,
    User,
    Workspace,
)
from functions.auth.throttle import ACCOUNT, ADDRESS, Allowance, Failures
from huntaze.db import Connection, Transactions
from huntaze.ids import new_id

# From where somebody has logged in within this time, others' failures do not make them wait: a
# stranger who guesses must not keep the owner out.
_FAMILIAR_FOR = timedelta(days=30)

_MEMBER: LiteralString = (
    "SELECT u.id, u.email, u.name, u.email_verified_at IS NOT NULL, w.id, w.name, w.plan, m.role"
)
_MEMBER_FROM: LiteralString = (
    " FROM users u JOIN members m ON m.user_id = u.id JOIN workspaces w ON w.id = m.workspace_id"
)
# People outside all workspaces do not log in, but for operators of the platform.
_ACCOUNT_FROM: LiteralString = (
    " FROM users u LEFT JOIN (members m JOIN workspaces w ON w.id = m.workspace_id)"
    " ON m.user_id = u.id"
)
_MAY_LOG_IN: LiteralString = (
    "(m.user_id IS NOT NULL OR u.email_verified_at IS NOT NULL"
    " AND EXISTS (SELECT FROM platform_operators o WHERE o.user_id = u.id))"
)
_OLDEST_WORKSPACE: LiteralString = " ORDER BY m.created_at, m.workspace_id LIMIT 1"
_SESSION: LiteralString = (
    "SELECT id, user_agent, created_at, last_used_at, expires_at, id = %(current)s AS current"
    " FROM sessions WHERE user_id = %(user_id)s AND revoked_at IS NULL AND expires_at > %(now)s"
)


class PostgresAccounts(Transactions):
    """The accounts of all workspaces."""

    def delay(self, subject: str, allowance: Allowance, now: datetime) -> timedelta:
        """Count a request of ``subject``'s, or tell how long it has to wait."""
        since = now - allowance.window
        with self.transaction() as connection:
            _hold(connection, subject)
            connection.execute(
                "DELETE FROM identity_requests WHERE subject = %s AND requested_at <= %s",
                (subject, since),
            )
            # The oldest of those that fill the allowance: once it is over, there is room for one.
            row = connection.execute(
                "SELECT min(requested_at) FROM (SELECT requested_at FROM identity_requests"
                " WHERE subject = %(subject)s ORDER BY requested_at DESC LIMIT %(limit)s) newest"
                " HAVING count(*) = %(limit)s",
                {"subject": subject, "limit": allowance.limit},
            ).fetchone()
            if row is not None:
                oldest: datetime = row[0]
                return max(oldest - since, timedelta(seconds=1))
            connection.execute(
                "INSERT INTO identity_requests (subject, requested_at) VALUES (%s, %s)",
                (subject, now),
            )
        return timedelta(0)

    def failures(
        self, email: str, network: Network | None, now: datetime
    ) -> tuple[Failures, Failures]:
        """Count recent failures of the account and of the network, alone until the end."""
        with self.transaction() as connection:
            # Always the account first: two tries cannot wait for each other.
            of_account = _account_failures(connection, email, network, now)
            of_network = _network_failures(connection, network, now)
        return of_account, of_network

    def add_attempt(self, email: str, network: Network | None, now: datetime) -> UUID:
        """Record a try as failed; tries that nobody will ask about again are forgotten."""
        attempt_id = new_id()
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM login_attempts"
                " WHERE (email = %s OR ip_address = %s) AND attempted_at < %s",
                (email, network, now - _FAMILIAR_FOR),
            )
            connection.execute(
                "INSERT INTO login_attempts (id, email, ip_address, success, attempted_at)"
                " VALUES (%s, %s, %s, false, %s)",
                (attempt_id, email, network, now),
            )
        return attempt_id

    def mark_successful(self, attempt_id: UUID) -> None:
        """Say that the try has succeeded."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE login_attempts SET success = true WHERE id = %s", (attempt_id,)
            )

    def find_by_email(self, email: str) -> Candidates:
        """Find who may mean themselves by an address, each in their oldest workspace."""
        with self.transaction() as connection:
            return Candidates(
                _candidate(connection, email, "u.email_verified_at IS NOT NULL"),
                _candidate(connection, email, "u.email_verified_at IS NULL"),
            )

    def find_by_user(self, user_id: UUID) -> Account | None:
        """Find a person in their oldest workspace, or an operator who is in none."""
        with self.transaction() as connection:
            row = connection.execute(
                f"{_MEMBER} {_ACCOUNT_FROM} WHERE u.id = %s AND {_MAY_LOG_IN} {_OLDEST_WORKSPACE}",
                (user_id,),
            ).fetchone()
        return _account(row) if row else None

    def memberships(self, user_id: UUID, after: UUID | None, limit: int) -> list[Member]:
        """List a person in each of their workspaces, oldest workspace first."""
        with self.transaction() as connection:
            rows = connection.execute(
                f"{_MEMBER} {_MEMBER_FROM} WHERE u.id = %(user_id)s"
                " AND (%(after)s::uuid IS NULL OR w.id > %(after)s)"
                " ORDER BY w.id LIMIT %(limit)s",
                {"user_id": user_id, "after": after, "limit": limit},
            ).fetchall()
        return [_member(row) for row in rows]

    def find_member(self, user_id: UUID, workspace_id: UUID) -> Member | None:
        """Find a person in one of their workspaces."""
        with self.transaction() as connection:
            row = connection.execute(
                f"{_MEMBER} {_MEMBER_FROM} WHERE u.id = %s AND w.id = %s", (user_id, workspace_id)
            ).fetchone()
        return _member(row) if row else None

    def find_by_session(self, session_id: UUID) -> OpenSession | None:
        """Find a session that was not revoked, and whose it is."""
        with self.transaction() as connection:
            row = connection.execute(
                f"{_MEMBER}, s.csrf_token FROM sessions s JOIN users u ON u.id = s.user_id"
                " LEFT JOIN (members m JOIN workspaces w ON w.id = m.workspace_id)"
                " ON m.user_id = s.user_id AND m.workspace_id = s.workspace_id"
                f" WHERE s.id = %s AND s.revoked_at IS NULL AND {_MAY_LOG_IN}",
                (session_id,),
            ).fetchone()
        return OpenSession(_account(row[:-1]), row[-1]) if row else None

    def add_owner(self, owner: Member, password_hash: str | None, language: str) -> None:
        """Add a person and their workspace."""
        user = owner.user
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO users (id, email, name, password_hash, language)"
                " VALUES (%s, %s, %s, %s, %s)",
                (user.id, user.email, user.name, password_hash, language),
            )
            connection.execute(
                "INSERT INTO workspaces (id, name, plan) VALUES (%s, %s, %s)",
                (owner.workspace.id, owner.workspace.name, owner.workspace.plan),
            )
            connection.execute(
                "INSERT INTO members (workspace_id, user_id, role) VALUES (%s, %s, %s)",
                (owner.workspace.id, owner.user.id, owner.role),
            )

    def replace_password_hash(self, user_id: UUID, password_hash: str | None) -> None:
        """Store another hash."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE users SET password_hash = %s WHERE id = %s", (password_hash, user_id)
            )

    def add_session(
        self,
        session_id: UUID,
        opened: OpenSession,
        *,
        user_agent: str | None,
        now: datetime,
        proven_at: datetime,
    ) -> None:
        """Add a session, which lives as long as its refresh tokens."""
        account = opened.account
        workspace_id = account.workspace.id if account.workspace else None
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO sessions (id, user_id, workspace_id, csrf_token, user_agent,"
                " created_at, last_used_at, expires_at, proven_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(session_id, account.user.id, workspace_id, opened.csrf_token),
                    *(user_agent, now, now, now, proven_at),
                ),
            )

    def add_refresh_token(
        self, token_hash: bytes, session_id: UUID, *, now: datetime, end: datetime
    ) -> None:
        """Add a token and let its session live as long."""
        with self.transaction() as connection:
            connection.execute(
                "INSERT INTO refresh_tokens (token_hash, session_id, issued_at, expires_at)"
                " VALUES (%s, %s, %s, %s)",
                (token_hash, session_id, now, end),
            )
            connection.execute(
                "UPDATE sessions SET expires_at = %s, last_used_at = %s WHERE id = %s",
                (end, now, session_id),
            )

    def find_refresh_token(self, token_hash: bytes, now: datetime) -> StoredToken | None:
        """Find a token and hold its session until the end of the transaction."""
        with self.transaction() as connection:
            # Held before anything is read: of two that bring one token, the second must see what
            # the first has done.
            connection.execute(
                "SELECT FROM sessions WHERE id ="
                " (SELECT session_id FROM refresh_tokens WHERE token_hash = %s) FOR UPDATE",
                (token_hash,),
            )
            row = connection.execute(
                "SELECT s.id, s.user_id, s.proven_at,"
                " s.revoked_at IS NULL AND s.expires_at > %(now)s AND t.expires_at > %(now)s,"
                " t.used_at,"
                " EXISTS (SELECT FROM refresh_tokens n WHERE n.session_id = t.session_id"
                "  AND n.issued_at >= t.used_at AND n.used_at IS NOT NULL"
                "  AND n.token_hash <> t.token_hash),"
                " t.successor_salt"
                " FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id"
                " WHERE t.token_hash = %(token_hash)s",
                {"token_hash": token_hash, "now": now},
            ).fetchone()
        return StoredToken(*row) if row else None

    def use_refresh_token(
        self, token_hash: bytes, session_id: UUID, salt: bytes, now: datetime
    ) -> None:
        """Mark a token as used; those of its session that are over are forgotten."""
        with self.transaction() as connection:
            connection.execute(
                "DELETE FROM refresh_tokens WHERE session_id = %s AND expires_at < %s",
                (session_id, now),
            )
            connection.execute(
                "UPDATE refresh_tokens SET used_at = %s, successor_salt = %s WHERE token_hash = %s",
                (now, salt, token_hash),
            )

    def hold(self, user_id: UUID) -> str | None:
        """Let nobody end a person's sessions, or choose their password, until the end; its hash."""
        with self.transaction() as connection:
            row = connection.execute(
                "SELECT password_hash FROM users WHERE id = %s FOR NO KEY UPDATE", (user_id,)
            ).fetchone()
        return row[0] if row else None

    def revoke_session(self, session_id: UUID, user_id: UUID, now: datetime) -> datetime | None:
        """End a living session of a user; when they had shown who they are, None: there is none."""
        with self.transaction() as connection:
            row = connection.execute(
                "UPDATE sessions SET revoked_at = %s WHERE id = %s AND user_id = %s"
                " AND revoked_at IS NULL AND expires_at > %s RETURNING proven_at",
                (now, session_id, user_id, now),
            ).fetchone()
        return row[0] if row else None

    def revoke_other_sessions(self, session_id: UUID, user_id: UUID, now: datetime) -> None:
        """End every session of a user but one."""
        with self.transaction() as connection:
            # One that is being opened is seen by the next statement, and by none that began before.
            self.hold(user_id)
            connection.execute(
                "UPDATE sessions SET revoked_at = %s"
                " WHERE user_id = %s AND id <> %s AND revoked_at IS NULL",
                (now, user_id, session_id),
            )

    def revoke_all_sessions(self, user_id: UUID, now: datetime) -> None:
        """End every session of a user."""
        with self.transaction() as connection:
            connection.execute(
                "UPDATE sessions SET revoked_at = %s WHERE user_id = %s AND revoked_at IS NULL",
                (now, user_id),
            )

    def sessions(
        self, user_id: UUID, *, current: UUID, now: datetime, before: UUID | None, limit: int
    ) -> list[Session]:
        """List a user's living sessions, newest first, older than ``before``."""
        values = {"user_id": user_id, "current": current, "now": now, "before": before}
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=class_row(Session)) as cursor,
        ):
            return cursor.execute(
                f"{_SESSION} AND (%(before)s::uuid IS NULL OR id < %(before)s)"
                " ORDER BY id DESC LIMIT %(limit)s",
                {**values, "limit": limit},
            ).fetchall()

    def session(
        self, session_id: UUID, user_id: UUID, *, current: UUID, now: datetime
    ) -> Session | None:
        """Find a living session of a user."""
        values = {"user_id": user_id, "current": current, "now": now, "id": session_id}
        with (
            self.transaction() as connection,
            connection.cursor(row_factory=class_row(Session)) as cursor,
        ):
            return cursor.execute(f"{_SESSION} AND id = %(id)s", values).fetchone()


def _candidate(connection: Connection, email: str, which: LiteralString) -> StoredAccount | None:
    row = connection.execute(
        f"{_MEMBER}, u.password_hash {_ACCOUNT_FROM}"
        f" WHERE u.email = %s AND {which} AND {_MAY_LOG_IN}"
        " ORDER BY u.created_at DESC, u.id DESC, m.created_at, m.workspace_id LIMIT 1",
        (email,),
    ).fetchone()
    return StoredAccount(account=_account(row[:-1]), password_hash=row[-1]) if row else None


def _account_failures(
    connection: Connection, email: str, network: Network | None, now: datetime
) -> Failures:
    _hold(connection, f"account {email}")
    row = connection.execute(
        "WITH tries AS ("
        "  SELECT ip_address, success, attempted_at FROM login_attempts"
        "   WHERE email = %(email)s AND attempted_at > %(familiar_since)s"
        "), familiar AS ("
        "  SELECT EXISTS (SELECT FROM tries WHERE success AND ip_address = %(network)s) AS here"
        "), counted AS ("
        "  SELECT t.* FROM tries t, familiar f WHERE NOT f.here OR t.ip_address = %(network)s"
        ") SELECT count(*), max(attempted_at) FROM counted"
        "   WHERE NOT success AND attempted_at > %(since)s AND attempted_at > COALESCE("
        "    (SELECT max(attempted_at) FROM counted WHERE success), '-infinity')",
        {
            "email": email,
            "network": network,
            "since": now - ACCOUNT.window,
            "familiar_since": now - _FAMILIAR_FOR,
        },
    ).fetchone()
    return Failures(*row) if row else Failures(0, None)


def _network_failures(connection: Connection, network: Network | None, now: datetime) -> Failures:
    if network is None:
        return Failures(0, None)
    _hold(connection, f"network {network}")
    # A success of somebody in the same network says nothing about the others.
    row = connection.execute(
        "SELECT count(*), max(attempted_at) FROM login_attempts"
        " WHERE ip_address = %s AND NOT success AND attempted_at > %s",
        (network, now - ADDRESS.window),
    ).fetchone()
    return Failures(*row) if row else Failures(0, None)


def _hold(connection: Connection, subject: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (subject,))


def _account(row: TupleRow) -> Account:
    user_id, email, name, verified, *_, role = row
    if role is None:
        return Account(user=User(id=user_id, email=email, name=name, email_verified=verified))
    return _member(row)


def _member(row: TupleRow) -> Member:
    user_id, email, name, verified, workspace_id, workspace, plan, role = row
    return Member(
        user=User(id=user_id, email=email, name=name, email_verified=verified),
        workspace=Workspace(id=workspace_id, name=workspace, plan=plan),
        role=role,
    )
