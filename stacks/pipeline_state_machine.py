"""The course of a pipeline of content, from ideas to moments for them.

    ideas → assets → captions → schedule

Every step calls one function with its name and the plan's ids; what a step learns is in the
database, and a step that is called again goes on where it stopped.
"""

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
from stacks.campaign_state_machine import OUTAGES
from stacks.settings import StageSettings

STEPS = ("ideas", "assets", "captions", "schedule")
# The row says why, and the same call would end the same way.
REFUSALS = ["PipelineRefused", "PipelineStopped", "PipelineOvertaken"]
_IDS = {
    "input": sfn.JsonPath.object_at("$$.Execution.Input"),
    "plan_id": sfn.JsonPath.string_at("$.plan_id"),
    "workspace_id": sfn.JsonPath.string_at("$.workspace_id"),
    "run": sfn.JsonPath.number_at("$.run"),
}


def pipeline_machine_name(settings: StageSettings) -> str:
    """The machine's name, which the functions that start it know before it exists."""
    return f"huntaze-{settings.stage.value}-pipeline"


def pipeline_machine_arn(stack: Stack, settings: StageSettings) -> str:
    """The machine's ARN, from its name."""
    return _arn(stack, "stateMachine", pipeline_machine_name(settings))


def pipeline_execution_arns(stack: Stack, settings: StageSettings) -> str:
    """All executions of the machine."""
    return _arn(stack, "execution", f"{pipeline_machine_name(settings)}:*")


def _arn(stack: Stack, resource: str, name: str) -> str:
    return stack.format_arn(
        service="states",
        resource=resource,
        resource_name=name,
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class PipelineMachine(Construct):
    """The machine, and what it may do: call the function of its steps."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        settings: StageSettings,
        function: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        machine = sfn.StateMachine(
            self,
            "Machine",
            state_machine_name=pipeline_machine_name(settings),
            definition_body=sfn.DefinitionBody.from_chainable(
                PipelineSteps(self, "Steps", function).definition
            ),
            logs=self._logs(settings),
            role=role,
            tracing_enabled=settings.on_aws,
        )
        acknowledge_wildcard(role, f"{function.function_arn}:*", "the versions of one function")
        if settings.on_aws:
            acknowledge_wildcard(role, "*", "X-Ray and log deliveries have no resource level")
        else:
            acknowledge(machine, "SF1", NO_LOGS_LOCALLY)
            acknowledge(machine, "SF2", NO_TRACES_LOCALLY)
            acknowledge(
                machine, "StepFunctionStateMachineXray", NO_TRACES_LOCALLY, pack="Serverless"
            )

    def _logs(self, settings: StageSettings) -> sfn.LogOptions | None:
        if not settings.on_aws:
            return None
        return sfn.LogOptions(
            # Step Functions may write to log groups of this prefix without a policy of theirs.
            destination=logs.LogGroup(
                self,
                "Logs",
                log_group_name=f"/aws/vendedlogs/states/{pipeline_machine_name(settings)}",
                retention=settings.log_retention,
                removal_policy=settings.removal_policy,
            ),
            include_execution_data=False,
            level=sfn.LogLevel.ALL,
        )


class PipelineSteps(Construct):
    """The states of the machine; ``definition`` is their chain."""

    def __init__(self, scope: Construct, construct_id: str, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id)
        self._function = function
        self._halted = self._halt()
        first, *rest = [self._step(step) for step in STEPS]
        chain = sfn.Chain.start(first)
        for step in rest:
            chain = chain.next(step)
        self.definition: sfn.IChainable = chain.next(sfn.Succeed(self, "done", state_name="done"))

    def _step(self, step: str) -> sfn.TaskStateBase:
        task = self._invocation(step, {"step": step, **_IDS})
        note = f"{step}_failed"
        task.add_catch(
            # A Catch brings the error alone: note which step it was.
            sfn.Pass(
                self,
                note,
                state_name=note,
                result=sfn.Result.from_string(step),
                result_path="$.failed_step",
            ).next(self._halted),
            errors=[sfn.Errors.ALL],
            result_path="$.error",
        )
        return task

    def _halt(self) -> sfn.IChainable:
        """Write down why the pipeline stopped, unless it is written, then end the execution."""
        end = sfn.Fail(
            self,
            "failed",
            state_name="failed",
            error_path="$.error.Error",
            cause_path="$.error.Cause",
        )
        # One that ran out of budget, or that a person has cancelled, is no trouble of ours.
        expected = sfn.Succeed(self, "ended", state_name="ended")
        which = sfn.Choice(self, "whose_trouble", state_name="whose_trouble")
        for refusal in REFUSALS:
            which.when(sfn.Condition.string_equals("$.error.Error", refusal), expected)
        which.otherwise(end)
        task = self._invocation(
            "halt",
            {
                "step": "halt",
                **_IDS,
                "failed_step": sfn.JsonPath.string_at("$.failed_step"),
                "error": sfn.JsonPath.object_at("$.error"),
            },
        )
        # Also when nobody could be told: the sweep takes up what is silent.
        task.add_catch(end, errors=[sfn.Errors.ALL], result_path=sfn.JsonPath.DISCARD)
        return task.next(which)

    def _invocation(self, step: str, payload: dict[str, object]) -> tasks.LambdaInvoke:
        task = tasks.LambdaInvoke(
            self,
            step,
            state_name=step,
            lambda_function=self._function,
            payload=sfn.TaskInput.from_object(payload),
            result_path=sfn.JsonPath.DISCARD,
            retry_on_service_exceptions=False,
        )
        task.add_retry(errors=REFUSALS, max_attempts=0)
        # Breakers close again within minutes, or not soon.
        self._retry(task, ["ModelsUnavailable"], first=15, attempts=5)
        # Whoever died with the step holds it for five minutes.
        self._retry(task, ["StepBusy"], first=20, attempts=16)
        self._retry(task, OUTAGES, first=2, attempts=6)
        self._retry(task, [sfn.Errors.TASKS_FAILED], first=2, attempts=3)
        return task

    def _retry(
        self, task: tasks.LambdaInvoke, errors: list[str], *, first: int, attempts: int
    ) -> None:
        task.add_retry(
            errors=errors,
            backoff_rate=2,
            interval=Duration.seconds(first),
            jitter_strategy=sfn.JitterType.FULL,
            max_attempts=attempts,
            max_delay=Duration.minutes(1),
        )
