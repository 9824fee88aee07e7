"""Requests that may be repeated: one effect for each Idempotency-Key, and one reply.

The reply is stored in the transaction of the effect. A process that dies before the commit has
done nothing; one that dies after it has left the reply for the request that comes again.

While something slow works for a request (a model, Stripe), its transaction is left
(`huntaze.db.outside_of_transaction`) and the key is claimed: a row without a reply, with a lease.
Who comes back and finds the claim gone was too slow, and does nothing more.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from http import HTTPStatus
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from huntaze.auth import Principal
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.errors import BadRequestError, ConflictError, InvalidInputError
from huntaze.ids import new_id

HEADER = "Idempotency-Key"
REPLAYED_HEADER = "Idempotency-Replayed"

# A client that has not asked again for a day has given up; until it is swept, a key still counts.
_KEPT = timedelta(hours=24)
# Each new key takes away a few old ones: no request pays for many, and none is left for long.
_SWEPT = 20
_LONGEST = 255
# API Gateway waits for 29 seconds, and no function that answers it runs for a minute.
_LEASE = timedelta(minutes=2)
_LOOKS, _PAUSE = 40, 0.05
_SAFE = {"GET", "HEAD", "OPTIONS"}

type Event = dict[str, Any]
type Reply = dict[str, Any]


class RequestInFlightError(ConflictError):
    """The request with this key is being worked on."""


class IdempotencyKeyReusedError(InvalidInputError):
    """The key came with another request before."""


class ReplyErasedError(ConflictError):
    """The request was done; its reply went with the person it spoke of."""


class _MalformedError(Exception):
    """What was answered is no answer of the route: a fault of ours, which undoes the effect."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


class KeyedRequest(NamedTuple):
    """A request as it is told from others."""

    workspace_id: UUID
    user_id: UUID
    route: str
    key: str
    request_hash: bytes

    @property
    def lock(self) -> int:
        """A number for the key, the same in every process."""
        name = json.dumps([str(self.workspace_id), str(self.user_id), self.route, self.key])
        return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)


def keyed_request(event: Event, principal: Principal) -> KeyedRequest | None:
    """Read the key of a request; None when it has none, or changes nothing.

    Raises:
        BadRequestError: The key is not 1 to 255 printable ASCII characters.
    """
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    key = headers.get(HEADER.lower())
    if key is None or event["httpMethod"] in _SAFE:
        return None
    if not (0 < len(key) <= _LONGEST and key.isascii() and key.isprintable()):
        raise BadRequestError(
            f"An {HEADER} is 1 to {_LONGEST} printable ASCII characters, e.g. a UUID."
        )
    # The path as it was sent: a key that is used for two campaigns is two keys.
    route = f"{event['httpMethod']} {event['path']}"
    content = json.dumps([event.get("multiValueQueryStringParameters"), event.get("body")])
    return KeyedRequest(
        principal.workspace_id,
        principal.user_id,
        route,
        key,
        hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest(),
    )


def answer_once(
    request: KeyedRequest, source: SingleConnection, answer: Callable[[], Reply]
) -> Reply:
    """Give the stored reply, or answer and store the reply with what answering has changed.

    A refusal is not stored: nothing was done, and the caller may mend what was wrong.

    Raises:
        RequestInFlightError: The same request is being answered by another process.
        IdempotencyKeyReusedError: The key belongs to another request.
        ReplyErasedError: It was answered; the reply is gone.
    """
    claim = _Claim(request, source)
    try:
        return _answer_in_one(request, source, answer, claim)
    except _MalformedError as fault:
        claim.drop_after_all()
        return fault.reply
    except BaseException:
        claim.drop_after_all()
        raise


def _answer_in_one(
    request: KeyedRequest,
    source: SingleConnection,
    answer: Callable[[], Reply],
    claim: "_Claim",
) -> Reply:
    with source.one_transaction(claim) as connection:
        # A tenant for this one query each: what answering opens is a tenant of its own.
        with Tenant(source, request.workspace_id).transaction():
            if not _lock(connection, request):
                raise _in_flight()
            stored = _find(connection, request)
        if stored is not None:
            return stored
        reply = answer()
        if reply["statusCode"] == HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _MalformedError(reply)
        with Tenant(source, request.workspace_id).transaction():
            if reply["statusCode"] < HTTPStatus.BAD_REQUEST and not _sets_cookies(reply):
                _store(connection, request, reply)
            else:
                claim.drop(connection)
        return reply


class _Claim:
    """The key while its request is outside of its transaction."""

    def __init__(self, request: KeyedRequest, source: SingleConnection) -> None:
        self._request = request
        self._source = source
        self._id = new_id()
        self._is_made = False

    def before_leaving(self, connection: Connection) -> None:
        """Claim the key, or claim it for longer."""
        with self._tenant().transaction():
            _sweep(connection, self._request)
            connection.execute(
                "INSERT INTO idempotency_keys AS k"
                " (workspace_id, user_id, route, key, request_hash, claim, claimed_until)"
                " SELECT m.workspace_id, m.user_id, %s, %s, %s, %s, clock_timestamp() + %s"
                " FROM members m WHERE m.workspace_id = %s AND m.user_id = %s FOR KEY SHARE"
                " ON CONFLICT (workspace_id, user_id, route, key) DO UPDATE"
                " SET request_hash = excluded.request_hash, claim = excluded.claim,"
                " claimed_until = excluded.claimed_until, created_at = clock_timestamp()"
                " WHERE k.claim IS NOT NULL",
                (
                    *(self._request[2:]),
                    *(self._id, _LEASE, self._request.workspace_id, self._request.user_id),
                ),
            )
        self._is_made = True

    def after_coming_back(self, connection: Connection) -> None:
        """Go on, if the key is still claimed for this request.

        Raises:
            RequestInFlightError: Another process has taken it over.
        """
        with self._tenant().transaction():
            # Whoever only looks whether the key is free holds the lock for a moment.
            for _ in range(_LOOKS):
                if _lock(connection, self._request):
                    break
                time.sleep(_PAUSE)
            else:
                raise _in_flight()
            mine = connection.execute(
                "SELECT FROM idempotency_keys WHERE workspace_id = %s AND user_id = %s"
                " AND route = %s AND key = %s AND claim = %s",
                (*self._request[:4], self._id),
            ).fetchone()
            if mine is None:
                raise _in_flight()

    def drop(self, connection: Connection) -> None:
        """Give the key back: nothing was done."""
        if self._is_made:
            connection.execute(
                "DELETE FROM idempotency_keys WHERE workspace_id = %s AND user_id = %s"
                " AND route = %s AND key = %s AND claim = %s",
                (*self._request[:4], self._id),
            )

    def drop_after_all(self) -> None:
        """Give the key back after a rollback; if that fails, too, its lease ends it."""
        if self._is_made:
            with suppress(psycopg.Error), self._tenant().transaction() as connection:
                self.drop(connection)

    def _tenant(self) -> Tenant:
        return Tenant(self._source, self._request.workspace_id)


def erase_replies(connection: Connection, words: Iterable[str]) -> None:
    """Blank the replies in which any of these words stands; a repeated request is told so.

    A word that stands in a reply by chance costs a repeated request its reply, and no more.
    """
    # As a reply is stored: a JSON text in a JSON text, with or without escapes in either.
    spellings = {
        json.dumps(json.dumps(word, ensure_ascii=inner)[1:-1], ensure_ascii=outer)[1:-1]
        for word in words
        for inner in (True, False)
        for outer in (True, False)
    }
    connection.execute(
        "UPDATE idempotency_keys SET reply = NULL WHERE reply IS NOT NULL"
        " AND EXISTS (SELECT FROM unnest(%s::text[]) word WHERE position(word IN reply) > 0)",
        (sorted(spellings - {""}),),
    )


def _lock(connection: Connection, request: KeyedRequest) -> bool:
    # Held until the commit; whoever comes after it finds the reply.
    (locked,) = connection.execute(
        "SELECT pg_try_advisory_xact_lock(%s)", (request.lock,)
    ).fetchone() or (False,)
    return bool(locked)


def _in_flight() -> RequestInFlightError:
    return RequestInFlightError(
        f"A request with this {HEADER} is under way; ask again in a second."
    )


def _find(connection: Connection, request: KeyedRequest) -> Reply | None:
    row = connection.execute(
        "SELECT request_hash, reply, claim IS NOT NULL, claimed_until > clock_timestamp()"
        " FROM idempotency_keys"
        " WHERE workspace_id = %s AND user_id = %s AND route = %s AND key = %s",
        request[:4],
    ).fetchone()
    if row is None:
        return None
    request_hash, text, is_claimed, is_alive = row
    if is_claimed and not is_alive:
        return None
    if request_hash != request.request_hash:
        raise IdempotencyKeyReusedError(
            f"This {HEADER} came with another body before; take a new key for a new request."
        )
    if is_claimed:
        raise _in_flight()
    if text is None:
        raise ReplyErasedError("The request was done before; its reply was erased since.")
    reply: Reply = json.loads(text)
    headers = {**(reply.get("multiValueHeaders") or {}), REPLAYED_HEADER: ["true"]}
    return {**reply, "multiValueHeaders": headers}


def _store(connection: Connection, request: KeyedRequest, reply: Reply) -> None:
    _sweep(connection, request)
    connection.execute(
        # Who has just left the workspace asks for nothing again.
        "INSERT INTO idempotency_keys AS k (workspace_id, user_id, route, key, request_hash, reply)"
        " SELECT m.workspace_id, m.user_id, %s, %s, %s, %s FROM members m"
        " WHERE m.workspace_id = %s AND m.user_id = %s FOR KEY SHARE"
        # The claim, which this lock makes ours, or that of one who died.
        " ON CONFLICT (workspace_id, user_id, route, key) DO UPDATE"
        " SET request_hash = excluded.request_hash, reply = excluded.reply,"
        " claim = NULL, claimed_until = NULL WHERE k.claim IS NOT NULL",
        (*request[2:], json.dumps(reply), request.workspace_id, request.user_id),
    )


def _sweep(connection: Connection, request: KeyedRequest) -> None:
    connection.execute(
        "DELETE FROM idempotency_keys WHERE ctid IN ("
        "  SELECT ctid FROM idempotency_keys"
        "  WHERE workspace_id = %s AND created_at <= statement_timestamp() - %s"
        "  ORDER BY created_at LIMIT %s FOR UPDATE SKIP LOCKED)",
        (request.workspace_id, _KEPT, _SWEPT),
    )


def _sets_cookies(reply: Reply) -> bool:
    names = {*(reply.get("headers") or {}), *(reply.get("multiValueHeaders") or {})}
    return any(name.lower() == "set-cookie" for name in names)
