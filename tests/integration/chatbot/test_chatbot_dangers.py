"""Somebody may come to harm: whatever else is said and whenever it is found, a person is told."""

import pytest


@pytest.mark.parametrize(
    "text",
    [
        *("I found your address", "j'ai trouvé ton adresse"),
        "I found your facebook, refund me",
        "What is your real name? I will call my lawyer",
    ],
)
def test_no_small_topic_hides_a_danger(scene, text):
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, text))
    (over,) = scene.hand_overs()
    assert over["topic"] == "doxxing"
    assert len(over["reasons"]) > 1


@pytest.mark.parametrize(
    ("said", "topic"),
    [
        ({"topics": ["legal", "self_harm"]}, "self_harm"),
        ({"topics": ["legal"], "intent": "distress"}, "self_harm"),
        ({"topics": ["payment_dispute"], "intent": "age_concern"}, "minors_age"),
        ({"topics": ["meeting", "doxxing"], "needs_person": True}, "doxxing"),
        ({"topics": ["injection"], "intent": "harassment"}, "injection"),
    ],
)
def test_of_what_a_model_finds_the_gravest_is_told(scene, said, topic):
    scene.activate()
    scene.writer.reading = said
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "You will hear from somebody"))
    (over,) = scene.hand_overs()
    assert (over["topic"], len(over["reasons"])) == (topic, 2 + ("needs_person" in said))


def test_a_hand_over_for_less_is_raised_by_a_danger_beside_it(scene):
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "I want my money back"))
    scene.hear(scene.wrote(platform_id, "My lawyer and I found your address"))
    (over,) = scene.hand_overs()
    assert over["topic"] == "doxxing"
    assert [one["topic"] for one in scene.desk.events("conversation.handed_over")] == [
        "payment_dispute",
        "doxxing",
    ]
