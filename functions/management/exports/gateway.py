"""Files of exports in S3, and the queue that wakes the runs."""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from functions.management.exports.models import WakeUp
from functions.management.exports.settings import ExportsSettings
from huntaze import clients, correlation
from huntaze.settings import load

log = logging.getLogger(__name__)

# Long enough for a browser to begin; who needs more asks again, and is asked who they are.
LINK_LIFE = timedelta(minutes=5)


def wake(wake_up: WakeUp) -> None:
    """Let a run begin; if this is lost, the sweep of each minute does it."""
    work = correlation.current()
    caused = wake_up.model_copy(update={"correlation_id": work and work.correlation_id})
    try:
        clients.sqs().send_message(
            QueueUrl=load(ExportsSettings).exports_queue_url, MessageBody=caused.model_dump_json()
        )
    except Exception:
        # What was asked for is committed: failing now would tell the caller that it is not.
        log.warning("a run was not woken", exc_info=True)


class S3Exports:
    """The files of exports, sealed by S3 with the key of their class of data."""

    def put(self, workspace_id: UUID, export_id: UUID, name: str, data: bytes) -> None:
        """Store a file, or the same file again."""
        settings = load(ExportsSettings)
        key = settings.exports_key_arn
        sealed_with: dict[str, Any] = {"SSEKMSKeyId": key} if key else {}
        clients.s3().put_object(
            Bucket=settings.exports_bucket,
            Key=_key(workspace_id, export_id, name),
            Body=data,
            ContentType="application/gzip",
            ServerSideEncryption="aws:kms",
            BucketKeyEnabled=True,
            **sealed_with,
        )

    def link(self, workspace_id: UUID, export_id: UUID, name: str) -> str:
        """Sign an address that gives one file away for a few minutes."""
        return clients.s3().generate_presigned_url(
            "get_object",
            Params={
                "Bucket": load(ExportsSettings).exports_bucket,
                "Key": _key(workspace_id, export_id, name),
                "ResponseContentDisposition": f'attachment; filename="{name}"',
            },
            ExpiresIn=round(LINK_LIFE.total_seconds()),
        )


def _key(workspace_id: UUID, export_id: UUID, name: str) -> str:
    return f"{workspace_id}/{export_id}/{name}"
