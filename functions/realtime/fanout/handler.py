"""Works on events of the bus: writes them down, then sends them to who listens."""

import logging
from collections import defaultdict
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.realtime import kinds, progress
from functions.realtime.fanout.settings import FanoutSettings
from functions.realtime.gateway import ApiGatewaySockets, DynamoConnections, queue_later
from functions.realtime.models import BusEvent, News
from functions.realtime.repository import PostgresJournal
from functions.realtime.service import Desk, deliver
from functions.realtime.settings import ConnectionSettings
from huntaze import correlation
from huntaze.db import EVERY_MEMBER, Tenant, database
from huntaze.entry import entry
from huntaze.settings import load

log = logging.getLogger(__name__)


@entry
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, list[dict[str, str]]]:
    """Work on a batch; answer with the messages that must come again."""
    failed: set[str] = set()
    batch: dict[UUID, dict[str, News | None]] = defaultdict(dict)
    for record in event["Records"]:
        try:
            told = BusEvent.model_validate_json(record["body"])
            batch[told.detail.workspace_id][record["messageId"]] = kinds.read(told)
        except Exception:
            log.exception("an event cannot be read")
            failed.add(record["messageId"])
    for workspace_id, messages in batch.items():
        try:
            _tell(workspace_id, [news for news in messages.values() if news is not None])
        except Exception:
            log.exception("the events of a workspace were not told")
            failed |= set(messages)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in sorted(failed)]}


def _tell(workspace_id: UUID, news: list[News]) -> None:
    with correlation.within(None, workspace_id=workspace_id):
        journal = PostgresJournal(Tenant(database(), workspace_id, member=EVERY_MEMBER))
        added = journal.add(news)
        journal.forget()
        if later := progress.of(workspace_id, news, datetime.now(UTC)):
            queue_later(load(FanoutSettings).realtime_queue_url, later)
        connections = DynamoConnections(
            load(ConnectionSettings).connections_table, lambda: datetime.now(UTC)
        )
        desk = Desk(journal, connections, ApiGatewaySockets(load(FanoutSettings).sockets_endpoint))
        # Whether or not anything was new: who was here before may have died before it was sent.
        outcome = deliver(connections.listening(workspace_id), desk)
        log.info("members were told live", extra={"events": added, **outcome})
