"""Uploaded files as a run reads them, and objects of items, in S3."""

from http import HTTPStatus
from uuid import UUID

from botocore.exceptions import ClientError

from functions.uploads.gateway import incoming, look, status_of
from functions.uploads.runs.settings import LibrarySettings
from functions.uploads.service import Arrived, Claim
from functions.uploads.settings import UploadSettings
from functions.uploads.shapes import RefusedFileError
from huntaze import clients
from huntaze.settings import load

_CHANGED = "The file was changed or removed while it was looked at; upload it again."
_GONE = (HTTPStatus.NOT_FOUND, HTTPStatus.PRECONDITION_FAILED)
# Heads of boxes and elements lie close together; the data between them is skipped.
_WINDOW = 64 * 1024
_PART = 16 * 1024 * 1024


class S3Bucket:
    """Files as browsers put them, and objects as items have them.

    Whoever has a ticket may send again until it expires: each read names the version that was
    chosen, and of another one there is nothing to read.
    """

    def arrived(self, claim: Claim) -> Arrived | None:
        """Look at what was uploaded last."""
        return look(incoming(claim.workspace_id, claim.upload_id))

    def open(self, claim: Claim) -> "ObjectBytes":
        """Read the chosen version."""
        if claim.etag is None or claim.bytes is None:
            raise ValueError("no version is chosen yet")
        key = incoming(claim.workspace_id, claim.upload_id)
        return ObjectBytes(key, claim.etag, claim.bytes)

    def put(self, key: str, data: bytes, content_type: str) -> None:
        """Write an object."""
        clients.s3().put_object(
            Bucket=load(LibrarySettings).media_bucket, Key=key, Body=data, ContentType=content_type
        )

    def sink(self, key: str, content_type: str) -> "ObjectSink":
        """Begin an object that comes in pieces."""
        return ObjectSink(load(LibrarySettings).media_bucket, key, content_type)

    def forget(self, claim: Claim) -> None:
        """Delete what was uploaded; if this is lost, the bucket does it within two days."""
        clients.s3().delete_object(
            Bucket=load(UploadSettings).uploads_bucket,
            Key=incoming(claim.workspace_id, claim.upload_id),
        )

    def remove(self, workspace_id: UUID, media_id: UUID) -> None:
        """Delete all objects of an item; again does nothing."""
        bucket = load(LibrarySettings).media_bucket
        pages = clients.s3().get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=bucket, Prefix=f"{workspace_id}/{media_id}/"):
            for found in page.get("Contents", []):
                clients.s3().delete_object(Bucket=bucket, Key=found["Key"])


class ObjectBytes:
    """One version of an object, read here and there."""

    def __init__(self, key: str, etag: str, size: int) -> None:
        self.size = size
        self._key = key
        self._etag = etag
        self._held = b""
        self._held_from = 0

    def read(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` up to ``end``, all of them.

        Raises:
            RefusedFileError: Another version has taken its place.
        """
        if start >= end:
            return b""
        held_to = self._held_from + len(self._held)
        if not self._held_from <= start <= end <= held_to:
            self._held = self._fetch(start, min(max(end, start + _WINDOW), self.size))
            self._held_from = start
        return self._held[start - self._held_from : end - self._held_from]

    def _fetch(self, start: int, end: int) -> bytes:
        try:
            answer = clients.s3().get_object(
                Bucket=load(UploadSettings).uploads_bucket,
                Key=self._key,
                IfMatch=self._etag,
                Range=f"bytes={start}-{end - 1}",
            )
        except ClientError as error:
            if status_of(error) in _GONE:
                raise RefusedFileError("changed", _CHANGED) from None
            raise
        data = answer["Body"].read()
        if answer["ETag"] != self._etag:
            raise RefusedFileError("changed", _CHANGED)
        if len(data) != end - start:
            raise OSError("the object answers less than was asked for")
        return data


class ObjectSink:
    """An object that comes in pieces, in parts as large as S3 asks for."""

    def __init__(self, bucket: str, key: str, content_type: str) -> None:
        self._bucket = bucket
        self._key = key
        self._content_type = content_type
        self._held = bytearray()
        self._upload_id: str | None = None
        self._etags = list[str]()

    def write(self, data: bytes) -> None:
        """Add a piece."""
        self._held += data
        while len(self._held) > _PART:
            self._send(bytes(self._held[:_PART]))
            del self._held[:_PART]

    def close(self) -> None:
        """Make the object be there."""
        if self._upload_id is None:
            clients.s3().put_object(
                Bucket=self._bucket,
                Key=self._key,
                Body=bytes(self._held),
                ContentType=self._content_type,
            )
            return
        self._send(bytes(self._held))
        parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(self._etags, start=1)]
        clients.s3().complete_multipart_upload(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._upload_id,
            MultipartUpload={"Parts": parts},  # type: ignore[typeddict-item]
        )
        self._upload_id = None

    def abort(self) -> None:
        """Leave nothing behind."""
        if self._upload_id is not None:
            clients.s3().abort_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._upload_id
            )
            self._upload_id = None

    def _send(self, data: bytes) -> None:
        if self._upload_id is None:
            self._upload_id = clients.s3().create_multipart_upload(
                Bucket=self._bucket,
                Key=self._key,
                ContentType=self._content_type,
            )["UploadId"]
        answer = clients.s3().upload_part(
            Bucket=self._bucket,
            Key=self._key,
            UploadId=self._upload_id,
            PartNumber=len(self._etags) + 1,
            Body=data,
        )
        self._etags.append(answer["ETag"])
