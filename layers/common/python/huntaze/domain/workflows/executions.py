"""State machines: starting an execution, and stopping it."""

import json
import logging
from typing import NamedTuple
from uuid import UUID

from botocore.exceptions import ClientError

from huntaze import clients

# Over already, or never begun.
_GONE = ("ExecutionDoesNotExist", "ValidationException")

log = logging.getLogger(__name__)


class Execution(NamedTuple):
    """One execution.

    Args:
        workspace_id: Whose.
        whose: The id of what it is for, with the name that steps know it by.
        turn: Which of its executions, with its name.
        correlation_id: Of the request that caused it.
        trace: The trace of that request; an execution that a sweep starts is in it, too.
    """

    workspace_id: UUID
    whose: tuple[str, UUID]
    turn: tuple[str, int]
    correlation_id: UUID | None
    trace: str | None

    @property
    def name(self) -> str:
        """Its name, which is good for one execution."""
        return f"{self.whose[1]}-{self.turn[1]}"

    @property
    def ids(self) -> str:
        """All that its steps are told."""
        return json.dumps(
            {
                "workspace_id": str(self.workspace_id),
                self.whose[0]: str(self.whose[1]),
                self.turn[0]: self.turn[1],
                "correlation_id": self.correlation_id and str(self.correlation_id),
            }
        )


def start(execution: Execution, state_machine_arn: str) -> str:
    """Start an execution; starting it twice is starting it once.

    Returns:
        Its ARN.
    """
    try:
        return clients.step_functions().start_execution(
            stateMachineArn=state_machine_arn,
            name=execution.name,
            input=execution.ids,
            **({} if execution.trace is None else {"traceHeader": execution.trace}),
        )["executionArn"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
            raise
        machine = state_machine_arn.replace(":stateMachine:", ":execution:")
        return f"{machine}:{execution.name}"


def stop(execution_arn: str | None, cause: str) -> None:
    """Stop an execution; one that is over, or never began, is left alone."""
    if execution_arn is None:
        return
    try:
        clients.step_functions().stop_execution(executionArn=execution_arn, cause=cause)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _GONE:
            raise
        log.info("the execution was over already")
