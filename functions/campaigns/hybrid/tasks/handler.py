"""Door of the state machine of workflows: one invocation is one step."""

import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError

from functions.campaigns import gateway
from functions.campaigns.hybrid.figures import PostgresWorkflows
from functions.campaigns.hybrid.running import StepRequest, run
from functions.campaigns.hybrid.tasks.settings import HybridTasksSettings
from functions.campaigns.repository import PostgresCampaigns
from huntaze import ai, correlation, outbox
from huntaze.db import Tenant, database
from huntaze.entry import invocation
from huntaze.settings import load

log = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Run the step that the state machine names."""
    request = StepRequest.model_validate(event)
    with invocation(
        correlation.of_event(request.input),
        workspace_id=request.workspace_id,
        workflow_id=request.workflow_id,
        step=request.step,
    ):
        tenant = Tenant(database(), request.workspace_id)
        campaigns = PostgresCampaigns(tenant)
        try:
            launched = run(
                request, PostgresWorkflows(tenant), campaigns, ai.writer(), now=datetime.now(UTC)
            )
            if launched is not None:
                _start(launched, campaigns)
        finally:
            # A step that failed has told of it, too.
            outbox.nudge()
        log.info("a step is done")
    return {}


def _start(campaign_id: UUID, campaigns: PostgresCampaigns) -> None:
    campaign = campaigns.get(campaign_id)
    if campaign.execution_arn is not None:
        return
    try:
        arn = gateway.start_execution(
            campaign, load(HybridTasksSettings).campaign_state_machine_arn
        )
        campaigns.started(campaign, arn)
    except (BotoCoreError, ClientError):
        # The launch is committed: the sweeper starts what could not be started here.
        log.warning("the state machine was not started", exc_info=True)
