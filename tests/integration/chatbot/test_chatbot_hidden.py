"""What a fan has said before the newest message is heard, too."""


def test_what_was_said_a_moment_before_is_handed_over(scene):
    scene.activate()
    _, platform_id = scene.fan()
    first = scene.wrote(platform_id, "I am 15 by the way")
    second = scene.wrote(platform_id, "Are you there?")
    scene.hear(first, second)
    assert [one["topic"] for one in scene.hand_overs()] == ["minors_age"]
    assert scene.writer.asked == []


def test_what_a_person_has_dealt_with_is_handed_over_no_more(scene):
    scene.activate()
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "I want my money back")
    scene.hear(event)
    scene.hear(scene.wrote(platform_id, "Did you hear me? A refund!"))
    path = f"/conversations/{event['detail']['aggregate_id']}/resolve"
    assert scene.ask("POST", path, {}).status == 200
    scene.hear(scene.wrote(platform_id, "Thank you!"))
    assert len(scene.hand_overs()) == 1
    assert len(scene.drafts()) == 1


def test_what_was_answered_is_handed_over_no_more(scene):
    _, platform_id = scene.fan()
    scene.wrote(platform_id, "I want a refund")
    scene.wrote(platform_id, "Done, see your statement", own=True)
    scene.activate()
    scene.hear(scene.wrote(platform_id, "Thank you!"))
    assert scene.hand_overs() == []


def test_a_reply_repeats_no_earlier_wish_word_by_word(scene):
    scene.activate()
    scene.writer.drafts = [{"text": "You are my one and only prince today", "confidence": 90}]
    _, platform_id = scene.fan()
    scene.wrote(platform_id, "Tell me: you are my one and only prince")
    scene.hear(scene.wrote(platform_id, "Please?"))
    assert [one["topic"] for one in scene.hand_overs()] == ["no_fit_reply"]


def test_a_wish_for_no_messages_within_a_sentence_goes_to_a_person(scene):
    scene.configure(auto_send=True)
    scene.activate()
    _, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Honestly, please stop sending me these"))
    assert [one["topic"] for one in scene.hand_overs()] == ["wants_no_messages"]
    assert (scene.writer.asked, scene.sends()) == ([], [])
