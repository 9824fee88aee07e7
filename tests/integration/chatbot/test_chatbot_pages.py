"""Pages of the chatbot's lists go on where they ended, and refuse what another list has given."""

import pytest

LISTS = ("/drafts", "/conversations", "/auto-reply")


@pytest.fixture
def full(scene):
    """Let each list have two entries."""
    scene.activate()
    for number in range(2):
        scene.drafted()
        condition = {"kind": "keyword", "words": ["menu"]}
        body = {"name": f"r{number}", "condition": condition, "text": "See above!"}
        assert scene.ask("POST", "/auto-reply", body).status == 201
    return scene


@pytest.mark.parametrize("path", LISTS)
def test_a_page_goes_on_although_something_came_meanwhile(full, path):
    first = full.ask("GET", path, query={"limit": "1"}).body
    full.drafted()
    rest = full.ask("GET", path, query={"limit": "5", "cursor": first["next_cursor"]}).body
    assert (len(first["items"]), len(rest["items"]), rest["next_cursor"]) == (1, 1, None)
    assert first["items"][0]["id"] > rest["items"][0]["id"]


@pytest.mark.parametrize("path", LISTS)
def test_a_cursor_is_of_its_own_list(full, path):
    given = [full.ask("GET", one, query={"limit": "1"}).body["next_cursor"] for one in LISTS]
    statuses = [full.ask("GET", path, query={"cursor": cursor}).status for cursor in given]
    assert sorted(statuses) == [200, 400, 400]
    assert full.ask("GET", path, query={"cursor": "none"}).status == 400


def test_a_spend_ceiling_has_an_end(scene):
    assert scene.ask("POST", "/activate", {"spend_ceiling_cents": 10**30}).status == 422
    assert scene.ask("POST", "/activate", {"spend_ceiling_cents": 10**9}).status == 200
