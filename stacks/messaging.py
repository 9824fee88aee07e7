"""Queues, each with its dead-letter queue, and the event bus."""

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.acknowledge import NO_TLS_LOCALLY, acknowledge
from stacks.mail import MailIdentity
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

QUEUES = (
    "webhooks",
    "platform-webhooks",
    "email",
    "mail-events",
    "notifications",
    "realtime",
    "enrichment",
    "analytics",
    "ai-processing",
)
# Their consumers give single messages back, of which no error of the function tells.
GIVES_SINGLE_ONES_BACK = (
    *("webhooks", "platform-webhooks", "email", "mail-events", "notifications"),
    *("realtime", "ai-processing"),
)

# What members are told of; `huntaze.domain.notices.kinds` says whom, and a test compares them.
TOLD_TO_MEMBERS = (
    *("creator.stopped", "campaign.awaiting_approval", "campaign.completed", "campaign.failed"),
    *("campaign.not_launched", "automation.notified"),
    *("conversation.handed_over", "fan.opted_out"),
    *("chatbot.held_up", "chatbot.gave_up", "message.went_wrong", "message.not_taken_back"),
    *("content.due", "import.completed", "import.failed", "member.joined"),
    *("billing.trial_will_end", "billing.subscription_changed", "billing.payment_failed"),
    *("billing.subscribed_twice", "cost.alert"),
)
# What clients are told live; `functions.realtime.kinds` says whom, and a test compares them.
# Every event of a campaign is progress of it.
TOLD_LIVE = (
    *("message.created", "message.settled", "draft.created", "creator.stopped"),
    *("cost.alert", "notification.created"),
)
# Their messages wake runs that last as long as Lambda lets them.
RUNS = ("imports", "exports", "erasures")

_RETENTION = Duration.days(14)
# Six times the 30 seconds that a consumer may take, as Lambda's event source asks for.
_VISIBILITY = Duration.seconds(180)
_RECEIVES = 5
# A run of an import hands on what it cannot do in this time: the runs are for all workspaces, and
# whoever waits for one waits no longer. A message that comes back so late has long been made up for
# by the sweep of each minute.
RUN_TIME = Duration.minutes(5)
# The longest that Lambda lets a function work: a file that is looked at begins at its start again.
LONG_TIME = Duration.minutes(15)
LONG_WORK = ("enrichment",)
# A lane's message is a wake-up: it comes back whenever a worker hands its lane over, each ten
# minutes of a campaign that may last for days, so only very many receives tell that none can work.
_LANE_VISIBILITY = Duration.seconds(120)
_LANE_RECEIVES = 500


class Messaging(StageStack):
    """What features and workers tell each other through."""

    def __init__(self, scope: Construct, settings: StageSettings) -> None:
        super().__init__(scope, "Messaging", settings, description="Huntaze: queues and events")
        self._settings = settings
        self.lanes = self._lanes()
        self.imports = self._runs("imports")
        self.exports = self._runs("exports")
        self.erasures = self._runs("erasures")
        self.queues = {name: self._with_dead_letters(name) for name in QUEUES}
        self.mail = MailIdentity(self, "Mail", settings, events=self.queues["mail-events"])
        self.bus = events.EventBus(self, "Bus", event_bus_name="huntaze")
        # CDK keeps a bus by default; it holds nothing, and its name would block the next deploy.
        self.bus.apply_removal_policy(RemovalPolicy.DESTROY)
        self._tell_members()
        self._tell_live()
        self._tell_chatbot()

    @property
    def send_actions(self) -> list[str]:
        """What a sender must be allowed, one message or ten at a time."""
        if self._settings.on_aws:
            return ["sqs:SendMessage"]
        # AWS has no permission for batches; its stand-in asks for one.
        return ["sqs:SendMessage", "sqs:SendMessageBatch"]

    def _tell_members(self) -> None:
        queue = self.queues["notifications"]
        dead = queue.dead_letter_queue
        events.Rule(
            self,
            "ToldToMembers",
            event_bus=self.bus,
            event_pattern=events.EventPattern(detail_type=list(TOLD_TO_MEMBERS)),
            targets=[targets.SqsQueue(queue, dead_letter_queue=dead.queue if dead else None)],
        )

    def _tell_live(self) -> None:
        queue = self.queues["realtime"]
        dead = queue.dead_letter_queue
        events.Rule(
            self,
            "ToldLive",
            event_bus=self.bus,
            event_pattern=events.EventPattern(
                detail_type=events.Match.any_of(
                    events.Match.prefix("campaign."),
                    *(events.Match.exact_string(name) for name in TOLD_LIVE),
                )
            ),
            targets=[targets.SqsQueue(queue, dead_letter_queue=dead.queue if dead else None)],
        )

    def _tell_chatbot(self) -> None:
        queue = self.queues["ai-processing"]
        dead = queue.dead_letter_queue
        overtaken = {"payload": {"reason": ["moved_on"]}}
        told = {
            "SaidToChatbot": events.EventPattern(
                detail_type=["message.created", "message.updated"]
            ),
            # Whom a planned answer was for may still wait for one.
            "OvertakenOfChatbot": events.EventPattern(
                detail_type=["message.settled"], detail=overtaken
            ),
        }
        for name, pattern in told.items():
            events.Rule(
                self,
                name,
                event_bus=self.bus,
                event_pattern=pattern,
                targets=[targets.SqsQueue(queue, dead_letter_queue=dead.queue if dead else None)],
            )

    def _lanes(self) -> sqs.Queue:
        dead = self._queue("LanesDead", "huntaze-rate-limiter-dlq.fifo", fifo=True)
        return self._queue(
            "Lanes",
            "huntaze-rate-limiter-queue.fifo",
            fifo=True,
            dead_letters=sqs.DeadLetterQueue(queue=dead, max_receive_count=_LANE_RECEIVES),
            visibility=_LANE_VISIBILITY,
        )

    def _runs(self, name: str) -> sqs.Queue:
        """A queue whose consumer may work as long as Lambda lets it."""
        dead = self._queue(f"{name.title()}Dead", f"huntaze-{name}-dlq")
        return self._queue(
            name.title(),
            f"huntaze-{name}",
            dead_letters=sqs.DeadLetterQueue(queue=dead, max_receive_count=_RECEIVES),
            visibility=RUN_TIME,
        )

    def _with_dead_letters(self, name: str) -> sqs.Queue:
        construct_id = name.title().replace("-", "")
        dead = self._queue(f"{construct_id}Dead", f"huntaze-{name}-dlq")
        return self._queue(
            construct_id,
            f"huntaze-{name}",
            dead_letters=sqs.DeadLetterQueue(queue=dead, max_receive_count=_RECEIVES),
            visibility=LONG_TIME if name in LONG_WORK else _VISIBILITY,
        )

    def _queue(
        self,
        construct_id: str,
        name: str,
        *,
        fifo: bool = False,
        dead_letters: sqs.DeadLetterQueue | None = None,
        visibility: Duration | None = None,
    ) -> sqs.Queue:
        queue = sqs.Queue(
            self,
            construct_id,
            queue_name=name,
            fifo=fifo or None,
            # A group is a creator: a busy one must not slow the others down.
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP if fifo else None,
            fifo_throughput_limit=(sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID if fifo else None),
            dead_letter_queue=dead_letters,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=self._settings.on_aws,
            retention_period=_RETENTION,
            visibility_timeout=visibility,
        )
        if dead_letters is None:
            acknowledge(
                queue, "SQSRedrivePolicy", "it is where dead letters end", pack="Serverless"
            )
        if not self._settings.on_aws:
            acknowledge(queue, "SQS4", NO_TLS_LOCALLY)
        return queue
