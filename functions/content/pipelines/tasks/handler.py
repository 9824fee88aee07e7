"""Door of the state machine of pipelines: one invocation is one step."""

import logging
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aws_lambda_powertools.utilities.typing import LambdaContext

from functions.content.pipelines.repository import PostgresPlans
from functions.content.pipelines.steps import StepRequest, run
from huntaze import ai, correlation, outbox
from huntaze.db import Tenant, database
from huntaze.entry import invocation

log = logging.getLogger(__name__)


def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Run the step that the state machine names."""
    request = StepRequest(
        event["step"],
        UUID(event["plan_id"]),
        event["run"],
        event.get("failed_step"),
        event.get("error"),
    )
    workspace_id = UUID(event["workspace_id"])
    with invocation(
        correlation.of_event(event["input"]),
        workspace_id=workspace_id,
        pipeline_id=request.plan_id,
        step=request.step,
    ):
        try:
            store = PostgresPlans(Tenant(database(), workspace_id))
            run(request, store, ai.writer(), now=datetime.now(UTC))
        finally:
            # A step that failed has told of it, too.
            outbox.nudge()
        log.info("a step is done")
    return {}
