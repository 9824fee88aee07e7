"""The courses of what models prepare: a campaign up to its approval, and a pipeline of content.

    history → content → optimization → compliance → plan → variants → review → campaign → handover
    ideas → assets → captions → schedule

A step that is called again does nothing twice: it goes on where it stopped. The campaign that comes
out has a machine of its own.
"""

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.step_machine import Course, Retry, Steps

HYBRID_STEPS = (
    *("history", "content", "optimization", "compliance", "plan", "variants", "review"),
    *("campaign", "handover"),
)
PIPELINE_STEPS = ("ideas", "assets", "captions", "schedule")


class ModelSteps(Steps):
    """The states of a machine whose steps models do; its base tells of the other arguments.

    Args:
        scope: Where.
        construct_id: Its id.
        function: Does the steps.
        course: What they have in common.
        steps: Their names, in their order.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        function: lambda_.IFunction,
        course: Course,
        steps: Sequence[str],
    ) -> None:
        self._steps = steps
        super().__init__(scope, construct_id, function, course)

    def _chain(self) -> sfn.Chain:
        first, *rest = [self._step(step) for step in self._steps]
        chain = sfn.Chain.start(first)
        for step in rest:
            chain = chain.next(step)
        return chain


def hybrid_steps(scope: Construct, construct_id: str, function: lambda_.IFunction) -> ModelSteps:
    """The states of a campaign that models prepare."""
    course = _course(
        "workflow_id",
        "Workflow",
        busy_attempts=8,
        # The campaign's own machine has to come to the approval.
        others=[Retry(["CampaignNotReady"], first=2, attempts=12)],
    )
    return ModelSteps(scope, construct_id, function, course, HYBRID_STEPS)


def pipeline_steps(scope: Construct, construct_id: str, function: lambda_.IFunction) -> ModelSteps:
    """The states of a pipeline of content."""
    course = _course("plan_id", "Pipeline", busy_attempts=16)
    return ModelSteps(scope, construct_id, function, course, PIPELINE_STEPS)


def _course(whose: str, what: str, *, busy_attempts: int, others: Sequence[Retry] = ()) -> Course:
    return Course(
        ids={
            "input": sfn.JsonPath.object_at("$$.Execution.Input"),
            whose: sfn.JsonPath.string_at(f"$.{whose}"),
            "workspace_id": sfn.JsonPath.string_at("$.workspace_id"),
            "run": sfn.JsonPath.number_at("$.run"),
        },
        last_word="halt",
        # The row says why, and the same call would end the same way.
        refusals=[f"{what}Refused", f"{what}Stopped", f"{what}Overtaken"],
        retries=[
            # Breakers close again within minutes, or not soon.
            Retry(["ModelsUnavailable"], first=15, attempts=5),
            # Whoever died with the step holds it until its lease ends.
            Retry(["StepBusy"], first=20, attempts=busy_attempts),
            *others,
            Retry([sfn.Errors.TASKS_FAILED], first=2, attempts=3),
        ],
        # One that ran out of budget, whose texts are forbidden, or that a person has cancelled.
        refusals_end_well=True,
    )
