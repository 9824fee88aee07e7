"""The audit log with the words behind its hashes, oldest entry first."""

from psycopg.rows import class_row

from huntaze.db import Tenant
from huntaze.domain.proofs import ProofLine
from huntaze.errors import BadRequestError
from huntaze.http import Page, decode_cursor, encode_cursor

_PAGE = """
  SELECT l.workspace_id, l.sequence, l.at, l.actor_kind, l.actor_id, l.action, l.target_kind,
         l.target_id, l.facts, encode(l.previous_hash, 'hex') AS previous_hash,
         encode(l.hash, 'hex') AS hash,
         coalesce((SELECT jsonb_agg(jsonb_build_object('target_id', t.target_id, 'name', t.name,
                            'salt', t.salt, 'text', t.text) ORDER BY t.name)
                     FROM approval_texts t
                    WHERE t.workspace_id = l.workspace_id AND t.target_id = l.target_id
                      AND jsonb_exists(l.facts::jsonb -> 'texts', t.name)), '[]') AS words
    FROM audit_log l
   WHERE l.workspace_id = current_setting('app.workspace_id')::uuid AND l.sequence > %s
   ORDER BY l.sequence LIMIT %s
"""
# A bigint has at most this many digits.
_DIGITS = 19


class PostgresProof:
    """The proof of one workspace.

    Args:
        tenant: Whose.
    """

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def page(self, *, limit: int, cursor: str | None) -> Page[ProofLine]:
        """Read a page.

        Raises:
            BadRequestError: The cursor is none of ours.
        """
        after = decode_cursor(cursor, 1)[0] if cursor else "0"
        if not (after.isdecimal() and len(after) < _DIGITS):
            raise BadRequestError("The cursor is not one that this list gave.")
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(ProofLine)) as reading,
        ):
            found = reading.execute(_PAGE, (int(after), limit + 1)).fetchall()
        items = found[:limit]
        more = encode_cursor(items[-1].sequence) if len(found) > limit else None
        return Page(items=items, next_cursor=more)
