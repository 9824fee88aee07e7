"""Uploads, imports and their runs in Postgres; the rows themselves are the domain's to write."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import cast
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from functions.fans.imports.chunks import Chunk
from functions.fans.imports.models import (
    ImportFormat,
    ImportKind,
    ImportReport,
    Place,
    RejectedRow,
    WakeUp,
)
from functions.fans.imports.rows import REPORTED
from functions.fans.imports.service import (
    MAX_IDLE_RUNS,
    AlreadyFinishedError,
    Claim,
    LostClaimError,
    RefusedRowsError,
    StoredFile,
    Upload,
)
from huntaze import outbox
from huntaze.db import Connection, Tenant, Transactions
from huntaze.domain import fans, money
from huntaze.domain.creators import resolve_creator
from huntaze.domain.fans import BulkOutcome, FanRow
from huntaze.domain.money import RecordOutcome, TransactionRow
from huntaze.errors import NotFoundError
from huntaze.ids import new_id

_READ = sql.SQL("""
  SELECT id, creator_id, kind, status, upload_id, bytes_total, bytes_read, rows_read, rows_created,
         rows_updated, rows_unchanged, rows_rejected, rejected, note, failure, created_at,
         finished_at
    FROM imports
   WHERE {key} = %s {lock}
""")
_LOCKED = sql.SQL("FOR UPDATE")

_COUNT = """
  UPDATE imports
     SET rows_read = rows_read + %(read)s, rows_created = rows_created + %(created)s,
         rows_updated = rows_updated + %(updated)s, rows_unchanged = rows_unchanged + %(unchanged)s,
         rows_rejected = rows_rejected + %(rejected)s, bytes_read = %(offset)s,
         checkpoint = %(place)s, note = %(note)s, idle_runs = 0
   WHERE id = %(import)s
"""
_REPORT_REJECTED = """
  UPDATE imports
     SET rejected = jsonb_path_query_array(rejected || %(rows)s, '$[0 to $end]', %(end)s)
   WHERE id = %(import)s
"""
_FINISH = """
  UPDATE imports
     SET status = %(status)s, failure = %(failure)s, finished_at = clock_timestamp(),
         leased_until = NULL
   WHERE id = %(import)s
"""
_CLAIM = """
  UPDATE imports i
     SET fence = i.fence + 1, idle_runs = i.idle_runs + 1,
         leased_until = clock_timestamp() + %(lease)s
    FROM creators c
   WHERE i.id = %(import)s AND i.status = 'running' AND i.upload_id IS NOT NULL
     AND (i.leased_until IS NULL OR i.leased_until < clock_timestamp())
     AND c.id = i.creator_id
  RETURNING i.workspace_id, i.creator_id, i.upload_id, i.kind, i.format, c.currency, i.etag,
            i.bytes_total, i.checkpoint, i.fence, i.idle_runs
"""
# A run that stands still must not keep others from the import for longer.
_STALL_LIMIT = "SET LOCAL idle_in_transaction_session_timeout = '60s'"
_CP1252_NOTE = (
    "The file is not UTF-8 and was read as Windows-1252, as Excel saves it in Western Europe."
    " If names look wrong, save it as UTF-8 and import it again."
)


class PostgresImports:
    """The imports of one workspace, as its members ask for them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def get(self, import_id: UUID) -> ImportReport:
        """Read a report.

        Raises:
            NotFoundError: The caller has no such import.
        """
        with self._tenant.transaction() as connection:
            report = _find(connection, "id", import_id)
        if report is None:
            raise NotFoundError("There is no such import in this workspace.")
        return report

    def store_all(
        self,
        kind: ImportKind,
        creator_id: UUID | None,
        chunks: Callable[[str], Iterator[Chunk]],
    ) -> ImportReport:
        """Store a whole file and its report, in one transaction."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, creator_id)
            currency = _currency(connection, creator)
            import_id = self._add(connection, creator, kind)
            for chunk in chunks(currency):
                merge = _stage(connection, creator, kind, chunk)
                _store(connection, import_id, chunk, merge())
            _finish(connection, import_id, "completed")
            return self.get(import_id)

    def add_upload(self, upload_id: UUID, creator_id: UUID | None, expires_at: datetime) -> Upload:
        """Note that a file will be uploaded."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, creator_id)
            connection.execute(
                "INSERT INTO import_uploads (workspace_id, id, creator_id, created_by, expires_at)"
                " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s)",
                (upload_id, creator, self._caller, expires_at),
            )
        return Upload(upload_id, self._tenant.workspace_id, creator)

    def upload(self, upload_id: UUID) -> Upload:
        """Read an upload.

        Raises:
            NotFoundError: The caller has no such upload.
        """
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Upload)) as reading,
        ):
            upload = reading.execute(
                "SELECT id, workspace_id, creator_id FROM import_uploads WHERE id = %s",
                (upload_id,),
            ).fetchone()
        if upload is None:
            raise NotFoundError("There is no such upload in this workspace.")
        return upload

    def find_import(self, upload: Upload) -> ImportReport | None:
        """Read the import of an upload; one that we gave up is begun again where it stopped."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE imports SET status = 'running', idle_runs = 0, failure = NULL,"
                " finished_at = NULL"
                " WHERE upload_id = %s AND status = 'failed' AND idle_runs > %s",
                (upload.id, MAX_IDLE_RUNS),
            )
            return _find(connection, "upload_id", upload.id)

    def add_import(
        self, upload: Upload, kind: ImportKind, file: StoredFile, as_format: ImportFormat | None
    ) -> ImportReport:
        """Note that an uploaded file is to be imported, unless it was noted meanwhile."""
        with self._tenant.transaction() as connection:
            self._add(
                connection,
                upload.creator_id,
                kind,
                upload_id=upload.id,
                etag=file.etag,
                format=as_format,
                bytes_total=file.size,
            )
            report = _find(connection, "upload_id", upload.id)
        if report is None:
            raise LookupError("an import that was just added is not there")
        return report

    def cancel(self, import_id: UUID) -> None:
        """Stop an import after the rows that are stored already.

        Raises:
            NotFoundError: The caller has no such import.
            AlreadyFinishedError: It is over.
        """
        with self._tenant.transaction() as connection:
            found = _find(connection, "id", import_id, lock=True)
            if found is None:
                raise NotFoundError("There is no such import in this workspace.")
            if found.status != "running":
                raise AlreadyFinishedError(f"The import is {found.status} already.")
            _finish(connection, import_id, "cancelled")

    def _add(
        self, connection: Connection, creator_id: UUID, kind: ImportKind, **of_upload: object
    ) -> UUID:
        values = {
            **dict.fromkeys(("upload_id", "etag", "format", "bytes_total")),
            **of_upload,
            "id": new_id(),
            "creator": creator_id,
            "kind": kind,
            "by": self._caller,
        }
        connection.execute(
            "INSERT INTO imports (workspace_id, id, creator_id, kind, status, created_by,"
            " upload_id, etag, format, bytes_total)"
            " VALUES (current_setting('app.workspace_id')::uuid, %(id)s, %(creator)s, %(kind)s,"
            " 'running', %(by)s, %(upload_id)s, %(etag)s, %(format)s, %(bytes_total)s)"
            " ON CONFLICT (workspace_id, upload_id) DO NOTHING",
            values,
        )
        return cast("UUID", values["id"])


class PostgresRuns:
    """The imports of one workspace, as runs work at them."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def claim(self, import_id: UUID, lease: timedelta) -> Claim | None:
        """Take the right to work at an import, which no other run has then; None if one has."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=dict_row) as claiming,
        ):
            row = claiming.execute(_CLAIM, {"import": import_id, "lease": lease}).fetchone()
        if row is None:
            return None
        checkpoint = row.pop("checkpoint")
        return Claim(
            import_id=import_id,
            file=StoredFile(row.pop("etag"), row.pop("bytes_total")),
            place=None if checkpoint is None else Place.model_validate(checkpoint),
            **row,
        )

    def keep(self, claim: Claim, chunk: Chunk, lease: timedelta) -> None:
        """Store a chunk, what it adds to the report, and where to go on: all or nothing.

        Raises:
            LostClaimError: The import is not this run's any more; nothing is stored.
            RefusedRowsError: The database refuses the rows; nothing is stored.
        """
        try:
            with self._tenant.transaction() as connection:
                connection.execute(_STALL_LIMIT)
                # Before the lock: that limit does not end a run that stands still in a COPY.
                merge = _stage(connection, claim.creator_id, claim.kind, chunk)
                _hold(connection, claim)
                _store(connection, claim.import_id, chunk, merge())
                if chunk.last:
                    _finish(connection, claim.import_id, "completed")
                    _tell(connection, claim, "import.completed")
                else:
                    connection.execute(
                        "UPDATE imports SET leased_until = clock_timestamp() + %s WHERE id = %s",
                        (lease, claim.import_id),
                    )
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            # Without the rows themselves, which the database's own sentence may quote.
            raise RefusedRowsError(
                f"Rows before line {chunk.place.lines + 1} cannot be stored"
                f" ({type(error).__name__}); the rows before them are imported."
            ) from error

    def release(self, claim: Claim) -> None:
        """Give the import back, so that the next run need not wait for the lease to end."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE imports SET leased_until = clock_timestamp()"
                " WHERE id = %s AND fence = %s AND status = 'running'",
                (claim.import_id, claim.fence),
            )

    def fail(self, claim: Claim, reason: str) -> None:
        """End an import that cannot go on; if it is not this run's any more, nothing happens."""
        with self._tenant.transaction() as connection:
            try:
                _hold(connection, claim)
            except LostClaimError:
                return
            _finish(connection, claim.import_id, "failed", reason)
            _tell(connection, claim, "import.failed")


class PostgresStalled:
    """The imports of all workspaces that nobody works at."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, most: int) -> list[WakeUp]:
        """Find them, the oldest first."""
        with (
            self._transactions.transaction() as connection,
            connection.cursor(row_factory=class_row(WakeUp)) as reading,
        ):
            return reading.execute("SELECT * FROM imports_to_resume(%s)", (most,)).fetchall()


def _find(
    connection: Connection, key: str, value: UUID, *, lock: bool = False
) -> ImportReport | None:
    statement = _READ.format(key=sql.Identifier(key), lock=_LOCKED if lock else sql.SQL(""))
    with connection.cursor(row_factory=class_row(ImportReport)) as reading:
        return reading.execute(statement, (value,)).fetchone()


def _currency(connection: Connection, creator_id: UUID) -> str:
    found = connection.execute("SELECT currency FROM creators WHERE id = %s", (creator_id,))
    ((currency,),) = found.fetchall()
    return cast("str", currency)


def _hold(connection: Connection, claim: Claim) -> None:
    """Lock the import: cancelling waits, and so does a run that thinks this one is dead."""
    found = connection.execute(
        "SELECT status, fence FROM imports WHERE id = %s FOR UPDATE", (claim.import_id,)
    ).fetchone()
    if found != ("running", claim.fence):
        raise LostClaimError


def _stage(
    connection: Connection, creator_id: UUID, kind: ImportKind, chunk: Chunk
) -> Callable[[], BulkOutcome | RecordOutcome]:
    """Copy the rows to the transaction's own tables; what comes back stores them from there."""
    merge: Callable[[], BulkOutcome | RecordOutcome]
    if kind == "fans":
        staged_fans = fans.stage(connection, creator_id, cast("list[FanRow]", chunk.rows))
        merge = partial(fans.upsert_staged, connection, creator_id, staged_fans)
    else:
        staged = money.stage(connection, creator_id, cast("list[TransactionRow]", chunk.rows))
        merge = partial(money.record_staged, connection, creator_id, staged)
    chunk.copied()
    return merge


def _store(
    connection: Connection, import_id: UUID, chunk: Chunk, done: BulkOutcome | RecordOutcome
) -> None:
    rejected, rejected_count = list(chunk.rejected), chunk.rejected_count
    if isinstance(done, BulkOutcome):
        rejected_count += len(done.erased)
        rejected += [
            RejectedRow(line=line, reason="this person has asked to be forgotten")
            for line in done.erased
        ]
        rejected.sort(key=lambda row: row.line)
    connection.execute(
        _COUNT,
        {
            "read": len(chunk.rows) + chunk.rejected_count,
            "created": done.created,
            "updated": done.updated,
            "unchanged": done.unchanged,
            "rejected": rejected_count,
            "offset": chunk.place.offset,
            "place": Jsonb(chunk.place.model_dump()),
            "note": _CP1252_NOTE if chunk.place.encoding == "cp1252" else None,
            "import": import_id,
        },
    )
    if rejected:
        rows = Jsonb([row.model_dump() for row in rejected[:REPORTED]])
        end = Jsonb({"end": REPORTED - 1})
        connection.execute(_REPORT_REJECTED, {"rows": rows, "end": end, "import": import_id})


def _finish(
    connection: Connection, import_id: UUID, status: str, failure: str | None = None
) -> None:
    connection.execute(_FINISH, {"status": status, "failure": failure, "import": import_id})


def _tell(connection: Connection, claim: Claim, event_type: str) -> None:
    """Announce the end of an import that nobody waited for."""
    outbox.add(
        connection,
        event_type,
        workspace_id=claim.workspace_id,
        aggregate=("import", claim.import_id),
        payload={"creator_id": str(claim.creator_id), "kind": claim.kind},
    )
