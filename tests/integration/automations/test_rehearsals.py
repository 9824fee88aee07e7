"""A rehearsal tells what a run would do, and does none of it."""

from itertools import pairwise

from psycopg import sql

from huntaze.db import Connection
from huntaze.domain import fans
from tests.fakes.automation_scene import HELLO, TAGGED, THANK


def everything(master: Connection) -> dict[str, str]:
    """What is in every table of the database."""
    tables = master.execute(
        "SELECT c.oid::regclass::text FROM pg_class c WHERE c.relkind = 'r'"
        " AND c.relnamespace = 'public'::regnamespace"
    ).fetchall()
    whole = "SELECT coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '') FROM {} t"
    found = {}
    for (table,) in tables:
        query = sql.SQL(whole).format(sql.Identifier(table))
        found[table] = master.execute(query).fetchone()[0]
    return found


def test_a_rehearsal_tells_everything_and_does_nothing(scene, as_role):
    desk = scene.desk
    with desk.app.transaction() as connection:
        kept = fans.lists.create_list(connection, desk.creator_id, "Kept")
    ways = [
        HELLO,
        {"id": "pause", "kind": "wait", "minutes": 60},
        THANK,
        {"id": "untag", "kind": "remove_tag", "tag": "vip"},
        {"id": "keep", "kind": "add_to_list", "list_id": str(kept.id)},
        {"id": "care", "kind": "assign", "member_id": str(desk.user_id)},
        {"id": "tell", "kind": "notify"},
        {"id": "start", "kind": "start_campaign", "campaign_id": str(desk.campaign("draft"))},
    ]
    straight = [{**step, "next": after["id"]} for step, after in pairwise(ways)] + ways[-1:]
    scene.make({"kind": "tag_added", "tag": "thanked"}, {**HELLO, "id": "other"})
    vips = {"kind": "tags", "match": "any", "tags": ["vip"]}
    automation = scene.make(TAGGED, *straight, audience=vips)
    fan = desk.fan(display_name="Ann")
    before = everything(as_role("master"))
    told = scene.ask("POST", f"/{automation}/test", {"fan_id": str(fan)}).body
    assert (told["in_audience"], told["had_run"], told["status"]) == (False, False, "completed")
    reasons = [step["reason"] for step in told["steps"]]
    assert reasons[0] == "would send: Hello Ann"
    assert reasons[2:] == [
        "would add the tag thanked",
        "there is nothing to do: the fan had no such tag",
        "would put the fan on the list Kept",
        "would assign the fan",
        "members would be told",
        "the campaign would be launched",
    ]
    after = everything(as_role("master"))
    assert after == before


def test_what_a_rehearsal_would_change_its_later_steps_find_so(scene):
    thanked = {"kind": "tags", "match": "any", "tags": ["thanked"]}
    split = {"id": "split", "kind": "condition", "rules": thanked, "then": "hello"}
    automation = scene.make(TAGGED, {**THANK, "next": "split"}, split, HELLO)
    fan = scene.desk.fan()
    told = scene.ask("POST", f"/{automation}/test", {"fan_id": str(fan)}).body
    outcomes = [(step["step"], step["outcome"]) for step in told["steps"]]
    assert outcomes == [("thank", "done"), ("split", "yes"), ("hello", "done")]
    scene.tag(fan)
    scene.sweep()
    assert scene.taken(automation) == [outcomes]
