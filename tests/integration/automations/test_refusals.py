"""Automations that are not stored: loops, and what names things that are not there."""

import pytest

from huntaze.domain import fans
from huntaze.domain.fans.lists import FanListInUseError
from huntaze.ids import new_id
from tests.fakes.automation_scene import HELLO, TAGGED, THANK


def test_loops_are_refused_with_their_path(scene):
    scene.make({"kind": "tag_added", "tag": "a"}, {**THANK, "tag": "b"}, name="First")
    body = {"name": "Second", "trigger": {"kind": "tag_added", "tag": "b"}}
    refused = scene.ask("POST", "", {**body, "steps": [{**THANK, "tag": "a"}]})
    assert (refused.status, refused.body["error"]) == (422, "AutomationLoop")
    assert refused.body["detail"].count("Second") == 2
    assert "First" in refused.body["detail"]
    round_ = [{**THANK, "id": "x", "next": "y"}, {**THANK, "id": "y", "next": "x"}]
    refused = scene.ask("POST", "", {**body, "steps": round_})
    assert (refused.status, refused.body["fields"]) == (422, {"steps": "x → y → x"})


def test_what_it_names_must_be_there(scene):
    wrong = [
        ({"id": "s", "kind": "add_to_list", "list_id": str(new_id())}, 404),
        ({"id": "s", "kind": "assign", "member_id": str(new_id())}, 422),
        ({"id": "s", "kind": "start_campaign", "campaign_id": str(new_id())}, 404),
        ({**HELLO, "media_ids": [str(new_id())], "price_cents": 500}, 422),
        ({**HELLO, "text": "Hello {unknown|x}"}, 422),
        ({**HELLO, "next": "nowhere"}, 422),
    ]
    body = {"name": "n", "trigger": TAGGED}
    found = [scene.ask("POST", "", {**body, "steps": [step]}).status for step, _ in wrong]
    assert found == [status for _, status in wrong]
    gone = {"kind": "not", "rule": {"kind": "lists", "match": "any", "lists": [str(new_id())]}}
    asking = {"id": "s", "kind": "condition", "rules": gone}
    for said in ({"steps": [HELLO], "audience": gone}, {"steps": [asking]}):
        refused = scene.ask("POST", "", {**body, **said})
        assert (refused.status, refused.body["fields"]) == (422, {"lists": "unknown"})


@pytest.fixture
def kept(scene):
    """Rules that leave out who is on a list, and what deletes that list."""
    with scene.desk.app.transaction() as connection:
        made = fans.lists.create_list(connection, scene.desk.creator_id, "Kept")

    def delete():
        with scene.desk.app.transaction() as connection:
            fans.lists.delete_list(connection, made.id)

    return {"kind": "lists", "match": "none", "lists": [str(made.id)]}, delete


@pytest.mark.parametrize("place", ["audience", "condition"])
def test_a_list_that_it_asks_for_stays(scene, kept, place):
    rules, delete = kept
    asking = {"id": "s", "kind": "condition", "rules": rules}
    said = {"audience": {"steps": [THANK], "audience": rules}, "condition": {"steps": [asking]}}
    body = {"name": "Quiet", "trigger": TAGGED}
    made = scene.ask("POST", "", {**body, **said[place]}).body["id"]
    with pytest.raises(FanListInUseError, match="the automation Quiet"):
        delete()
    # What no run says any more asks nobody.
    assert scene.ask("PUT", f"/{made}", {**body, "steps": [THANK]}).status == 200
    delete()


def test_a_list_that_a_run_still_asks_for_stays(scene, kept):
    rules, delete = kept
    waits = {"id": "w", "kind": "wait", "minutes": 60, "next": "s"}
    steps = [waits, {"id": "s", "kind": "condition", "rules": rules}]
    made = scene.make(TAGGED, *steps)
    scene.tag(scene.desk.fan())
    scene.sweep()
    body = {"name": "n", "trigger": TAGGED, "steps": [THANK]}
    assert scene.ask("PUT", f"/{made}", body).status == 200
    with pytest.raises(FanListInUseError, match="the automation n"):
        delete()


def test_what_is_another_creators_is_not_there(scene, as_role):
    desk, other = scene.desk, new_id()
    as_role("master").execute(
        "INSERT INTO creators (workspace_id, id, platform, handle, display_name)"
        " SELECT workspace_id, %s, platform, 'other', 'Other' FROM creators WHERE id = %s",
        (other, desk.creator_id),
    )
    with desk.app.transaction() as connection:
        theirs = fans.lists.create_list(connection, other, "Theirs")
    campaign, medium = desk.campaign("draft", creator_id=other), desk.medium(creator_id=other)
    wrong = [
        ({"id": "s", "kind": "add_to_list", "list_id": str(theirs.id)}, 404),
        ({"id": "s", "kind": "remove_from_list", "list_id": str(theirs.id)}, 404),
        ({"id": "s", "kind": "start_campaign", "campaign_id": str(campaign)}, 404),
        ({**HELLO, "media_ids": [str(medium)], "price_cents": 500}, 422),
    ]
    body = {"name": "n", "trigger": TAGGED, "creator_id": str(desk.creator_id)}
    found = [scene.ask("POST", "", {**body, "steps": [step]}).status for step, _ in wrong]
    assert found == [status for _, status in wrong]
    made = scene.ask("POST", "", {**body, "steps": [THANK]}).body["id"]
    fan = desk.fan(creator_id=other)
    assert scene.ask("POST", f"/{made}/test", {"fan_id": str(fan)}).status == 404
