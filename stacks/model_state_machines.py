"""The courses of what models prepare: a campaign up to its approval, and a pipeline of content.

    history → content → optimization → compliance → plan → audiences → variants → review
            → campaign → handover
    ideas → assets → captions → schedule

A step that is called again does nothing twice: it goes on where it stopped. The campaign that comes
out has a machine of its own.
"""

from collections.abc import Sequence

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.step_machine import Course, Retry, Steps, outlasting

HYBRID_STEPS = (
    *("history", "content", "optimization", "compliance", "plan", "audiences"),
    *("variants", "review", "campaign", "handover"),
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
        lease_seconds=110,
        # The campaign's own machine has to come to the approval.
        others=[Retry(["CampaignNotReady"], first=2, attempts=12)],
    )
    return ModelSteps(scope, construct_id, function, course, HYBRID_STEPS)


def pipeline_steps(scope: Construct, construct_id: str, function: lambda_.IFunction) -> ModelSteps:
    """The states of a pipeline of content."""
    course = _course("plan_id", lease_seconds=310)
    return ModelSteps(scope, construct_id, function, course, PIPELINE_STEPS)


def _course(whose: str, *, lease_seconds: int, others: Sequence[Retry] = ()) -> Course:
    """What steps of models have in common.

    Args:
        whose: The id of what they work on.
        lease_seconds: How long a step is held, as the function says, too.
        others: Patience of this machine's own.
    """
    return Course(
        ids={
            "input": sfn.JsonPath.object_at("$$.Execution.Input"),
            whose: sfn.JsonPath.string_at(f"$.{whose}"),
            "workspace_id": sfn.JsonPath.string_at("$.workspace_id"),
            "run": sfn.JsonPath.number_at("$.run"),
        },
        last_word="halt",
        # The row says why, and the same call would end the same way.
        refusals=["RunRefused", "RunStopped", "RunOvertaken"],
        retries=[
            # Breakers close again within minutes, or not soon.
            Retry(["ModelsUnavailable"], first=15, attempts=5),
            # Whoever died with the step holds it until its lease ends.
            Retry(["StepBusy"], first=20, attempts=outlasting(lease_seconds, first=20)),
            *others,
            # Nor is it always told what an error is called.
            Retry([sfn.Errors.TASKS_FAILED], first=4, attempts=outlasting(lease_seconds, first=4)),
        ],
        # One that ran out of budget, whose texts are forbidden, or that a person has cancelled.
        refusals_end_well=True,
    )
