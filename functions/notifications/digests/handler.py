"""Runs every five minutes: one mail for a member of what they have not read, when they want it."""

import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.notifications.digests.repository import DueDigests, PostgresDigests
from functions.notifications.digests.service import make
from huntaze.db import Tenant, database
from huntaze.domain.mails import send_soon
from huntaze.entry import entry

_MOST = 500

log = logging.getLogger(__name__)


class DigestsFailedError(Exception):
    """Some digests could not be made; the next sweep tries them again."""


@entry
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Make the digests that are due; one member's trouble holds no other's."""
    now = datetime.now(UTC)
    due = DueDigests(database()).find(now, _MOST)
    mails: list[UUID] = []
    failed = 0
    for workspace_id, member in due:
        digests = PostgresDigests(Tenant(database(), workspace_id, member=member), member)
        try:
            make(digests, now=now)
            mails += digests.mail_ids
        except Exception:
            log.exception("a digest failed", extra={"workspace_id": str(workspace_id)})
            failed += 1
    if mails:
        send_soon(mails)
    counts = {"looked_at": len(due), "made": len(mails)}
    log.info("digests were made", extra={**counts, "failed": failed})
    if failed:
        raise DigestsFailedError(f"{failed} digests failed; the next sweep tries them again.")
    return counts
