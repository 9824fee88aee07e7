"""The course of a campaign from its draft to its summary.

    prepare → check_compliance → dry_run → await_approval → freeze → wait until it is due
            → release → await_delivery → announce → summarise

Only the time to wait for comes back from a step.
"""

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_stepfunctions as sfn
from constructs import Construct

from stacks.step_machine import Course, Retry, Steps, outlasting

# Of a database to its standby, at the worst:
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.MultiAZ.Failover.html
_FAILOVER_SECONDS = 120

_COURSE = Course(
    ids={
        # Whole: an execution that was started before a field was added has none.
        "input": sfn.JsonPath.object_at("$$.Execution.Input"),
        "campaign_id": sfn.JsonPath.string_at("$.campaign_id"),
        "workspace_id": sfn.JsonPath.string_at("$.workspace_id"),
        "launch": sfn.JsonPath.string_at("$.launch"),
    },
    last_word="fail",
    # The rules refuse, or a person was faster: the same call would end the same way.
    refusals=["CampaignRefused", "CampaignOvertaken"],
    retries=[
        Retry([sfn.Errors.TASKS_FAILED], first=2, attempts=outlasting(_FAILOVER_SECONDS, first=2))
    ],
)


class CampaignSteps(Steps):
    """The states of the machine."""

    def __init__(self, scope: Construct, construct_id: str, function: lambda_.IFunction) -> None:
        super().__init__(scope, construct_id, function, _COURSE)

    def _chain(self) -> sfn.Chain:
        wait = sfn.Wait(
            self,
            "wait_until_due",
            state_name="wait_until_due",
            time=sfn.WaitTime.timestamp_path("$.freeze.scheduled_at"),
        )
        return (
            sfn.Chain.start(self._step("prepare"))
            .next(self._step("check_compliance"))
            .next(self._step("dry_run"))
            .next(self._step("await_approval", waits=True))
            .next(self._step("freeze", keep="scheduled_at"))
            .next(wait)
            .next(self._step("release"))
            .next(self._step("await_delivery", waits=True))
            .next(self._step("announce"))
            .next(self._step("summarise"))
        )
