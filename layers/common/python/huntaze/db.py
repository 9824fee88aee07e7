"""Postgres: one connection per execution environment, and transactions that know their tenant."""

import logging
import select
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol
from uuid import UUID

import psycopg
from psycopg.rows import TupleRow

from huntaze import clients, correlation
from huntaze.settings import DatabaseSettings, load

type Connection = psycopg.Connection[TupleRow]

CERTIFICATE_AUTHORITIES = Path(__file__).with_name("database_ca.pem")

# A rotation changes the server first and the secret a moment later: who connects in between has
# read the old password, and reads again.
_ROTATION_PAUSES = (0.3, 1.0, 2.0, 4.0)

# As the policies of 0001 read the scope.
EVERY_CREATOR = "*"
# As those of 0022 read whose notifications are meant: everybody's, for who tells members of events.
EVERY_MEMBER: Final = "*"

# What waits for the commit of the outermost transaction; None outside of any.
_waiting: ContextVar[list[Callable[[], object]] | None] = ContextVar("_waiting", default=None)
# The transaction around a whole request; None where there is none.
_whole: ContextVar["_WholeTransaction | None"] = ContextVar("_whole", default=None)

log = logging.getLogger(__name__)


class NestedTransactionError(RuntimeError):
    """A second transaction was opened on a connection that is inside one."""


class ConnectionSource(Protocol):
    """Lends a connection outside any transaction (a single one, or a pool's)."""

    def connection(self) -> AbstractContextManager[Connection]:
        """Lend a connection until the block ends."""
        ...


class Absence(Protocol):
    """What is to be done when the transaction around a request is left, and begun again."""

    def before_leaving(self, connection: Connection) -> None:
        """Called before the commit."""
        ...

    def after_coming_back(self, connection: Connection) -> None:
        """Called in the next transaction, first of all."""
        ...


class SingleConnection:
    """One connection, opened on first use and again when it was lost."""

    def __init__(self, connect: Callable[[], Connection]) -> None:
        self._connect = connect
        self._open: Connection | None = None
        self._lent = False
        self._whole = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Lend the connection.

        Raises:
            NestedTransactionError: It is lent already.
        """
        if self._lent:
            raise NestedTransactionError("open the second part inside the first transaction")
        connection = self._living()
        self._lent = True
        try:
            yield connection
        except psycopg.OperationalError:
            # A dead connection must not fail the next request too.
            connection.close()
            raise
        finally:
            self._lent = False

    def _living(self) -> Connection:
        # In the middle of a whole request nothing may go on with another connection.
        is_over = not self._whole and self._open and (self._open.closed or _lost(self._open))
        if self._open is None or is_over:
            self._open = self._connect()
        return self._open

    @contextmanager
    def one_transaction(self, absence: Absence | None = None) -> Iterator[Connection]:
        """Make everything until the end of the block one transaction.

        What opens a transaction inside gets a savepoint of this one, and what is ``once_committed``
        waits for its commit.

        Args:
            absence: What is to be done where something inside is done `outside_of_transaction`;
                None: nothing is.
        """
        with _acting_once_committed(), self.connection() as connection:
            self._lent, self._whole = False, True
            whole = _WholeTransaction(self, connection, absence)
            token = _whole.set(whole)
            try:
                with whole:
                    yield connection
            finally:
                _whole.reset(token)
                self._lent, self._whole = True, False

    @property
    def is_lent(self) -> bool:
        """Whether somebody uses the connection."""
        return self._lent


class _WholeTransaction:
    """The transaction around a whole request, which may be left for a while."""

    def __init__(
        self, source: SingleConnection, connection: Connection, absence: Absence | None
    ) -> None:
        self._source = source
        self._connection = connection
        self._absence = absence
        self._open: AbstractContextManager[object] | None = None

    def __enter__(self) -> None:
        self._begin()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._open is not None:
            self._open.__exit__(kind, error, traceback)

    def _begin(self) -> None:
        transaction = self._connection.transaction()
        transaction.__enter__()
        self._open = transaction

    def leave(self, *, keep: bool) -> bool:
        """Commit, if what was written so far may be kept; answers whether it did."""
        if self._absence is None or self._open is None:
            return False
        if self._source.is_lent:
            log.warning("something slow is done inside of a transaction of a feature")
            return False
        (wrote,) = self._connection.execute(
            "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
        ).fetchone() or (True,)
        if wrote and not keep:
            log.warning("something slow is done after a request has written")
            return False
        self._absence.before_leaving(self._connection)
        transaction, self._open = self._open, None
        transaction.__exit__(None, None, None)
        return True

    def come_back(self) -> None:
        """Begin again."""
        self._begin()
        if self._absence is not None:
            self._absence.after_coming_back(self._connection)


@contextmanager
def outside_of_transaction(*, keep: bool = False) -> Iterator[None]:
    """Do something slow, or something that no rollback undoes, while no transaction is open.

    Only the transaction around a whole request is left. What was read before may have changed
    afterwards. A request that has written something already stays in its transaction, unless that
    may be kept whatever becomes of the rest.

    Args:
        keep: What was written so far may be committed: to do it once more does no harm.
    """
    whole = _whole.get()
    if whole is None or not whole.leave(keep=keep):
        yield
        return
    try:
        yield
    finally:
        whole.come_back()


@contextmanager
def _acting_once_committed() -> Iterator[None]:
    """Around the outermost transaction: do what was asked for inside once it is committed."""
    if _waiting.get() is not None:
        yield
        return
    waiting: list[Callable[[], object]] = []
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    for action in waiting:
        action()


def once_committed(action: Callable[[], object]) -> None:
    """Do what others would see too early otherwise: after the commit, or now outside of any."""
    waiting = _waiting.get()
    if waiting is None:
        action()
    else:
        waiting.append(action)


def _lost(connection: Connection) -> bool:
    """Whether the server hung up while the connection lay idle (a restart, a failover).

    An idle server says nothing: anything to read is its farewell. Asking the socket costs no
    round trip, and the first request after a restart does not fail.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))


def tls(mode: Literal["disable", "verify-full"]) -> dict[str, Any]:
    """What a connection needs to know of TLS: whom to believe, and for which name.

    The roots are those of RDS and, for its proxies, of Amazon's public authority; no other
    authority can vouch for the database.
    """
    if mode == "disable":
        return {"sslmode": mode}
    return {"sslmode": mode, "sslrootcert": str(CERTIFICATE_AUTHORITIES)}


def login(settings: DatabaseSettings, *, name: str = "huntaze") -> dict[str, Any]:
    """How to connect with the role of ``settings``; its password is read anew at each call.

    Args:
        settings: Where the database is, and the secret of the role.
        name: What the server shows of whoever connects.
    """
    secret = clients.secret_json(settings.database_secret_arn)
    return {
        "host": settings.database_host,
        "port": settings.database_port,
        "dbname": settings.database_name,
        "user": secret["username"],
        "password": secret["password"],
        # RDS Proxy pins a connection that holds prepared statements.
        "prepare_threshold": None,
        "autocommit": True,
        "connect_timeout": 5,
        "application_name": name,
        **tls(settings.database_tls),
    }


def connect(settings: DatabaseSettings) -> Connection:
    """Open a connection with the role of ``settings``."""
    for pause in _ROTATION_PAUSES:
        try:
            return psycopg.connect(**login(settings))
        except psycopg.OperationalError as error:
            # Before there is a session, the message is all that the server's refusal has.
            if "password" not in str(error):
                raise
            time.sleep(pause)
    return psycopg.connect(**login(settings))


def connect_as_owner(
    secret_arn: str, encryption: Literal["disable", "verify-full"], *, name: str
) -> Connection:
    """Open a connection as the owner of the database; not through the proxy."""
    secret = clients.secret_json(secret_arn)
    return psycopg.connect(
        host=secret["host"],
        port=int(secret["port"]),
        dbname=secret["dbname"],
        user=secret["username"],
        password=secret["password"],
        autocommit=True,
        connect_timeout=10,
        application_name=name,
        # The server bounds what functions ask; filling a new column may take longer.
        options="-c statement_timeout=0",
        **tls(encryption),
    )


@cache
def database() -> SingleConnection:
    """The database of this function, as its environment describes it."""
    return SingleConnection(lambda: connect(load(DatabaseSettings)))


class Transactions:
    """Transactions of a role that works across workspaces.

    Args:
        source: Lends the connection.
    """

    def __init__(self, source: ConnectionSource) -> None:
        self._source = source
        self._current: Connection | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction, or a savepoint inside the one that is open."""
        if self._current is not None:
            with self._current.transaction():
                yield self._current
            return
        with (
            _acting_once_committed(),
            self._source.connection() as connection,
            connection.transaction(),
        ):
            self._enter(connection)
            self._current = connection
            try:
                yield connection
            finally:
                self._current = None

    def _enter(self, connection: Connection) -> None:
        """Prepare a transaction that was just opened."""


class Tenant(Transactions):
    """Transactions of one workspace: row level security hides every other.

    Args:
        source: Lends the connection.
        workspace_id: Whose rows are seen and written.
        creators: The creators that the caller may see; None is all of the workspace.
        member: Whose own rows are seen beside; None is nobody's.
    """

    def __init__(
        self,
        source: ConnectionSource,
        workspace_id: UUID,
        creators: list[UUID] | None = None,
        *,
        member: UUID | Literal["*"] | None = None,
    ) -> None:
        super().__init__(source)
        self._workspace_id = workspace_id
        self._scope = EVERY_CREATOR if creators is None else ",".join(map(str, creators))
        self._member = "" if member is None else str(member)

    @property
    def workspace_id(self) -> UUID:
        """Whose rows these are."""
        return self._workspace_id

    def _enter(self, connection: Connection) -> None:
        work = correlation.current()
        connection.execute(
            "SELECT set_config('app.workspace_id', %s, true),"
            " set_config('app.creator_scope', %s, true), set_config('app.member', %s, true),"
            # Read by defaults of columns: rows know which work made them.
            " set_config('app.correlation_id', %s, true), set_config('app.trace', %s, true)",
            (
                str(self._workspace_id),
                self._scope,
                self._member,
                "" if work is None else str(work.correlation_id),
                "" if work is None else work.trace or "",
            ),
        )
