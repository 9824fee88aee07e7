"""Door of the state machine: one invocation is one step."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.tasks.steps import StepRequest, run
from huntaze import outbox
from huntaze.db import Tenant, database

logger = Logger(service="campaigns", utc=True)


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Run the step that the state machine names."""
    request = StepRequest.model_validate(event)
    logger.append_keys(campaign_id=str(request.campaign_id), step=request.step)
    result = run(request, PostgresCampaigns(Tenant(database(), request.workspace_id)))
    outbox.nudge()
    logger.info("step done")
    return result
