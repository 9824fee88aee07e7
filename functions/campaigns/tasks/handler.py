"""Door of the state machine: one invocation is one step."""

import logging
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.campaigns.repository import PostgresCampaigns
from functions.campaigns.tasks.steps import StepRequest, run
from huntaze import correlation, outbox
from huntaze.db import Tenant, database
from huntaze.entry import invocation

log = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Run the step that the state machine names."""
    request = StepRequest.model_validate(event)
    with invocation(
        correlation.of_event(request.input),
        workspace_id=request.workspace_id,
        campaign_id=request.campaign_id,
        step=request.step,
    ):
        result = run(request, PostgresCampaigns(Tenant(database(), request.workspace_id)))
        outbox.nudge()
        log.info("a step is done")
    return result
