"""When something goes wrong around a conversation: what becomes of it, and who is told of it.

Each cause is played through the functions that meet it; each event is brought twice.
"""

from datetime import timedelta
from uuid import UUID

import pytest

from functions.chatbot import repository
from functions.notifications.events import handler as notifications
from huntaze import ai, outbox
from huntaze.db import SingleConnection
from huntaze.domain import fans, mails
from huntaze.domain.outbound import lanes
from huntaze.domain.outbound.grants import Refused
from huntaze.ids import new_id
from tests.fakes.chat_scene import ChatScene
from tests.fakes.staff import Staff

# Who may answer the creator's fans; the others may not, or see other creators alone.
ANSWERING = ["caretaker", "colleague", "manager", "owner"]
# Of one fan whom somebody looks after, where somebody may come to harm.
DANGER = ["caretaker", "manager", "owner"]
SEEING = sorted([*ANSWERING, "analyst"])
NO_MODEL = ai.NoAnswerError("No model answered.")
NO_MONEY = ai.BudgetUsedUpError("No room.", retry_after=3600)


@pytest.fixture
def staff(scene: ChatScene, as_role, lambda_context, monkeypatch) -> Staff:
    """An agency with people of every place."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(notifications, "database", lambda: source)
    monkeypatch.setattr(mails, "enqueue", lambda ids: len(list(ids)))
    monkeypatch.setattr(outbox, "nudge", lambda: None)
    made = Staff(scene.desk.workspace_id, scene.desk.user_id, as_role, lambda_context)
    mine = [scene.desk.creator_id]
    made.join("manager", "manager", mine)
    made.join("caretaker", "chatter", mine)
    made.join("colleague", "chatter", mine)
    made.join("analyst", "analyst")
    # Never told: they see other creators alone, or are not here any more.
    made.join("elsewhere", "chatter", [new_id()])
    made.join("other manager", "manager", [new_id()])
    made.join("gone", "chatter")
    made.leave("gone")
    return made


@pytest.fixture
def cared_for(scene: ChatScene, staff: Staff) -> tuple[UUID, str]:
    """A fan whom one chatter looks after; who, and the platform's id."""
    return scene.fan(assigned_to=staff.people["caretaker"])


def again(scene: ChatScene) -> None:
    """Let what waits be due, as if its time had come."""
    scene.sql("UPDATE reply_tasks SET due_at = clock_timestamp(), leased_until = NULL")


# A stop word


@pytest.mark.parametrize(
    "text",
    [
        *("STOP", "stop.", " Stop ALL! ", "\uff33\uff34\uff2f\uff30", "Unsubscribe", "S\u0301top"),
        *("désabonner", "ARRÊTE !", "parar", "cancelar suscripción", "abmelden", "afmelden"),
        *("disiscrivimi", "cancelar inscrição", "stop\0"),
    ],
)
def test_a_stop_word_ends_what_was_written_and_tells_who_looks_after_the_fan(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str], text: str
) -> None:
    fan_id, platform_id = cared_for
    scene.activate()
    scene.hear(scene.wrote(platform_id, "Hello"))
    approved = scene.drafts()[0]["id"]
    scene.ask("POST", f"/drafts/{approved}/approve", {})
    by_hand = scene.desk.send(fan_id)
    stopping = scene.wrote(platform_id, text)
    scene.hear(stopping, stopping)
    assert [send["state"] for send in scene.sends()] == ["cancelled", "planned"]
    # A person's own message, too, ends at the grant.
    assert scene.desk.grant(scene.desk.claim()) == Refused("skipped", "suppressed")
    assert scene.desk.row(by_hand)["reason"] == "suppressed"
    assert scene.drafts(state="pending") == []
    assert staff.told("fan_opted_out") == ["caretaker"]
    assert staff.mailed("fan_opted_out") == []
    # Whoever had approved the reply hears that it was taken away.
    assert staff.told("message_went_wrong") == ["owner"]
    assert staff.kinds() == {"fan_opted_out", "message_went_wrong"}


def test_a_stop_word_is_told_once_and_again_when_a_person_has_let_the_fan_come_back(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str]
) -> None:
    fan_id, platform_id = cared_for
    scene.activate()
    scene.hear(scene.wrote(platform_id, "stop"))
    scene.hear(scene.wrote(platform_id, "STOP!!"))
    assert staff.told("fan_opted_out") == ["caretaker"]
    with scene.desk.app.transaction() as connection:
        fans.unsuppress(connection, fan_id)
    scene.hear(scene.wrote(platform_id, "stop"))
    assert staff.told("fan_opted_out") == ["caretaker"] * 2
    assert scene.writer.asked == []


def test_a_stop_word_of_nobodys_fan_is_told_to_whoever_may_answer(
    scene: ChatScene, staff: Staff
) -> None:
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "stop"))
    assert staff.told("fan_opted_out") == ANSWERING


def test_a_list_of_chats_tells_of_a_stop_word_once_and_of_history_not(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str]
) -> None:
    _, old = scene.fan()
    _, platform_id = cared_for
    rows = [
        fans.ChatRow(platform_id, last_is_own=False, last_text="stop"),
        fans.ChatRow(old, last_is_own=False, last_text="stop", last_at="2020-01-01T00:00:00+00:00"),
    ]
    for _ in range(2):
        with scene.desk.worker.transaction() as connection:
            fans.record_chats(connection, scene.desk.creator_id, rows)
    scene.wrote(platform_id, "stop")
    assert staff.told("fan_opted_out") == ["caretaker"]
    assert scene.sql("SELECT count(*) FROM suppressions") == [(2,)]


# The platform wants a person, or a login


@pytest.mark.parametrize("reason", ["captcha", "two_factor", "session_expired", "login_refused"])
def test_a_stopped_creator_keeps_what_is_planned_and_each_is_told_once(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str], reason: str
) -> None:
    _, platform_id = cared_for
    scene.activate()
    scene.hear(scene.wrote(platform_id, "Hello"))
    scene.ask("POST", f"/drafts/{scene.drafts()[0]['id']}/approve", {})
    claim, desk = scene.desk.claim(), scene.desk

    def stop() -> None:
        with desk.worker.transaction() as connection:
            lanes.stop(connection, claim, reason)

    stop()
    stop()
    assert desk.grant(claim) == Refused("stopped", reason)
    assert [send["state"] for send in scene.sends()] == ["planned"]
    # Drafts are still written and approved: they wait like everything else.
    scene.hear(scene.wrote(platform_id, "Are you there?"))
    assert len(scene.drafts(state="pending")) == 1
    assert staff.told("creator_stopped") == SEEING
    assert staff.mailed("creator_stopped") == SEEING
    with desk.worker.transaction() as connection:
        lanes.activate(connection, desk.creator_id)
    stop()
    assert staff.told("creator_stopped") == sorted(SEEING * 2)
    # Of the approved reply, which the fan's next message has taken away.
    assert staff.told("message_went_wrong") == ["owner"]
    assert staff.kinds() == {"creator_stopped", "message_went_wrong"}


# No model, and no money for one


@pytest.mark.parametrize("trouble", [NO_MODEL, NO_MONEY])
def test_an_outage_is_told_once_and_again_when_it_comes_back(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str], trouble: Exception
) -> None:
    _, platform_id = cared_for
    scene.activate()
    scene.writer.trouble = trouble
    scene.hear(scene.wrote(platform_id, "Hello"), scene.wrote(scene.fan()[1], "Hello"))
    again(scene)
    scene.sweep()
    # Not the caretaker alone: it is the creator's chatbot that is held up.
    assert staff.told("chatbot_held_up") == ANSWERING
    assert staff.mailed("chatbot_held_up") == ANSWERING
    assert (scene.drafts(), scene.sends()) == ([], [])
    scene.writer.trouble = None
    again(scene)
    scene.sweep()
    assert len(scene.drafts()) == 2
    scene.writer.trouble = trouble
    scene.hear(scene.wrote(platform_id, "And now?"))
    assert staff.told("chatbot_held_up") == sorted(ANSWERING * 2)
    assert staff.kinds() == {"chatbot_held_up"}


def test_what_an_outage_makes_too_late_is_given_up_and_told_once(
    scene: ChatScene, staff: Staff, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.activate()
    scene.writer.trouble = NO_MODEL
    fans_of = [scene.fan()[1] for _ in range(2)]
    for one in fans_of:
        scene.hear(scene.wrote(one, "Hello"))
    for _ in range(2):
        again(scene)
        with monkeypatch.context() as a_day_later:
            a_day_later.setattr(repository, "_TOO_LATE", timedelta(0))
            scene.sweep()
    assert scene.sql("SELECT DISTINCT state FROM reply_tasks") == [("given_up",)]
    assert staff.told("chatbot_gave_up") == ANSWERING
    assert staff.mailed("chatbot_gave_up") == ANSWERING
    # Nobody was handed over: the chatbot answers what they write next.
    assert scene.hand_overs() == []
    scene.writer.trouble = None
    scene.hear(scene.wrote(fans_of[0], "Are you there?"))
    assert len(scene.drafts()) == 1
    assert staff.kinds() == {"chatbot_held_up", "chatbot_gave_up"}


REFUSALS = [
    ai.DeclinedTextError("The model declines to work on this text."),
    ai.PromptTooLongError("The prompt and its answer must fit into 9 tokens."),
]


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_message_that_a_model_refuses_is_a_persons_and_no_outage(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str], refusal: Exception
) -> None:
    scene.activate()
    scene.writer.trouble = refusal
    event = scene.wrote(cared_for[1], "Something that no model reads")
    assert scene.hear(event, event) == []
    again(scene)
    scene.sweep()
    assert len(scene.writer.asked) == 1
    (over,) = scene.hand_overs()
    assert (over["topic"], over["reasons"]) == ("not_answered", [f"not_answered: {refusal}"])
    assert staff.told("conversation_handed_over") == ["caretaker"]
    assert staff.kinds() == {"conversation_handed_over"}
    assert scene.ask("GET", "/state").body["held_up_since"] is None
    scene.writer.trouble = None
    scene.drafted()


def test_answers_of_a_wrong_form_are_asked_for_later_and_a_persons_in_the_end(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str]
) -> None:
    scene.activate()
    scene.writer.trouble = ai.UnusableAnswerError("The models did not answer in the form.")
    scene.hear(scene.wrote(cared_for[1], "Hello"))
    for _ in range(7):
        assert scene.sql("SELECT state FROM reply_tasks") == [("waiting",)]
        again(scene)
        scene.sweep()
    assert (len(scene.writer.asked), staff.kinds()) == (8, set())
    again(scene)
    scene.sweep()
    assert [over["topic"] for over in scene.hand_overs()] == ["not_answered"]
    assert staff.told("conversation_handed_over") == ["caretaker"]
    scene.writer.trouble = None
    scene.drafted()


def test_one_answer_of_a_wrong_form_takes_nobody_off_the_chatbot(scene: ChatScene) -> None:
    scene.activate()
    scene.writer.trouble = ai.UnusableAnswerError("The models did not answer in the form.")
    scene.hear(scene.wrote(scene.fan()[1], "Hello"))
    assert scene.hand_overs() == []
    scene.writer.trouble = None
    again(scene)
    scene.sweep()
    assert [draft["state"] for draft in scene.drafts()] == ["pending"]


def test_a_refusal_begins_no_outage_and_ends_none(scene: ChatScene, staff: Staff) -> None:
    scene.activate()
    for trouble in (NO_MODEL, REFUSALS[0], NO_MODEL):
        scene.writer.trouble = trouble
        scene.hear(scene.wrote(scene.fan()[1], "Hello"))
    assert scene.ask("GET", "/state").body["held_up_since"] is not None
    assert staff.told("chatbot_held_up") == ANSWERING


@pytest.mark.parametrize(("refusal", "status"), [(REFUSALS[0], 502), (REFUSALS[1], 422)])
def test_who_asks_for_a_draft_is_told_of_the_refusal_and_nobody_else(
    scene: ChatScene, staff: Staff, refusal: Exception, status: int
) -> None:
    scene.writer.trouble = refusal
    event = scene.wrote(scene.fan()[1], "Something that no model reads")
    path = f"/conversations/{event['detail']['aggregate_id']}/draft"
    assert scene.ask("POST", path, {}).status == status
    assert (scene.hand_overs(), staff.kinds()) == ([], set())


# What a person must answer


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("I want my money back", "conversation_handed_over", ["caretaker"]),
        ("i'm 15 by the way", "conversation_in_danger", DANGER),
        (
            "I will find you and kill you",
            "conversation_in_danger",
            ["caretaker", "manager", "owner"],
        ),
    ],
)
def test_a_hand_over_is_told_to_who_looks_after_the_fan_and_a_grave_one_to_more(
    scene: ChatScene,
    staff: Staff,
    cared_for: tuple[UUID, str],
    text: str,
    kind: str,
    told: list[str],
) -> None:
    _, platform_id = cared_for
    scene.activate()
    event = scene.wrote(platform_id, text)
    scene.hear(event, event)
    scene.hear(scene.wrote(platform_id, text))
    assert staff.told(kind) == told
    assert staff.mailed(kind) == (told if kind == "conversation_in_danger" else [])
    assert (scene.drafts(), len(scene.hand_overs())) == ([], 1)
    assert staff.kinds() == {kind}
    scene.ask("POST", f"/conversations/{event['detail']['aggregate_id']}/resolve", {})
    scene.hear(scene.wrote(platform_id, text))
    assert staff.told(kind) == sorted(told * 2)


@pytest.mark.parametrize(
    ("role", "scope"), [("analyst", None), ("chatter", []), ("chatter", "another")]
)
def test_where_who_looked_after_the_fan_may_not_any_more_everybody_is_told(
    scene: ChatScene,
    staff: Staff,
    cared_for: tuple[UUID, str],
    role: str,
    scope: list[UUID] | str | None,
) -> None:
    scene.activate()
    staff.move("caretaker", role, [new_id()] if scope == "another" else scope)
    scene.hear(scene.wrote(cared_for[1], "I want my money back"))
    assert staff.told("conversation_handed_over") == ["colleague", "manager", "owner"]


def test_where_who_looked_after_the_fan_is_gone_everybody_is_told(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str]
) -> None:
    scene.activate()
    staff.leave("caretaker")
    scene.hear(scene.wrote(cared_for[1], "I want my money back"))
    assert staff.told("conversation_handed_over") == ["colleague", "manager", "owner"]


def test_a_hand_over_that_turns_grave_is_told_again_once(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str]
) -> None:
    _, platform_id = cared_for
    scene.activate()
    scene.hear(scene.wrote(platform_id, "I want my money back"))
    for text in ("i'm 15 by the way", "I want to die", "I want my money back"):
        scene.hear(scene.wrote(platform_id, text))
    (over,) = scene.hand_overs()
    assert over["topic"] == "minors_age"
    assert len(over["reasons"]) == 2
    assert staff.told("conversation_handed_over") == ["caretaker"]
    assert staff.told("conversation_in_danger") == DANGER


# What is poisoned


@pytest.mark.parametrize(
    "text",
    [
        "\0",
        "a\0b" * 10,
        "",
        "a" * 20_000,
        "(a+)+$" * 3_000,
        "%s {display_name} ${name} {{7*7}} \\u0000 \\ud800",
        "\u202eevil\u202c \u200b\u200b\u200b \ufeff",
        "e" + "\u0301" * 9_000,
        "\U000e0041" * 200,
        "QUJD" * 4_000,
        "<script>alert(1)</script>' OR 1=1; DROP TABLE fans; --",
        "\U0001f469\u200d\U0001f469\u200d\U0001f467 " * 500,
    ],
    ids=range(12),
)
def test_a_hostile_message_is_a_draft_or_a_persons_and_holds_nobody_up(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str], text: str
) -> None:
    scene.activate()
    poisoned, fine = scene.wrote(cared_for[1], text), scene.wrote(scene.fan()[1], "Hello")
    assert scene.hear(poisoned, fine) == []
    assert len(scene.drafts()) + len(scene.hand_overs()) == 2
    told = ["caretaker"] * len(scene.hand_overs())
    assert staff.told("conversation_handed_over") == told
    assert staff.kinds() <= {"conversation_handed_over"}


def test_a_message_at_which_the_chatbot_fails_again_and_again_is_handed_over(
    scene: ChatScene, staff: Staff, cared_for: tuple[UUID, str]
) -> None:
    _, platform_id = cared_for
    scene.activate()
    event = scene.wrote(platform_id, "Hello")
    scene.writer.trouble = RuntimeError("a bug")
    for _ in range(8):
        # It comes again, and ends among the dead letters, of which an alarm tells the operator.
        assert scene.hear(event) == ["0"]
        again(scene)
    assert staff.kinds() == set()
    assert scene.hear(event) == []
    assert scene.hear(event) == []
    assert [over["topic"] for over in scene.hand_overs()] == ["not_answered"]
    assert staff.told("conversation_handed_over") == ["caretaker"]
    assert scene.sql("SELECT state FROM reply_tasks") == [("given_up",)]
