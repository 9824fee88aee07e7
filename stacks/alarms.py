"""Alarms: each in the stack of what it watches, heard by the operators, with a runbook.

An alarm is named ``huntaze-{stage}-{name}`` and its description ends with the page of
``docs/runbooks`` that says what to do.
"""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from constructs import Construct

from stacks.settings import StageSettings

# What an alarm makes of silence. Most figures exist only when something happens.
SILENCE_IS_FINE = cloudwatch.TreatMissingData.NOT_BREACHING
# Of a figure that a schedule publishes: without it nobody watches any more.
SILENCE_IS_TROUBLE = cloudwatch.TreatMissingData.BREACHING

_ABOVE = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD


def operators_topic_name(settings: StageSettings) -> str:
    """The topic's name, which every stack knows without importing it."""
    return f"huntaze-{settings.stage.value}-operators"


def operators_topic_arn(stack: Stack, settings: StageSettings) -> str:
    """The topic's ARN, from its name."""
    return stack.format_arn(
        service="sns",
        resource=operators_topic_name(settings),
        arn_format=ArnFormat.NO_RESOURCE_NAME,
    )


class Alarms(Construct):
    """The alarms of one stack."""

    def __init__(self, scope: Construct, settings: StageSettings) -> None:
        super().__init__(scope, "Alarms")
        self._settings = settings
        topic = sns.Topic.from_topic_arn(
            self, "Operators", operators_topic_arn(Stack.of(self), settings)
        )
        self._action = actions.SnsAction(topic)

    def add(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        *,
        above: float,
        says: str,
        runbook: str | None = None,
        minutes_of: tuple[int, int] = (1, 1),
        silence: cloudwatch.TreatMissingData = SILENCE_IS_FINE,
        below: bool = False,
        tells: bool = True,
        few_samples_count: bool = True,
    ) -> cloudwatch.Alarm:
        """Watch a figure.

        Args:
            name: Of the alarm, without the stage.
            metric: With its statistic and period.
            above: The figure that is still fine.
            says: What is wrong, for whoever is woken.
            runbook: The page, where it is not named as the alarm is.
            minutes_of: So many periods of so many must be wrong.
            silence: What it means when there is no figure.
            below: Whether figures below ``above`` are the wrong ones instead.
            tells: Whether operators hear of it; parts of a composite alarm do not speak.
            few_samples_count: Whether a percentile of a handful of samples is to be believed.
        """
        wrong, of = minutes_of
        alarm = cloudwatch.Alarm(
            self,
            _construct_id(name),
            alarm_name=self._name(name),
            alarm_description=_describe(says, runbook or name),
            metric=metric,
            threshold=above,
            comparison_operator=(
                cloudwatch.ComparisonOperator.LESS_THAN_THRESHOLD if below else _ABOVE
            ),
            datapoints_to_alarm=wrong,
            evaluation_periods=of,
            treat_missing_data=silence,
            evaluate_low_sample_count_percentile=None if few_samples_count else "ignore",
        )
        if tells:
            self._tell(alarm)
        return alarm

    def add_all_of(
        self, name: str, parts: list[cloudwatch.Alarm], *, says: str, runbook: str | None = None
    ) -> None:
        """Tell the operators when all of ``parts`` are alarmed at the same time."""
        self._tell(
            cloudwatch.CompositeAlarm(
                self,
                _construct_id(name),
                composite_alarm_name=self._name(name),
                alarm_description=_describe(says, runbook or name),
                alarm_rule=cloudwatch.AlarmRule.all_of(
                    *(
                        cloudwatch.AlarmRule.from_alarm(part, cloudwatch.AlarmState.ALARM)
                        for part in parts
                    )
                ),
            )
        )

    def _tell(self, alarm: cloudwatch.AlarmBase) -> None:
        alarm.add_alarm_action(self._action)
        # Whoever was woken hears, too, that it is over.
        alarm.add_ok_action(self._action)

    def _name(self, name: str) -> str:
        return f"huntaze-{self._settings.stage.value}-{name}"


def _construct_id(name: str) -> str:
    return "".join(part.title() for part in name.replace(".", "-").replace("_", "-").split("-"))


def _describe(says: str, runbook: str) -> str:
    return f"{says} Runbook: docs/runbooks/{runbook}.md"
