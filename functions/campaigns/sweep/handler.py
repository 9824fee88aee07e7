"""The sweeper: every minute, and when an event says that there may be something to move.

It alone lets a waiting step go on, and it may do so any number of times: two last messages can
never each wait for the other to release the campaign.
"""

import logging
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.campaigns import gateway, service
from functions.campaigns.hybrid import sweeping
from functions.campaigns.hybrid.figures import PostgresWorkflows
from functions.campaigns.models import StoredCampaign
from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.status import CampaignStatus
from functions.campaigns.sweep.settings import CampaignSweepSettings
from huntaze import correlation, outbox
from huntaze.db import Connection, Tenant, database
from huntaze.domain import launches
from huntaze.entry import entry
from huntaze.errors import HuntazeError, NotFoundError
from huntaze.settings import load

_UNDER_WAY = (
    CampaignStatus.PREPARING,
    CampaignStatus.AWAITING_APPROVAL,
    CampaignStatus.SCHEDULED,
    CampaignStatus.SENDING,
    CampaignStatus.PAUSED,
)

log = logging.getLogger(__name__)

_DUE = (
    "SELECT * FROM campaigns_to_move() UNION SELECT * FROM campaigns_to_take_up()"
    " UNION SELECT * FROM campaigns_to_launch()"
)


class CampaignsNotMovedError(Exception):
    """Some campaigns wait for the next sweep."""


class Due(NamedTuple):
    """A campaign whose next step may have been lost."""

    workspace_id: UUID
    campaign_id: UUID
    move: str


class DueWorkflow(NamedTuple):
    """A workflow whose execution may have been lost."""

    workspace_id: UUID
    workflow_id: UUID
    move: str


@entry
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, int]:
    """Move every campaign, and every workflow, that waits for it."""
    with database().connection() as connection:
        due: list[Due | DueWorkflow] = [Due(*row) for row in connection.execute(_DUE)]
        due += [DueWorkflow(*row) for row in connection.execute(sweeping.DUE)]
    moved = 0
    for one in due:
        with correlation.within(None, **one._asdict()):
            try:
                if isinstance(one, DueWorkflow):
                    _move_workflow(one)
                else:
                    _move(one)
                moved += 1
            except Exception:
                # One campaign's trouble must not hold the others; the next sweep tries again.
                log.exception("a campaign could not be moved", extra={"move": one.move})
    log.info("campaigns were swept", extra={"due": len(due), "moved": moved})
    if moved < len(due):
        raise CampaignsNotMovedError(
            f"{len(due) - moved} of {len(due)} campaigns could not be moved"
        )
    return {"moved": moved}


def _launch(due: Due) -> None:
    """Launch a draft for which an automation asks; its execution is started now or in a minute."""
    tenant = Tenant(database(), due.workspace_id)
    store = PostgresCampaigns(tenant)
    with tenant.transaction() as connection:
        # With the launch, or with its refusal: whoever dies in between leaves both undone.
        if not launches.take(connection, due.campaign_id):
            return
        try:
            campaign = service.launch(due.campaign_id, store, now=datetime.now(UTC))
        except HuntazeError as error:
            log.warning("a campaign was not launched", extra={"refusal": error.code})
            _tell_of_refusal(connection, due, store, error)
            return
    _start(campaign, store)


def _tell_of_refusal(
    connection: Connection, due: Due, store: PostgresCampaigns, error: HuntazeError
) -> None:
    """Tell people that a draft could not be launched; not of one that is gone, or launched."""
    try:
        campaign = store.get(due.campaign_id)
    except NotFoundError:
        return
    if campaign.status is CampaignStatus.DRAFT:
        outbox.add(
            connection,
            "campaign.not_launched",
            workspace_id=due.workspace_id,
            aggregate=("campaign", due.campaign_id),
            payload={"creator_id": str(campaign.creator_id), "refusal": error.code},
        )


def _start(campaign: StoredCampaign, store: PostgresCampaigns) -> None:
    arn = gateway.start_execution(campaign, load(CampaignSweepSettings).campaign_state_machine_arn)
    store.started(campaign, arn)


def _move(due: Due) -> None:
    if due.move == "launch":
        _launch(due)
        return
    store = PostgresCampaigns(Tenant(database(), due.workspace_id))
    if due.move == "cancel":
        service.cancel_rest(due.campaign_id, store)
        return
    campaign = store.get(due.campaign_id)
    # A person may have been faster than this sweep: only what still stands is moved.
    if due.move == "start" and campaign.status in _UNDER_WAY:
        _start(campaign, store)
    elif due.move == "release_approval" and campaign.approval_token is not None:
        gateway.release_step(campaign.approval_token, {"decision": "approved"})
        store.released(campaign.id, "approval_token", campaign.approval_token)
    elif due.move == "release_delivery" and campaign.delivery_token is not None:
        gateway.release_step(campaign.delivery_token, {"delivered": "true"})
        store.released(campaign.id, "delivery_token", campaign.delivery_token)


def _move_workflow(due: DueWorkflow) -> None:
    sweeping.move(
        due.move,
        due.workflow_id,
        PostgresWorkflows(Tenant(database(), due.workspace_id)),
        load(CampaignSweepSettings).hybrid_state_machine_arn,
    )
