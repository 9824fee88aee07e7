"""Each kind of notification: of which event it comes, who may see it, and whether it is mailed."""

from enum import StrEnum
from typing import NamedTuple

from huntaze.auth import RIGHTS, Right, Role


class Kind(StrEnum):
    """What a member may be told of; a mail of the same name has its texts."""

    CREATOR_STOPPED = "creator_stopped"
    CAMPAIGN_AWAITING_APPROVAL = "campaign_awaiting_approval"
    CAMPAIGN_COMPLETED = "campaign_completed"
    CAMPAIGN_FAILED = "campaign_failed"
    AUTOMATION_NOTIFIED = "automation_notified"
    CONVERSATION_HANDED_OVER = "conversation_handed_over"
    CHATBOT_HELD_UP = "chatbot_held_up"
    IMPORT_COMPLETED = "import_completed"
    IMPORT_FAILED = "import_failed"
    MEMBER_JOINED = "member_joined"
    TRIAL_WILL_END = "trial_will_end"
    PAYMENT_FAILED = "payment_failed"
    COST_ALERT = "cost_alert"


class Rule(NamedTuple):
    """Where notifications of a kind come from and go to.

    Args:
        event: Of the outbox.
        right: What a member's role must have; a creator's scope narrows it further.
        mailed: Whether each goes out by mail, too, unless the member says otherwise.
    """

    event: str
    right: Right
    mailed: bool


RULES: dict[Kind, Rule] = {
    Kind.CREATOR_STOPPED: Rule("creator.stopped", Right.READ, mailed=True),
    Kind.CAMPAIGN_AWAITING_APPROVAL: Rule("campaign.awaiting_approval", Right.APPROVE, mailed=True),
    Kind.CAMPAIGN_COMPLETED: Rule("campaign.completed", Right.READ, mailed=False),
    Kind.CAMPAIGN_FAILED: Rule("campaign.failed", Right.WRITE_CAMPAIGNS, mailed=True),
    Kind.AUTOMATION_NOTIFIED: Rule("automation.notified", Right.READ, mailed=False),
    Kind.CONVERSATION_HANDED_OVER: Rule("conversation.handed_over", Right.REPLY, mailed=False),
    Kind.CHATBOT_HELD_UP: Rule("chatbot.held_up", Right.REPLY, mailed=True),
    Kind.IMPORT_COMPLETED: Rule("import.completed", Right.IMPORT, mailed=False),
    Kind.IMPORT_FAILED: Rule("import.failed", Right.IMPORT, mailed=True),
    Kind.MEMBER_JOINED: Rule("member.joined", Right.MANAGE, mailed=False),
    Kind.TRIAL_WILL_END: Rule("billing.trial_will_end", Right.BILL, mailed=True),
    Kind.PAYMENT_FAILED: Rule("billing.payment_failed", Right.BILL, mailed=True),
    Kind.COST_ALERT: Rule("cost.alert", Right.MANAGE, mailed=True),
}
BY_EVENT = {rule.event: kind for kind, rule in RULES.items()}


def roles_for(kind: Kind) -> list[Role]:
    """The roles that may see notifications of a kind."""
    return [role for role in Role if RULES[kind].right in RIGHTS[role]]
