"""What operators see: alarms of the whole stage, dashboards, and which requests X-Ray follows.

What has a name that is known before it exists is watched from here; the rest in ``watched``.
Metrics of our own are those of ``huntaze.metrics``: a test compares the names.
"""

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_xray as xray
from constructs import Construct

from stacks.alarms import SILENCE_IS_TROUBLE, Alarms
from stacks.dashboards import add_dashboards
from stacks.feature_function import function_name
from stacks.messaging import (
    GIVES_SINGLE_ONES_BACK,
    LONG_TIME,
    LONG_WORK,
    QUEUES,
    RUN_TIME,
    RUNS,
)
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack
from stacks.step_machine import Machine
from stacks.watched import FAILS_BY_DESIGN

# Each is `huntaze-{name}`, and `huntaze-{name}-dlq` what it gives up.
_NAMED_QUEUES = (*QUEUES, *RUNS)

_AI = "Huntaze/AI/Costs"
_MODEL_PROVIDERS = ("openai", "azure_openai")
_DAILY_AI_USD = 50

_RUNS = {
    **dict.fromkeys(RUNS, RUN_TIME.to_minutes()),
    **dict.fromkeys(LONG_WORK, LONG_TIME.to_minutes()),
}
_MINUTE = Duration.minutes(1)
_FIVE_MINUTES = Duration.minutes(5)
_QUARTER_HOUR = Duration.minutes(15)
_HOUR = Duration.hours(1)
_DAY = Duration.days(1)

# 99.9 % of requests are not answered with 5xx. A burn rate of 14.4 spends the thirty days' errors
# in two days, one of 6 in five; each must hold over a long window, so that a blip wakes nobody, and
# over a short one, so that the alarm ends with the trouble.
# https://sre.google/workbook/alerting-on-slos/
_ERROR_BUDGET = 0.001
_BURNS = (
    ("fast", 14.4, (("1h", _HOUR), ("5m", _FIVE_MINUTES))),
    ("slow", 6.0, (("6h", Duration.hours(6)), ("30m", Duration.minutes(30)))),
)


class Observability(StageStack):
    """Alarms, dashboards and traces of one stage."""

    def __init__(self, scope: Construct, settings: StageSettings) -> None:
        super().__init__(
            scope, "Observability", settings, description="Huntaze: alarms and dashboards"
        )
        self._settings = settings
        self._alarms = Alarms(self, settings)
        self._watch_api()
        self._watch_functions()
        self._watch_queues()
        self._watch_campaigns()
        self._watch_sending()
        self._watch_money()
        self._watch_models()
        self._watch_mails()
        add_dashboards(self, settings)
        if settings.on_aws:
            self._trace()

    def _watch_api(self) -> None:
        self._alarms.add(
            "api-errors",
            self._api("5XXError", "Sum", _FIVE_MINUTES),
            above=4,
            says="Requests are answered with errors of ours.",
        )
        self._alarms.add(
            "authorizer-failures",
            _ours("Huntaze/Api", "AuthorizerFailures", "Sum", _FIVE_MINUTES),
            above=2,
            says="The authorizer breaks; people who are logged in cannot get in.",
        )
        if not self._settings.watches_closely:
            return
        self._alarms.add(
            "api-error-rate",
            self._api("5XXError", "Average", _FIVE_MINUTES),
            above=0.05,
            says="More than one request in twenty is answered with an error of ours.",
        )
        self._alarms.add(
            "api-latency",
            self._api("Latency", "p95", _FIVE_MINUTES),
            above=200,
            minutes_of=(3, 3),
            # At night two cold starts would be all there is.
            few_samples_count=False,
            says="One request in twenty takes longer than 200 ms.",
        )
        if self._settings.on_aws:
            self._watch_error_budget()

    def _watch_error_budget(self) -> None:
        for pace, rate, windows in _BURNS:
            parts = [
                self._alarms.add(
                    f"api-slo-{pace}-burn-{window}",
                    self._api("5XXError", "Average", period),
                    above=rate * _ERROR_BUDGET,
                    runbook="api-slo-burn",
                    tells=False,
                    says=f"Errors of {window} spend the budget {rate:g} times too fast.",
                )
                for window, period in windows
            ]
            self._alarms.add_all_of(
                f"api-slo-{pace}-burn",
                parts,
                runbook="api-slo-burn",
                says=f"At this pace ({rate:g}) 99.9 % will not be kept this month.",
            )

    def _watch_functions(self) -> None:
        # Of the whole account: the limit that they meet is the account's, too.
        self._alarms.add(
            "function-throttles",
            _functions("Throttles"),
            above=0,
            says="Lambda turned calls away: the account's concurrency is used up.",
        )
        if self._settings.watches_closely:
            return
        authorizer = function_name(self._settings, FAILS_BY_DESIGN)
        self._alarms.add(
            "function-errors",
            cloudwatch.MathExpression(
                expression="every - FILL(authorizer, 0)",
                using_metrics={
                    "every": _functions("Errors"),
                    "authorizer": _functions("Errors", FunctionName=authorizer),
                },
                period=_FIVE_MINUTES,
            ),
            above=0,
            # As of a function alone, where each has an alarm.
            minutes_of=(2, 3),
            says="Some function fails again and again.",
        )

    def _watch_queues(self) -> None:
        if self._settings.watches_closely:
            for name in _NAMED_QUEUES:
                # A message ages until it is deleted: of a long run that is when it ends.
                minutes = 5 + _RUNS.get(name, 0)
                self._alarms.add(
                    f"queue-age-{name}",
                    self._queue(f"huntaze-{name}", "ApproximateAgeOfOldestMessage"),
                    above=minutes * 60,
                    minutes_of=(3, 5),
                    runbook="queue-age",
                    says=f"A message of the queue {name} is older than {minutes:.0f} minutes.",
                )
        # Not the age of lanes: a wake-up lives as long as its lane has work.
        dead = {name: f"huntaze-{name}-dlq" for name in _NAMED_QUEUES}
        dead["lanes"] = "huntaze-rate-limiter-dlq.fifo"
        for name, queue in dead.items():
            # Of the others errors of functions tell, and lanes that are stuck.
            if not self._settings.watches_closely and name not in GIVES_SINGLE_ONES_BACK:
                continue
            self._alarms.add(
                f"dead-letters-{name}",
                self._queue(queue, "ApproximateNumberOfMessagesVisible"),
                above=0,
                runbook="dead-letters",
                says=f"The queue {name} gave a message up.",
            )

    def _watch_campaigns(self) -> None:
        machine = Machine.CAMPAIGN.arn(self, self._settings)
        for name, metric, above, says in (
            ("campaign-failures", "ExecutionsFailed", 2, "Campaigns fail."),
            ("campaign-timeouts", "ExecutionsTimedOut", 0, "A campaign ran out of time."),
            ("campaign-throttles", "ExecutionThrottled", 0, "Campaigns are throttled."),
        ):
            # What is throttled comes late; where few people work, nothing is.
            if name == "campaign-throttles" and not self._settings.watches_closely:
                continue
            self._alarms.add(
                name,
                _executions(machine, metric),
                above=above,
                runbook="campaign-executions",
                says=says,
            )
        if self._settings.watches_closely:
            self._alarms.add(
                "hybrid-failures",
                # Refusals by the budget or by the rules of texts end well, as executions go.
                _executions(Machine.HYBRID.arn(self, self._settings), "ExecutionsFailed"),
                above=2,
                runbook="hybrid-executions",
                says="Models prepare no campaigns.",
            )
            self._alarms.add(
                "pipeline-failures",
                _executions(Machine.PIPELINE.arn(self, self._settings), "ExecutionsFailed"),
                above=2,
                runbook="pipeline-executions",
                says="Pipelines of content fail.",
            )

    def _watch_sending(self) -> None:
        self._alarms.add(
            "lanes-stuck",
            _ours("Huntaze/Sending", "LanesWithoutProgress", "Maximum", _MINUTE),
            above=0,
            minutes_of=(5, 5),
            says="A lane has due work, and nothing has moved in it for ten minutes.",
        )
        self._alarms.add(
            "lanes-unswept",
            _ours("Huntaze/Sending", "LanesWithDueWork", "SampleCount", _FIVE_MINUTES),
            above=1,
            below=True,
            silence=SILENCE_IS_TROUBLE,
            says="The sweep of the lanes does not run; lost wake-ups stay lost.",
        )
        self._alarms.add(
            "sends-unknown",
            _ours("Huntaze/Sending", "ReadBacks", "Sum", _HOUR, outcome="unknown"),
            above=4,
            says="Of several messages nobody can tell whether they were sent.",
        )
        self._alarms.add(
            "pages-changed",
            _ours("Huntaze/Sending", "Troubles", "Sum", _QUARTER_HOUR, trouble="selector_drift"),
            above=2,
            says="A platform's pages are not as its profile says; its lanes will stop.",
        )
        self._alarms.add(
            "outbox-lag",
            _ours("Huntaze/Events", "OutboxLag", "Maximum", _FIVE_MINUTES),
            above=300,
            # The relay says it every minute: no figure means no relay, and no events.
            silence=SILENCE_IS_TROUBLE,
            says="Events wait in the outbox; campaigns do not move on.",
        )

    def _watch_money(self) -> None:
        self._alarms.add(
            "money-drift",
            _ours("Huntaze/Money", "DriftedFans", "Maximum", _HOUR),
            above=0,
            says="What fans are worth is not what their transactions say.",
        )
        self._alarms.add(
            "money-unchecked",
            _ours("Huntaze/Money", "CheckedFans", "SampleCount", _DAY),
            above=1,
            below=True,
            silence=SILENCE_IS_TROUBLE,
            says="The daily check of the money has not run.",
        )

    def _watch_mails(self) -> None:
        # Of the whole account, as SES judges it: from 5 % and 0.1 % on it looks at a sender, from
        # 10 % and 0.5 % on it may stop one.
        # https://docs.aws.amazon.com/ses/latest/dg/monitor-sender-reputation.html
        for name, metric, above, says in (
            ("mail-bounces", "Reputation.BounceRate", 0.04, "Too many mails come back."),
            ("mail-complaints", "Reputation.ComplaintRate", 0.0008, "People call mails unwanted."),
        ):
            self._alarms.add(
                name,
                cloudwatch.Metric(
                    namespace="AWS/SES", metric_name=metric, period=_HOUR, statistic="Maximum"
                ),
                above=above,
                says=f"{says} SES may stop the sender.",
            )

    def _watch_models(self) -> None:
        self._alarms.add(
            "ai-daily-cost",
            _ours(_AI, "AICost", "Sum", _DAY),
            above=_DAILY_AI_USD,
            says=f"Models have cost more than {_DAILY_AI_USD} USD within a day.",
        )
        if not self._settings.watches_closely:
            return
        self._alarms.add(
            "ai-model-near-end",
            _ours(_AI, "AIModelsNearEnd", "Maximum", _DAY),
            above=0,
            says="A model that the router chooses is taken away within 60 days.",
        )
        for provider in _MODEL_PROVIDERS:
            self._alarms.add(
                f"ai-breaker-open-{provider.replace('_', '-')}",
                _ours(_AI, "AIBreakersOpened", "Sum", _QUARTER_HOUR, provider=provider),
                above=0,
                runbook="ai-breaker-open",
                says=f"Models of {provider} do not answer; the other provider works for both.",
            )

    def _trace(self) -> None:
        xray.CfnSamplingRule(
            self,
            "Requests",
            sampling_rule=xray.CfnSamplingRule.SamplingRuleProperty(
                rule_name=f"huntaze-{self._settings.stage.value}",
                priority=100,
                # One a second and one in twenty: the free tier takes 100,000 a month.
                reservoir_size=1,
                fixed_rate=0.05,
                host="*",
                http_method="*",
                resource_arn="*",
                service_name=f"huntaze-{self._settings.stage.value}/*",
                service_type="*",
                url_path="*",
                version=1,
            ),
        )
        xray.CfnGroup(
            self,
            "Trouble",
            group_name=f"huntaze-{self._settings.stage.value}-trouble",
            filter_expression="fault = true OR responsetime > 1",
        )

    def _api(self, name: str, statistic: str, period: Duration) -> cloudwatch.Metric:
        stage = self._settings.stage.value
        return cloudwatch.Metric(
            namespace="AWS/ApiGateway",
            metric_name=name,
            dimensions_map={"ApiName": f"huntaze-{stage}", "Stage": stage},
            period=period,
            statistic=statistic,
        )

    def _queue(self, queue: str, metric: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/SQS",
            metric_name=metric,
            dimensions_map={"QueueName": queue},
            period=_MINUTE,
            statistic="Maximum",
        )


def _functions(metric: str, **dimensions: str) -> cloudwatch.Metric:
    """A figure of one function, or of all that the account has in the region."""
    return cloudwatch.Metric(
        namespace="AWS/Lambda",
        metric_name=metric,
        dimensions_map=dimensions or None,
        period=_FIVE_MINUTES,
        statistic="Sum",
    )


def _executions(machine: str, metric: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/States",
        metric_name=metric,
        dimensions_map={"StateMachineArn": machine},
        period=_QUARTER_HOUR,
        statistic="Sum",
    )


def _ours(
    namespace: str, name: str, statistic: str, period: Duration, **dimensions: str
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions or None,
        period=period,
        statistic=statistic,
    )
