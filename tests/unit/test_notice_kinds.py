"""Who is told of what, and by what, said a second time: a change of it is meant or shows here."""

import pytest

from huntaze.ai.agents.outputs import Topic
from huntaze.domain.dangers import GRAVE
from huntaze.domain.notices.kinds import RULES, Kind, kind_of, roles_beside, roles_for

ALL = {"owner", "manager", "chatter", "analyst"}
ANSWERING = {"owner", "manager", "chatter"}
MANAGING = {"owner", "manager"}

# Of a creator, the scope of a member narrows it further.
TOLD = {
    Kind.CREATOR_STOPPED: (ALL, True),
    Kind.CAMPAIGN_AWAITING_APPROVAL: (MANAGING, True),
    Kind.CAMPAIGN_COMPLETED: (ALL, False),
    Kind.CAMPAIGN_FAILED: (MANAGING, True),
    Kind.CAMPAIGN_NOT_LAUNCHED: (MANAGING, True),
    Kind.AUTOMATION_NOTIFIED: (ALL, False),
    Kind.CONVERSATION_HANDED_OVER: (ANSWERING, False),
    Kind.CONVERSATION_IN_DANGER: (ANSWERING, True),
    Kind.FAN_OPTED_OUT: (ANSWERING, False),
    Kind.CHATBOT_HELD_UP: (ANSWERING, True),
    Kind.CHATBOT_GAVE_UP: (ANSWERING, True),
    Kind.MESSAGE_WENT_WRONG: (ANSWERING, False),
    Kind.MESSAGE_NOT_TAKEN_BACK: (ANSWERING, True),
    Kind.CONTENT_DUE: (MANAGING, True),
    Kind.IMPORT_COMPLETED: (MANAGING, False),
    Kind.IMPORT_FAILED: (MANAGING, True),
    Kind.MEMBER_JOINED: (MANAGING, False),
    Kind.TRIAL_WILL_END: ({"owner"}, True),
    Kind.TRIAL_WILL_LAPSE: ({"owner"}, True),
    Kind.PLAN_ENDED: ({"owner"}, True),
    Kind.PAYMENT_FAILED: ({"owner"}, True),
    Kind.SUBSCRIBED_TWICE: ({"owner"}, True),
    Kind.COST_ALERT: (MANAGING, True),
}


@pytest.mark.parametrize("kind", Kind)
def test_each_kind_is_told_to_its_roles_and_mailed_or_not(kind: Kind) -> None:
    roles, mailed = TOLD[kind]
    assert {role.value for role in roles_for(kind)} == roles
    assert RULES[kind].mailed is mailed
    assert RULES[kind].whole is (kind is Kind.COST_ALERT)
    beside = MANAGING if kind is Kind.CONVERSATION_IN_DANGER else set()
    assert {role.value for role in roles_beside(kind)} == beside


@pytest.mark.parametrize("topic", [*(topic.value for topic in Topic), "spend_ceiling", None])
def test_a_hand_over_is_grave_by_its_topic(topic: str | None) -> None:
    grave = topic in {"minors_age", "self_harm", "threat", "doxxing"}
    expected = Kind.CONVERSATION_IN_DANGER if grave else Kind.CONVERSATION_HANDED_OVER
    assert kind_of("conversation.handed_over", {"topic": topic}) is expected
    assert (topic in GRAVE) is grave


def test_what_is_no_kind_is_told_to_nobody() -> None:
    assert kind_of("message.created", {"topic": "threat"}) is None
    assert kind_of("creator.stopped", {"topic": "threat"}) is Kind.CREATOR_STOPPED


def test_the_end_of_a_plan_is_told_and_another_change_is_not() -> None:
    assert kind_of("billing.subscription_changed", {"plan": "pro"}) is None
    ended = {"plan": "free", "topic": "ended"}
    assert kind_of("billing.subscription_changed", ended) is Kind.PLAN_ENDED
    assert kind_of("billing.trial_will_end", {}) is Kind.TRIAL_WILL_END
    lapse = {"topic": "nothing_bought"}
    assert kind_of("billing.trial_will_end", lapse) is Kind.TRIAL_WILL_LAPSE
