"""Pictures of pages that are built otherwise than a profile says, all text masked."""

import logging
from datetime import UTC, datetime

from huntaze import clients
from huntaze.domain.outbound.lanes import Claim

log = logging.getLogger(__name__)


def keep(bucket: str, claim: Claim, picture: bytes) -> str | None:
    """Store a picture for whoever repairs the profile.

    Returns:
        Its key, or None when it could not be stored: a picture is never worth a lane.
    """
    key = f"{claim.workspace_id}/{claim.creator_id}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.png"
    try:
        clients.s3().put_object(Bucket=bucket, Key=key, Body=picture, ContentType="image/png")
    except Exception:
        # A picture helps whoever mends the profile; without one the lane stops all the same.
        log.warning("a picture of a changed page was not kept", exc_info=True)
        return None
    return key
