"""Uploaded files in S3, and the queue that wakes the runs."""

import logging
import time
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from botocore.exceptions import ClientError, HTTPClientError, ResponseStreamingError

from functions.fans.imports.models import WakeUp
from functions.fans.imports.service import Claim, StoredFile, Upload, UploadMissingError
from functions.fans.imports.settings import ImportsSettings
from huntaze import clients, correlation
from huntaze.settings import load

log = logging.getLogger(__name__)

_CHANGED = "The file was changed or removed after its import was asked for; upload it again."
_RANGE_BYTES = 4 * 1024 * 1024
_TRIES = 4
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)


def wake(wake_up: WakeUp) -> None:
    """Let a run begin; if this is lost, the sweep of each minute does it."""
    work = correlation.current()
    caused = wake_up.model_copy(update={"correlation_id": work and work.correlation_id})
    try:
        clients.sqs().send_message(
            QueueUrl=load(ImportsSettings).imports_queue_url,
            MessageBody=caused.model_dump_json(),
            # Between workspaces the queue is fair: one with many files lets the others go first.
            MessageGroupId=str(wake_up.workspace_id),
        )
    except Exception:
        # What was asked for is committed: failing now would tell the caller that it is not.
        log.warning("a run was not woken", exc_info=True)


class S3Files:
    """Uploaded files: `incoming` takes what browsers send, `accepted` is what is read.

    Whoever has a ticket may send again until it expires, so nothing is read where it arrives.
    """

    @property
    def _bucket(self) -> str:
        settings: ImportsSettings = load(ImportsSettings)
        return settings.imports_bucket

    def ticket(
        self, upload: Upload, content_type: str, max_bytes: int, valid: timedelta
    ) -> tuple[str, dict[str, str]]:
        """Sign a form that takes one file of one kind and of a limited size under one name."""
        signed = clients.s3().generate_presigned_post(
            self._bucket,
            _incoming(upload.workspace_id, upload.id),
            Fields={"Content-Type": content_type},
            Conditions=[
                {"Content-Type": content_type},
                ["content-length-range", 1, max_bytes],
            ],
            ExpiresIn=round(valid.total_seconds()),
        )
        return signed["url"], signed["fields"]

    def uploaded(self, upload: Upload) -> StoredFile | None:
        """Look at what was uploaded last."""
        return self._look(_incoming(upload.workspace_id, upload.id))

    def accept(self, claim: Claim) -> None:
        """Copy the version that was checked to where nobody can change it; again does nothing.

        Raises:
            UploadMissingError: Another version has taken its place.
        """
        target = _accepted(claim)
        done = self._look(target)
        if done is None:
            source = {"Bucket": self._bucket, "Key": _incoming(claim.workspace_id, claim.upload_id)}
            try:
                clients.s3().copy_object(
                    Bucket=self._bucket,
                    Key=target,
                    CopySource=source,  # type: ignore[arg-type]
                    CopySourceIfMatch=claim.file.etag,
                )
            except ClientError as error:
                if _status(error) in _GONE:
                    raise UploadMissingError(_CHANGED) from None
                raise
            done = self._look(target)
        if done is None or done.size != claim.file.size:
            raise UploadMissingError(_CHANGED)

    def open(self, claim: Claim, offset: int) -> "ObjectSource":
        """Read the accepted copy from ``offset`` on."""
        return ObjectSource(self._bucket, _accepted(claim), offset, claim.file.size)

    def _look(self, key: str) -> StoredFile | None:
        try:
            found = clients.s3().head_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            if _status(error) == HTTPStatus.NOT_FOUND:
                return None
            raise
        return StoredFile(found["ETag"], found["ContentLength"])


class ObjectSource:
    """An object, read in ranges: a run that stores rows meanwhile keeps no answer waiting."""

    def __init__(self, bucket: str, key: str, offset: int, size: int) -> None:
        self._bucket = bucket
        self._key = key
        self._offset = offset
        self._size = size
        self._held = b""

    def read(self, size: int, /) -> bytes:
        """Return up to ``size`` bytes; none at the end."""
        if not self._held and self._offset < self._size:
            self._held = self._fetch()
            self._offset += len(self._held)
        part, self._held = self._held[:size], self._held[size:]
        return part

    def _fetch(self) -> bytes:
        last = min(self._offset + _RANGE_BYTES, self._size) - 1
        for attempt in range(1, _TRIES + 1):
            try:
                answer = clients.s3().get_object(
                    Bucket=self._bucket, Key=self._key, Range=f"bytes={self._offset}-{last}"
                )
                return _whole(answer["Body"].read(), last + 1 - self._offset)
            except ClientError as error:
                if _status(error) == HTTPStatus.NOT_FOUND:
                    raise UploadMissingError(_CHANGED) from None
                raise
            # The client repeats calls, not the reading of an answer that broke off.
            except (ResponseStreamingError, HTTPClientError):
                if attempt == _TRIES:
                    raise
                time.sleep(attempt)
        raise AssertionError("unreachable")


def _whole(data: bytes, wanted: int) -> bytes:
    if len(data) != wanted:
        raise OSError(f"the object answers {len(data)} bytes where {wanted} were asked for")
    return data


def _incoming(workspace_id: UUID, upload_id: UUID) -> str:
    return f"incoming/{workspace_id}/{upload_id}"


def _accepted(claim: Claim) -> str:
    return f"accepted/{claim.workspace_id}/{claim.import_id}"


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
