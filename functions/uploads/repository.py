"""Uploads and their runs in Postgres; the items themselves are the domain's to write."""

from datetime import datetime, timedelta
from uuid import UUID

from psycopg.rows import class_row

from functions.uploads.models import Made, Upload, UploadDraft, WakeUp
from functions.uploads.service import Arrived, Claim, LostClaimError, RunEnd
from huntaze import outbox
from huntaze.db import Connection, Tenant, Transactions
from huntaze.domain import media
from huntaze.domain.creators import resolve_creator
from huntaze.domain.media import MediaDraft, StoredFile
from huntaze.errors import NotFoundError

_READ = """
  SELECT id, creator_id, title, status, refusal, failure, duplicate_of, created_at, expires_at,
         finished_at, '{}'::uuid[] AS similar
    FROM media_uploads WHERE id = %s
"""
_CLAIM = """
  UPDATE media_uploads
     SET fence = fence + 1, runs = runs + 1, leased_until = clock_timestamp() + %(lease)s,
         look_at = clock_timestamp() + %(lease)s
   WHERE id = %(upload)s AND look_at IS NOT NULL
     AND (leased_until IS NULL OR leased_until < clock_timestamp())
  RETURNING workspace_id, id AS upload_id, creator_id, etag, bytes, fence, runs
"""
# A file that nobody announced is looked for less and less often, and a while longer than its ticket
# is good for: the largest one takes long.
_WAIT = """
  UPDATE media_uploads
     SET leased_until = NULL, runs = 0,
         status = CASE WHEN clock_timestamp() > expires_at + interval '1 hour'
                       THEN 'expired' ELSE status END,
         finished_at = CASE WHEN clock_timestamp() > expires_at + interval '1 hour'
                            THEN clock_timestamp() END,
         look_at = CASE WHEN clock_timestamp() <= expires_at + interval '1 hour'
                        THEN clock_timestamp() + greatest(interval '1 minute',
                                                          (clock_timestamp() - created_at) / 2) END
   WHERE id = %s
  RETURNING status
"""
_END = """
  UPDATE media_uploads
     SET status = %(status)s, refusal = %(refusal)s, failure = %(failure)s,
         duplicate_of = %(duplicate_of)s, finished_at = clock_timestamp(), leased_until = NULL,
         look_at = NULL
   WHERE id = %(upload)s
"""


class PostgresUploads:
    """The uploads of one workspace, as its members ask for them."""

    def __init__(self, tenant: Tenant, caller: UUID) -> None:
        self._tenant = tenant
        self._caller = caller

    def add(self, upload_id: UUID, draft: UploadDraft, expires_at: datetime) -> Upload:
        """Note that a file will be uploaded."""
        with self._tenant.transaction() as connection:
            creator = resolve_creator(connection, draft.creator_id)
            connection.execute(
                "INSERT INTO media_uploads (workspace_id, id, creator_id, created_by, title, tags,"
                " platform_media_id, expires_at)"
                " VALUES (current_setting('app.workspace_id')::uuid, %s, %s, %s, %s, %s, %s, %s)",
                (
                    *(upload_id, creator, self._caller, draft.title, draft.tags),
                    *(draft.platform_media_id, expires_at),
                ),
            )
            return _require(connection, upload_id)

    def get(self, upload_id: UUID) -> Upload:
        """Read an upload, and what looks like the photo that it became.

        Raises:
            NotFoundError: The caller has no such upload.
        """
        with self._tenant.transaction() as connection:
            upload = _require(connection, upload_id)
            similar = media.find_similar_photos(connection, upload_id)
        return upload.model_copy(update={"similar": similar})

    def begin(self, upload_id: UUID) -> Upload:
        """Let the work at an upload begin; what goes on already is left alone."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE media_uploads SET status = 'working',"
                " look_at = clock_timestamp() + interval '30 seconds'"
                " WHERE id = %s AND status = 'waiting'",
                (upload_id,),
            )
            return _require(connection, upload_id)


class PostgresRuns:
    """The uploads of one workspace, as runs work at them."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def claim(self, upload_id: UUID, lease: timedelta) -> Claim | None:
        """Take the right to work at an upload, which no other run has then; None if one has."""
        with (
            self._tenant.transaction() as connection,
            connection.cursor(row_factory=class_row(Claim)) as claiming,
        ):
            return claiming.execute(_CLAIM, {"upload": upload_id, "lease": lease}).fetchone()

    def choose(self, claim: Claim, arrived: Arrived) -> Claim:
        """Settle which version of the file is read."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            connection.execute(
                "UPDATE media_uploads SET status = 'working', etag = %s, bytes = %s WHERE id = %s",
                (arrived.etag, arrived.size, claim.upload_id),
            )
        return claim._replace(etag=arrived.etag, bytes=arrived.size)

    def keep(self, claim: Claim, lease: timedelta) -> None:
        """Say that the run is still at it.

        Raises:
            LostClaimError: The upload is not this run's any more.
        """
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            connection.execute(
                "UPDATE media_uploads SET leased_until = clock_timestamp() + %(lease)s,"
                " look_at = clock_timestamp() + %(lease)s WHERE id = %(upload)s",
                {"lease": lease, "upload": claim.upload_id},
            )

    def release(self, claim: Claim) -> None:
        """Give the upload back; the next run comes later each time."""
        with self._tenant.transaction() as connection:
            connection.execute(
                "UPDATE media_uploads SET leased_until = NULL,"
                " look_at = clock_timestamp() + runs * interval '30 seconds'"
                " WHERE id = %s AND fence = %s AND look_at IS NOT NULL",
                (claim.upload_id, claim.fence),
            )

    def wait(self, claim: Claim) -> RunEnd:
        """Leave an upload until its file is there, or nobody may put it there any more."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            row = connection.execute(_WAIT, (claim.upload_id,)).fetchone()
        return "expired" if row is not None and row[0] == "expired" else "waiting"

    def same(self, claim: Claim, sha256: bytes) -> UUID | None:
        """The item of the creator that has the very same file."""
        with self._tenant.transaction() as connection:
            return media.find_same_file(connection, claim.creator_id, sha256)

    def finish(self, claim: Claim, made: Made) -> RunEnd:
        """Make the item, if nobody made the same one meanwhile."""
        try:
            with self._tenant.transaction() as connection:
                _hold(connection, claim)
                self._make(connection, claim, made)
                _end(connection, claim, "ready")
        except media.MediaExistsError as refusal:
            self.refuse(claim, "in_vault_already", refusal.detail)
            return "refused"
        except media.SameFileError:
            same = self.same(claim, made.sha256)
            if same is None:
                raise
            self.duplicate(claim, same)
            return "duplicate"
        return "ready"

    def refuse(self, claim: Claim, refusal: str, failure: str) -> None:
        """End an upload that becomes no item."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            media.request_removal(connection, claim.creator_id, claim.upload_id)
            _end(connection, claim, "refused", refusal=refusal, failure=failure)

    def duplicate(self, claim: Claim, of: UUID) -> None:
        """End an upload that is an item already."""
        with self._tenant.transaction() as connection:
            _hold(connection, claim)
            media.request_removal(connection, claim.creator_id, claim.upload_id)
            _end(connection, claim, "duplicate", duplicate_of=of)

    def _make(self, connection: Connection, claim: Claim, made: Made) -> None:
        row = connection.execute(
            "SELECT title, tags, platform_media_id, created_by FROM media_uploads WHERE id = %s",
            (claim.upload_id,),
        ).fetchone()
        if row is None:
            raise LostClaimError
        title, tags, platform_media_id, created_by = row
        # Not checked again as a draft of a caller's is: a file need not be in the vault.
        draft = MediaDraft.model_construct(
            kind=made.kind, title=title, tags=tags, platform_media_id=platform_media_id, body=None
        )
        media.add_media(
            connection, claim.creator_id, draft, by=created_by, media_id=claim.upload_id
        )
        facts = made.model_dump(exclude={"kind", "size", "sha256", "looks"})
        file = StoredFile(bytes=made.size, **facts)
        media.add_file(
            connection,
            claim.creator_id,
            claim.upload_id,
            file,
            sha256=made.sha256,
            looks=made.looks,
        )


class PostgresRemovals:
    """The objects of one workspace that are to be deleted."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def end(self, media_id: UUID) -> None:
        """Note that the objects of an item are deleted."""
        with self._tenant.transaction() as connection:
            media.end_removal(connection, media_id)


class PostgresWork:
    """What nobody works at, of all workspaces."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def find(self, most: int) -> list[WakeUp]:
        """Find it, the oldest of each kind first; what is due in the calendar is no file."""
        with (
            self._transactions.transaction() as connection,
            connection.cursor(row_factory=class_row(WakeUp)) as reading,
        ):
            return reading.execute(
                "SELECT * FROM media_to_work_at(%s) WHERE task IN ('upload', 'removal')", (most,)
            ).fetchall()


def _require(connection: Connection, upload_id: UUID) -> Upload:
    with connection.cursor(row_factory=class_row(Upload)) as reading:
        upload = reading.execute(_READ, (upload_id,)).fetchone()
    if upload is None:
        raise NotFoundError("There is no such upload in this workspace.")
    return upload


def _hold(connection: Connection, claim: Claim) -> None:
    """Lock the upload: a run that thinks this one is dead waits."""
    found = connection.execute(
        "SELECT fence FROM media_uploads WHERE id = %s AND look_at IS NOT NULL FOR UPDATE",
        (claim.upload_id,),
    ).fetchone()
    if found != (claim.fence,):
        raise LostClaimError


def _end(
    connection: Connection,
    claim: Claim,
    status: RunEnd,
    *,
    refusal: str | None = None,
    failure: str | None = None,
    duplicate_of: UUID | None = None,
) -> None:
    values = {"refusal": refusal, "failure": failure, "duplicate_of": duplicate_of}
    connection.execute(_END, {**values, "status": status, "upload": claim.upload_id})
    outbox.add(
        connection,
        "content.upload_ended",
        workspace_id=claim.workspace_id,
        aggregate=("content_upload", claim.upload_id),
        payload={
            "creator_id": str(claim.creator_id),
            "status": status,
            "refusal": refusal,
            "duplicate_of": duplicate_of and str(duplicate_of),
        },
    )
