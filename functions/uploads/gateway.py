"""Uploaded files in S3, and the queue that wakes the runs."""

import logging
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from botocore.exceptions import ClientError

from functions.uploads.models import WakeUp
from functions.uploads.service import Arrived
from functions.uploads.settings import UploadSettings
from huntaze import clients, correlation
from huntaze.settings import load

log = logging.getLogger(__name__)


def wake(wake_up: WakeUp) -> None:
    """Let the work begin; if this is lost, the sweep of each minute does it."""
    work = correlation.current()
    caused = wake_up.model_copy(update={"correlation_id": work and work.correlation_id})
    try:
        clients.sqs().send_message(
            QueueUrl=load(UploadSettings).enrichment_queue_url,
            MessageBody=caused.model_dump_json(),
        )
    except Exception:
        # What was asked for is committed: failing now would tell the caller that it is not.
        log.warning("the work at an upload was not woken", exc_info=True)


class S3Tickets:
    """Forms for the browsers of one workspace."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id

    def ticket(
        self, upload_id: UUID, content_type: str, max_bytes: int, valid: timedelta
    ) -> tuple[str, dict[str, str]]:
        """Sign a form that takes one file of one kind and of a limited size under one name."""
        signed = clients.s3().generate_presigned_post(
            load(UploadSettings).uploads_bucket,
            incoming(self._workspace_id, upload_id),
            Fields={"Content-Type": content_type},
            Conditions=[
                {"Content-Type": content_type},
                ["content-length-range", 1, max_bytes],
            ],
            ExpiresIn=round(valid.total_seconds()),
        )
        return signed["url"], signed["fields"]

    def has_arrived(self, upload_id: UUID) -> bool:
        """Whether the file is there."""
        return look(incoming(self._workspace_id, upload_id)) is not None


def look(key: str) -> Arrived | None:
    """What is there under a key of the bucket of uploads."""
    try:
        found = clients.s3().head_object(Bucket=load(UploadSettings).uploads_bucket, Key=key)
    except ClientError as error:
        if status_of(error) == HTTPStatus.NOT_FOUND:
            return None
        raise
    return Arrived(found["ETag"], found["ContentLength"], found["ContentType"])


def incoming(workspace_id: UUID, upload_id: UUID) -> str:
    """The key that a ticket is for."""
    return f"incoming/{workspace_id}/{upload_id}"


def status_of(error: ClientError) -> int:
    """The HTTP status of a refusal."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
