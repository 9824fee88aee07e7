"""The chatbot is part of some plans only; what keeps fans safe is part of all."""

from functools import partial

import pytest

from huntaze.ids import new_id

RULE = {
    "name": "r",
    "text": "See above!",
    "enabled": True,
    "condition": {"kind": "keyword", "words": ["menu"]},
}
BOUGHT = {
    "turning it on": ("POST", "/activate", {}),
    "learning a style": ("POST", "/train", {}),
    "another version of a style": ("POST", "/style/revert", {"version": None}),
    "an answer written beforehand": ("POST", "/auto-reply", RULE),
}


@pytest.fixture
def have(scene, have_plan):
    """Let the workspace have a plan."""
    return partial(have_plan, scene.desk)


def refused(answer) -> bool:
    """Whether an answer names the plan that has the chatbot."""
    return (answer.status, answer.body.get("fields")) == (402, {"plan": "pro"})


@pytest.mark.parametrize(("method", "path", "body"), BOUGHT.values(), ids=BOUGHT)
def test_what_turns_it_on_or_spends_needs_a_plan_that_has_it(scene, have, method, path, body):
    have("starter")
    assert refused(scene.ask(method, path, body))
    have("pro")
    # The creator has written too little to learn from: that is all that is wrong now.
    assert scene.ask(method, path, body).status in (200, 201, 409)


def test_a_reply_is_written_where_the_plan_has_it(scene, have):
    event = scene.wrote(scene.fan()[1], "Hello")
    path = f"/conversations/{event['detail']['aggregate_id']}/draft"
    have("starter")
    assert refused(scene.ask("POST", path))
    assert scene.writer.asked == []
    assert scene.ask("POST", f"/conversations/{new_id()}/draft").status == 404
    have("pro")
    assert scene.ask("POST", path).status == 201


def test_after_a_downgrade_nothing_is_drafted_and_danger_is_still_handed_over(scene, have):
    scene.activate()
    assert scene.ask("POST", "/auto-reply", RULE).status == 201
    have("starter")
    for text in ("Long day, finally home", "The menu?"):
        scene.hear(scene.wrote(scene.fan()[1], text))
    assert (scene.writer.asked, scene.drafts(), scene.sends()) == ([], [], [])
    fan_id, platform_id = scene.fan()
    scene.hear(scene.wrote(platform_id, "Honestly I want to die"))
    assert [(one["fan_id"], one["topic"]) for one in scene.hand_overs()] == [(fan_id, "self_harm")]
    # What was set is kept, and works again with a plan that has it.
    assert scene.ask("GET", "/state").body["active_since"] is not None
    have("agency")
    scene.drafted()
    assert len(scene.drafts()) == 1


def test_who_never_had_the_chatbot_is_told_of_danger_and_of_nothing_else(scene, have):
    have("starter")
    scene.hear(scene.wrote(scene.fan()[1], "I want a refund"))
    assert scene.hand_overs() == []
    scene.hear(scene.wrote(scene.fan()[1], "Honestly I want to die"))
    assert [one["topic"] for one in scene.hand_overs()] == ["self_harm"]
    assert len(scene.desk.events("conversation.handed_over")) == 1


def test_what_is_there_is_decided_turned_off_and_deleted_on_every_plan(scene, have):
    scene.activate()
    rule = scene.ask("POST", "/auto-reply", RULE).body["id"]
    _, platform_id = scene.fan()
    event = scene.wrote(platform_id, "Hello")
    scene.hear(event)
    (draft,) = scene.drafts()
    have("starter")
    assert scene.ask("POST", f"/drafts/{draft['id']}/approve", {}).status == 200
    assert refused(scene.ask("PUT", f"/auto-reply/{rule}", RULE))
    assert scene.ask("PUT", f"/auto-reply/{rule}", RULE | {"enabled": False}).status == 200
    assert scene.ask("DELETE", f"/auto-reply/{rule}").status == 204
    assert scene.ask("POST", "/deactivate", {}).status == 200
    path = f"/conversations/{event['detail']['aggregate_id']}/context"
    assert scene.ask("GET", path).status == 200
