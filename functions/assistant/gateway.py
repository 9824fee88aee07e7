"""Cost rows in DynamoDB."""

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from functions.assistant.models import CostRow
from huntaze import clients

# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html
_BATCH = 25
# A year can be compared with the one before.
_KEPT = timedelta(days=800)

log = logging.getLogger(__name__)


class DynamoCosts:
    """The table of costs: a workspace's rows in the order of time.

    Args:
        table: Its name.
    """

    def __init__(self, table: str) -> None:
        self._table = table

    def put(self, rows: Sequence[CostRow]) -> list[UUID]:
        """Keep rows, also again; returns the calls of those that were taken."""
        taken: list[UUID] = []
        for start in range(0, len(rows), _BATCH):
            batch = rows[start : start + _BATCH]
            try:
                left = self._put_batch(batch)
            except clients.aws_errors():
                log.exception("cost rows were not taken")
                break
            taken += [row.call_id for row in batch if row.key not in left]
        return taken

    def _put_batch(self, batch: Sequence[CostRow]) -> set[str]:
        """Put some rows; returns the keys of those that the table had no room for just now."""
        answer = clients.dynamodb().batch_write_item(
            RequestItems={self._table: [{"PutRequest": {"Item": _item_of(row)}} for row in batch]}
        )
        refused = answer.get("UnprocessedItems", {}).get(self._table, [])
        return {str(one["PutRequest"]["Item"]["call"]["S"]) for one in refused}


def _item_of(row: CostRow) -> dict[str, Any]:
    item: dict[str, Any] = {
        "call": {"S": row.key},
        "expires_at": {"N": str(int((row.at + _KEPT).timestamp()))},
    }
    for name, value in row.model_dump(mode="json").items():
        if isinstance(value, bool):
            item[name] = {"BOOL": value}
        elif isinstance(value, int):
            item[name] = {"N": str(value)}
        elif value is not None:
            item[name] = {"S": value}
    return item
