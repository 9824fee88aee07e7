"""Machines whose steps are calls of one function: each step is retried, caught and named.

    first → second → … → done
      any of them, out of retries → <step>_failed → the last word → failed

Every step calls the function with its name and the ids of what it works on; what a step learns is
in the database.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.acknowledge import (
    NO_LOGS_LOCALLY,
    NO_TRACES_LOCALLY,
    acknowledge,
    acknowledge_wildcard,
)
from stacks.settings import StageSettings

_LONGEST_PAUSE = 60
# Standard deviations.
_SURE = 3
_OUTAGES = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
]


class Machine(StrEnum):
    """The machines, by the names that functions know before there is any of them."""

    CAMPAIGN = "campaign"
    HYBRID = "hybrid"
    PIPELINE = "pipeline"

    def name_in(self, settings: StageSettings) -> str:
        """What it is called in a stage."""
        return f"huntaze-{settings.stage.value}-{self.value}"

    def arn(self, stack: Stack, settings: StageSettings) -> str:
        """Its ARN, from its name."""
        return _arn(stack, "stateMachine", self.name_in(settings))

    def executions(self, stack: Stack, settings: StageSettings) -> str:
        """All of its executions."""
        return _arn(stack, "execution", f"{self.name_in(settings)}:*")


def _arn(stack: Stack, resource: str, name: str) -> str:
    return stack.format_arn(
        service="states",
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


@dataclass(frozen=True)
class Retry:
    """How often something is tried again, each time after twice as long, with jitter."""

    errors: Sequence[str]
    first: int
    attempts: int


def outlasting(seconds: int, *, first: int) -> int:
    """How often to try until something that lasts so long is over, 99 times of 100.

    Jitter makes each pause anything from nothing to twice its mean.
    """
    attempts, mean, variance = 0, 0.0, 0.0
    while mean - _SURE * math.sqrt(variance) <= seconds:
        pause = min(first * 2**attempts, _LONGEST_PAUSE)
        attempts, mean, variance = attempts + 1, mean + pause / 2, variance + pause**2 / 12
    return attempts


@dataclass(frozen=True)
class Course:
    """What the steps of a machine have in common.

    Args:
        ids: What every step is told, beside its name.
        last_word: The step that writes down why nothing goes on.
        refusals: Errors that would come again.
        retries: The others, each with its patience; what has no name comes last.
        refusals_end_well: Whether an execution that a refusal has ended is no trouble of ours.
    """

    ids: Mapping[str, object]
    last_word: str
    refusals: Sequence[str]
    retries: Sequence[Retry]
    refusals_end_well: bool = False


def add_machine(
    scope: Construct,
    prefix: str,
    settings: StageSettings,
    machine: Machine,
    steps: "Steps",
) -> None:
    """Define a machine, its role and its logs.

    Args:
        scope: Where.
        prefix: Of the ids of the three.
        settings: Of the stage.
        machine: Which.
        steps: Its states; their function is all that it may call.
    """
    role = iam.Role(scope, f"{prefix}Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
    made = sfn.StateMachine(
        scope,
        prefix or "Machine",
        state_machine_name=machine.name_in(settings),
        definition_body=sfn.DefinitionBody.from_chainable(steps.definition),
        logs=_logs(scope, f"{prefix}Logs", settings, machine),
        role=role,
        tracing_enabled=settings.on_aws,
    )
    acknowledge_wildcard(role, f"{steps.function.function_arn}:*", "the versions of one function")
    if settings.on_aws:
        acknowledge_wildcard(role, "*", "X-Ray and log deliveries have no resource level")
    else:
        acknowledge(made, "SF1", NO_LOGS_LOCALLY)
        acknowledge(made, "SF2", NO_TRACES_LOCALLY)
        acknowledge(made, "StepFunctionStateMachineXray", NO_TRACES_LOCALLY, pack="Serverless")


def _logs(
    scope: Construct, construct_id: str, settings: StageSettings, machine: Machine
) -> sfn.LogOptions | None:
    if not settings.on_aws:
        return None
    return sfn.LogOptions(
        # Step Functions may write to log groups of this prefix without a policy of theirs.
        destination=logs.LogGroup(
            scope,
            construct_id,
            log_group_name=f"/aws/vendedlogs/states/{machine.name_in(settings)}",
            retention=settings.log_retention,
            removal_policy=settings.removal_policy,
        ),
        include_execution_data=False,
        level=sfn.LogLevel.ALL,
    )


class Steps(Construct):
    """The states of a machine.

    Args:
        scope: Where.
        construct_id: Its id.
        function: Does the steps.
        course: What they have in common.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        function: lambda_.IFunction,
        course: Course,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = function
        self._course = course
        self._failed = self._failure()
        self.definition: sfn.IChainable = self._chain().next(
            sfn.Succeed(self, "done", state_name="done")
        )

    @abstractmethod
    def _chain(self) -> sfn.Chain:
        """The steps in their order, which each machine says itself."""

    def _step(
        self, step: str, *, waits: bool = False, keep: str | None = None
    ) -> sfn.TaskStateBase:
        """A step; one that waits is given a token, and ``keep`` is what comes back of it."""
        payload: dict[str, object] = {"step": step, **self._course.ids}
        if waits:
            payload["task_token"] = sfn.JsonPath.task_token
        task = self._invocation(
            step,
            payload,
            waits=waits,
            result_path=f"$.{step}" if keep else sfn.JsonPath.DISCARD,
            result_selector={f"{keep}.$": f"$.Payload.{keep}"} if keep else None,
        )
        task.add_catch(self._named(step), errors=[sfn.Errors.ALL], result_path="$.error")
        return task

    def _named(self, step: str) -> sfn.IChainable:
        """Note which step failed: a Catch brings the error alone."""
        note = f"{step}_failed"
        return sfn.Pass(
            self,
            note,
            state_name=note,
            result=sfn.Result.from_string(step),
            result_path="$.failed_step",
        ).next(self._failed)

    def _failure(self) -> sfn.IChainable:
        """Write down why nothing goes on, unless it is written, then end the execution."""
        end = sfn.Fail(
            self,
            "failed",
            state_name="failed",
            error_path="$.error.Error",
            cause_path="$.error.Cause",
        )
        task = self._invocation(
            self._course.last_word,
            {
                "step": self._course.last_word,
                **self._course.ids,
                "failed_step": sfn.JsonPath.string_at("$.failed_step"),
                "error": sfn.JsonPath.object_at("$.error"),
            },
        )
        # Also when nobody could be told: the first error is the one worth reading.
        task.add_catch(end, errors=[sfn.Errors.ALL], result_path=sfn.JsonPath.DISCARD)
        return task.next(self._whose_trouble(end) if self._course.refusals_end_well else end)

    def _whose_trouble(self, end: sfn.Fail) -> sfn.IChainable:
        expected = sfn.Succeed(self, "ended", state_name="ended")
        which = sfn.Choice(self, "whose_trouble", state_name="whose_trouble")
        for refusal in self._course.refusals:
            which.when(sfn.Condition.string_equals("$.error.Error", refusal), expected)
        return which.otherwise(end)

    def _invocation(
        self,
        step: str,
        payload: dict[str, object],
        *,
        result_path: str = sfn.JsonPath.DISCARD,
        waits: bool = False,
        result_selector: dict[str, object] | None = None,
    ) -> tasks.LambdaInvoke:
        pattern = sfn.IntegrationPattern
        task = tasks.LambdaInvoke(
            self,
            step,
            state_name=step,
            lambda_function=self.function,
            integration_pattern=(
                pattern.WAIT_FOR_TASK_TOKEN if waits else pattern.REQUEST_RESPONSE
            ),
            payload=sfn.TaskInput.from_object(payload),
            result_path=result_path,
            result_selector=result_selector,
            retry_on_service_exceptions=False,
        )
        task.add_retry(errors=[*self._course.refusals], max_attempts=0)
        *named, other = self._course.retries
        for retry in (*named, Retry(_OUTAGES, first=2, attempts=6), other):
            task.add_retry(
                errors=[*retry.errors],
                backoff_rate=2,
                interval=Duration.seconds(retry.first),
                jitter_strategy=sfn.JitterType.FULL,
                max_attempts=retry.attempts,
                max_delay=Duration.seconds(_LONGEST_PAUSE),
            )
        return task
