"""What an automation that is on sends stays in the library."""

import pytest

from huntaze.domain import media
from huntaze.domain.media import MediaChanges, MediaInUseError, MediaOfferedError
from tests.fakes.automation_scene import HELLO, TAGGED, THANK


def delete(scene, medium):
    with scene.desk.app.transaction() as connection:
        media.delete_media(connection, medium)


def test_content_stays_while_an_automation_sends_it(scene):
    medium, other = scene.desk.medium(), scene.desk.medium()
    offer = {**HELLO, "price_cents": 500, "media_ids": [str(scene.desk.medium()), str(medium)]}
    made = scene.make(TAGGED, offer)
    delete(scene, other)
    with pytest.raises(MediaInUseError, match="automation"):
        delete(scene, medium)
    with scene.desk.app.transaction() as connection, pytest.raises(MediaOfferedError):
        media.change_media(connection, medium, MediaChanges(platform_media_id="another"))
    assert scene.ask("POST", f"/{made}/disable").status == 200
    delete(scene, medium)


def test_a_run_that_waits_needs_what_its_own_version_sends(scene):
    medium, fan = scene.desk.medium(), scene.desk.fan()
    wait = {"id": "wait", "kind": "wait", "minutes": 60, "next": "hello"}
    offer = {**HELLO, "price_cents": 500, "media_ids": [str(medium)]}
    made = scene.make(TAGGED, wait, offer)
    scene.tag(fan)
    scene.sweep()
    body = {"name": "Rule", "trigger": TAGGED, "steps": [THANK]}
    assert scene.ask("PUT", f"/{made}", body).body["version"] == 2
    with pytest.raises(MediaInUseError):
        delete(scene, medium)
    scene.sql("UPDATE automation_runs SET status = 'stopped', step = NULL, finished_at = now()")
    delete(scene, medium)
