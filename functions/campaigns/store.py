"""What the rules of campaigns need of wherever campaigns are kept."""

from contextlib import AbstractContextManager
from typing import Any, Protocol
from uuid import UUID

from functions.campaigns.models import Recipient, StoredCampaign
from functions.campaigns.status import CampaignStatus, Move
from huntaze.ai import Outcome
from huntaze.db import Connection


class CampaignStore(Protocol):
    """The campaigns of one workspace; ``PostgresCampaigns`` documents each method."""

    def transaction(self) -> AbstractContextManager[Connection]: ...

    def add(self, values: dict[str, Any]) -> UUID: ...

    def get(self, campaign_id: UUID, *, lock: bool = False) -> StoredCampaign: ...

    def change(self, campaign_id: UUID, values: dict[str, Any]) -> None: ...

    def advance(
        self, campaign: StoredCampaign, what: Move, facts: dict[str, Any] | None = None
    ) -> CampaignStatus: ...

    def launched(self, campaign_id: UUID) -> None: ...

    def record(self, campaign_id: UUID, **values: object) -> None: ...

    def approve(
        self,
        campaign: StoredCampaign,
        *,
        decision: str,
        note: str | None,
        content_hash: str,
        decided_by: UUID,
    ) -> None: ...

    def disclosure(self, creator_id: UUID) -> str | None: ...

    def keep_outcome(self, campaign_id: UUID, generation_id: UUID, outcome: Outcome) -> None: ...

    def approval_id(self, campaign: StoredCampaign) -> UUID | None: ...

    def delete(self, campaign_id: UUID) -> None: ...

    def recipient(self, campaign_id: UUID, send_id: UUID) -> Recipient: ...

    def sales(self, campaign_id: UUID) -> dict[str, dict[str, int]]: ...

    def sale_history(self, creator_id: UUID) -> tuple[int, int]: ...

    def segment_rules(self, segment_id: UUID) -> dict[str, Any]: ...

    def check_references(
        self, creator_id: UUID, *, segment_ids: list[UUID], media_ids: list[UUID]
    ) -> None: ...

    def currency(self, creator_id: UUID) -> str: ...

    def tell(self, event_type: str, campaign_id: UUID, facts: dict[str, Any]) -> None: ...
