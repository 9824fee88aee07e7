"""A deployed stage as an operator's commands see it: its functions, its state machine, its service.

Credentials and region come from the environment, as for the AWS CLI.
"""

import json
import re
from typing import Any

import boto3

STAGES = ("dev", "production", "local")


class StageError(Exception):
    """The stage is not as the command needs it; the text says what to do."""


def function_name(stage: str, construct_id: str, *, stack: str = "Functions") -> str:
    """Find the physical name of a function.

    Args:
        stage: The stage.
        construct_id: Its name in the stack, e.g. ``Lanes``; CDK adds a hash of its path.
        stack: The stack without its prefix.

    Raises:
        StageError: The stack holds no such function.
    """
    pages = boto3.client("cloudformation").get_paginator("list_stack_resources")
    wanted = re.compile(rf"{construct_id}[0-9A-F]{{8}}")
    for page in pages.paginate(StackName=f"Huntaze-{stage}-{stack}"):
        for resource in page["StackResourceSummaries"]:
            is_function = resource["ResourceType"] == "AWS::Lambda::Function"
            if is_function and wanted.fullmatch(resource["LogicalResourceId"]):
                return resource["PhysicalResourceId"]
    raise StageError(f"The stack Huntaze-{stage}-{stack} holds no function {construct_id}.")


def invoke(stage: str, construct_id: str, order: dict[str, Any]) -> dict[str, Any]:
    """Invoke a function of the stage and return its answer.

    Raises:
        StageError: It failed.
    """
    answer = boto3.client("lambda").invoke(
        FunctionName=function_name(stage, construct_id), Payload=json.dumps(order).encode()
    )
    told: dict[str, Any] = json.loads(answer["Payload"].read())
    if "FunctionError" in answer:
        raise StageError(f"{construct_id} failed: {told.get('errorMessage', told)}")
    return told


def running_executions(stage: str) -> list[str]:
    """The running executions of the campaign state machine."""
    states = boto3.client("stepfunctions")
    account = boto3.client("sts").get_caller_identity()["Account"]
    machine = (
        f"arn:aws:states:{states.meta.region_name}:{account}:stateMachine:huntaze-{stage}-campaign"
    )
    pages = states.get_paginator("list_executions")
    return [
        execution["executionArn"]
        for page in pages.paginate(stateMachineArn=machine, statusFilter="RUNNING")
        for execution in page["executions"]
    ]


def stop_execution(arn: str, cause: str) -> None:
    """Stop one execution."""
    boto3.client("stepfunctions").stop_execution(executionArn=arn, cause=cause)
