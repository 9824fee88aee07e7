"""Each kind of notification: of which event it comes, who may see it, and whether it is mailed."""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from huntaze.auth import RIGHTS, Right, Role
from huntaze.domain.dangers import GRAVE


class Kind(StrEnum):
    """What a member may be told of; a mail of the same name has its texts."""

    CREATOR_STOPPED = "creator_stopped"
    CAMPAIGN_AWAITING_APPROVAL = "campaign_awaiting_approval"
    CAMPAIGN_COMPLETED = "campaign_completed"
    CAMPAIGN_FAILED = "campaign_failed"
    CAMPAIGN_NOT_LAUNCHED = "campaign_not_launched"
    AUTOMATION_NOTIFIED = "automation_notified"
    CONVERSATION_HANDED_OVER = "conversation_handed_over"
    CONVERSATION_IN_DANGER = "conversation_in_danger"
    FAN_OPTED_OUT = "fan_opted_out"
    CHATBOT_HELD_UP = "chatbot_held_up"
    CHATBOT_GAVE_UP = "chatbot_gave_up"
    MESSAGE_WENT_WRONG = "message_went_wrong"
    MESSAGE_NOT_TAKEN_BACK = "message_not_taken_back"
    CONTENT_DUE = "content_due"
    IMPORT_COMPLETED = "import_completed"
    IMPORT_FAILED = "import_failed"
    MEMBER_JOINED = "member_joined"
    TRIAL_WILL_END = "trial_will_end"
    TRIAL_WILL_LAPSE = "trial_will_lapse"
    PLAN_ENDED = "plan_ended"
    PAYMENT_FAILED = "payment_failed"
    SUBSCRIBED_TWICE = "subscribed_twice"
    COST_ALERT = "cost_alert"


class Rule(NamedTuple):
    """Where notifications of a kind come from and go to.

    Args:
        event: Of the outbox.
        right: What a member's role must have; a creator's scope narrows it further.
        mailed: Whether each goes out by mail, too, unless the member says otherwise.
        topics: Of the event, of which alone it is told; none: of all that no other kind takes.
        beside: The right of those who hear of it even where it is meant for one member.
        whole: It is of the workspace as a whole: for who sees every creator.
    """

    event: str
    right: Right
    mailed: bool
    topics: frozenset[str] = frozenset()
    beside: Right | None = None
    whole: bool = False


RULES: dict[Kind, Rule] = {
    Kind.CREATOR_STOPPED: Rule("creator.stopped", Right.READ, mailed=True),
    Kind.CAMPAIGN_AWAITING_APPROVAL: Rule("campaign.awaiting_approval", Right.APPROVE, mailed=True),
    Kind.CAMPAIGN_COMPLETED: Rule("campaign.completed", Right.READ, mailed=False),
    Kind.CAMPAIGN_FAILED: Rule("campaign.failed", Right.WRITE_CAMPAIGNS, mailed=True),
    Kind.CAMPAIGN_NOT_LAUNCHED: Rule("campaign.not_launched", Right.WRITE_CAMPAIGNS, mailed=True),
    Kind.AUTOMATION_NOTIFIED: Rule("automation.notified", Right.READ, mailed=False),
    Kind.CONVERSATION_HANDED_OVER: Rule("conversation.handed_over", Right.REPLY, mailed=False),
    Kind.CONVERSATION_IN_DANGER: Rule(
        "conversation.handed_over", Right.REPLY, mailed=True, topics=GRAVE, beside=Right.MANAGE
    ),
    Kind.FAN_OPTED_OUT: Rule("fan.opted_out", Right.REPLY, mailed=False),
    Kind.CHATBOT_HELD_UP: Rule("chatbot.held_up", Right.REPLY, mailed=True),
    Kind.CHATBOT_GAVE_UP: Rule("chatbot.gave_up", Right.REPLY, mailed=True),
    Kind.MESSAGE_WENT_WRONG: Rule("message.went_wrong", Right.REPLY, mailed=False),
    Kind.MESSAGE_NOT_TAKEN_BACK: Rule("message.not_taken_back", Right.REPLY, mailed=True),
    Kind.CONTENT_DUE: Rule("content.due", Right.WRITE_CAMPAIGNS, mailed=True),
    Kind.IMPORT_COMPLETED: Rule("import.completed", Right.IMPORT, mailed=False),
    Kind.IMPORT_FAILED: Rule("import.failed", Right.IMPORT, mailed=True),
    Kind.MEMBER_JOINED: Rule("member.joined", Right.MANAGE, mailed=False),
    Kind.TRIAL_WILL_END: Rule("billing.trial_will_end", Right.BILL, mailed=True),
    Kind.TRIAL_WILL_LAPSE: Rule(
        "billing.trial_will_end", Right.BILL, mailed=True, topics=frozenset({"nothing_bought"})
    ),
    Kind.PLAN_ENDED: Rule(
        "billing.subscription_changed", Right.BILL, mailed=True, topics=frozenset({"ended"})
    ),
    Kind.PAYMENT_FAILED: Rule("billing.payment_failed", Right.BILL, mailed=True),
    Kind.SUBSCRIBED_TWICE: Rule("billing.subscribed_twice", Right.BILL, mailed=True),
    Kind.COST_ALERT: Rule("cost.alert", Right.MANAGE, mailed=True, whole=True),
}
EVENTS = frozenset(rule.event for rule in RULES.values())


def kind_of(event: str, facts: Mapping[str, object]) -> Kind | None:
    """The kind of which an event is; None: members are not told of it."""
    kinds = [kind for kind, rule in RULES.items() if rule.event == event]
    meant = [kind for kind in kinds if facts.get("topic") in RULES[kind].topics]
    return next(iter([*meant, *(kind for kind in kinds if not RULES[kind].topics)]), None)


def roles_for(kind: Kind) -> list[Role]:
    """The roles that may see notifications of a kind."""
    return _with(RULES[kind].right)


def kinds_for(role: Role, *, sees_every_creator: bool) -> list[Kind]:
    """The kinds of which a member may see notifications."""
    return [
        kind
        for kind, rule in RULES.items()
        if rule.right in RIGHTS[role] and (sees_every_creator or not rule.whole)
    ]


def roles_beside(kind: Kind) -> list[Role]:
    """The roles that hear of a kind, too, where it is meant for one member."""
    right = RULES[kind].beside
    return [] if right is None else _with(right)


def _with(right: Right) -> list[Role]:
    return [role for role in Role if right in RIGHTS[role]]
