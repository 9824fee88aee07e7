"""The course of a campaign from its draft to its summary.

    prepare → check_compliance → dry_run → await_approval → freeze → wait until it is due
            → release → await_delivery → announce → summarise

Every step calls one function with the name of the step and the campaign's ids; what a
step learns is in the database. Only the time to wait for comes back.
"""

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from aws_cdk import aws_stepfunctions_tasks as tasks
from constructs import Construct

from stacks.settings import StageSettings

# The rules refuse, or a person was faster: the same call would end the same way.
REFUSALS = ["CampaignRefused", "CampaignOvertaken"]
OUTAGES = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.ClientExecutionTimeoutException",
]


def state_machine_name(settings: StageSettings) -> str:
    """The machine's name, which the functions that start it know before it exists."""
    return f"huntaze-{settings.stage.value}-campaign"


def state_machine_arn(stack: Stack, settings: StageSettings) -> str:
    """The machine's ARN, from its name."""
    return stack.format_arn(
        service="states",
        resource="stateMachine",
        resource_name=state_machine_name(settings),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


def execution_arns(stack: Stack, settings: StageSettings) -> str:
    """All executions of the machine."""
    return stack.format_arn(
        service="states",
        resource="execution",
        resource_name=f"{state_machine_name(settings)}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class CampaignSteps(Construct):
    """The states of the machine; ``definition`` is their chain."""

    def __init__(self, scope: Construct, construct_id: str, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        self._function = function
        self._failed = self._failure()
        freeze = self._step("freeze", keep="scheduled_at")
        wait = sfn.Wait(
            self,
            "wait_until_due",
            state_name="wait_until_due",
            time=sfn.WaitTime.timestamp_path("$.freeze.scheduled_at"),
        )
        self.definition: sfn.IChainable = (
            self._step("prepare")
            .next(self._step("check_compliance"))
            .next(self._step("dry_run"))
            .next(self._step("await_approval", waits=True))
            .next(freeze)
            .next(wait)
            .next(self._step("release"))
            .next(self._step("await_delivery", waits=True))
            .next(self._step("announce"))
            .next(self._step("summarise"))
            .next(sfn.Succeed(self, "done", state_name="done"))
        )

    def _step(
        self, step: str, *, waits: bool = False, keep: str | None = None
    ) -> sfn.TaskStateBase:
        payload: dict[str, object] = {"step": step, **_IDS}
        if waits:
            payload["task_token"] = sfn.JsonPath.task_token
        task = self._invocation(
            step,
            payload,
            waits=waits,
            result_path=f"$.{step}" if keep else sfn.JsonPath.DISCARD,
            result_selector={f"{keep}.$": f"$.Payload.{keep}"} if keep else None,
        )
        task.add_catch(self._name(step), errors=[sfn.Errors.ALL], result_path="$.error")
        return task

    def _name(self, step: str) -> sfn.IChainable:
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
        """Tell the campaign why it stopped, then end the execution as failed."""
        end = sfn.Fail(
            self,
            "failed",
            state_name="failed",
            error_path="$.error.Error",
            cause_path="$.error.Cause",
        )
        task = self._invocation(
            "fail",
            {
                "step": "fail",
                **_IDS,
                "failed_step": sfn.JsonPath.string_at("$.failed_step"),
                "error": sfn.JsonPath.object_at("$.error"),
            },
            result_path=sfn.JsonPath.DISCARD,
        )
        # Also when nobody could be told: the first error is the one worth reading.
        task.add_catch(end, errors=[sfn.Errors.ALL], result_path=sfn.JsonPath.DISCARD)
        return task.next(end)

    def _invocation(
        self,
        step: str,
        payload: dict[str, object],
        *,
        result_path: str,
        waits: bool = False,
        result_selector: dict[str, object] | None = None,
    ) -> tasks.LambdaInvoke:
        pattern = sfn.IntegrationPattern
        task = tasks.LambdaInvoke(
            self,
            step,
            state_name=step,
            lambda_function=self._function,
            integration_pattern=(
                pattern.WAIT_FOR_TASK_TOKEN if waits else pattern.REQUEST_RESPONSE
            ),
            payload=sfn.TaskInput.from_object(payload),
            result_path=result_path,
            result_selector=result_selector,
            retry_on_service_exceptions=False,
        )
        task.add_retry(errors=REFUSALS, max_attempts=0)
        task.add_retry(
            errors=OUTAGES,
            backoff_rate=2,
            interval=Duration.seconds(2),
            jitter_strategy=sfn.JitterType.FULL,
            max_attempts=6,
            max_delay=Duration.minutes(1),
        )
        task.add_retry(
            errors=[sfn.Errors.TASKS_FAILED],
            backoff_rate=2,
            interval=Duration.seconds(2),
            jitter_strategy=sfn.JitterType.FULL,
            max_attempts=3,
        )
        return task


_IDS = {
    # Whole: an execution that was started before a field was added has none.
    "input": sfn.JsonPath.object_at("$$.Execution.Input"),
    "campaign_id": sfn.JsonPath.string_at("$.campaign_id"),
    "workspace_id": sfn.JsonPath.string_at("$.workspace_id"),
    "launch": sfn.JsonPath.string_at("$.launch"),
}
