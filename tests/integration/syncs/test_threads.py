"""Threads through a real browser, platform and database: every message, once, as it stands now."""

from itertools import count

import pytest

from browser_worker.lane import Ending
from browser_worker.profile import Earlier
from browser_worker.steps import Step
from huntaze.db import Connection
from huntaze.domain import conversations
from tests.fakes.sync_scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="module")

FAN = "103"


def texts(scene: Scene, fan: str = FAN) -> list[str]:
    return [row["text"] for row in scene.messages(fan)]


def write(scene: Scene, *numbers: int, fan: str = FAN) -> None:
    for number in numbers:
        scene.platform.write_as_fan(scene.name, fan, f"hello {number}")


async def sync(scene: Scene) -> None:
    scene.plan("sync_threads")
    assert await scene.drain() == Ending.DRAINED


async def test_a_thread_is_read_back_to_what_is_stored(many: Scene) -> None:
    write(many, *range(120))
    await sync(many)
    assert texts(many) == [f"hello {number}" for number in range(120)]
    assert many.threads == [FAN] * 3
    # A gap of more than a page is filled; what is stored is not read again.
    write(many, *range(120, 190))
    write(many, 1, fan="104")
    await sync(many)
    assert texts(many) == [f"hello {number}" for number in range(190)]
    assert many.threads[3:] == ["104", FAN, FAN]
    await sync(many)
    assert len(many.threads) == 6
    row = many.conversation(FAN)
    assert (row["read_due_at"], row["read_cursor"], row["read_head"]) == (None, None, None)
    assert row["stored_message_id"] == row["listed_message_id"]
    assert row["unread"] == 190


def let_it_scroll(scene: Scene) -> None:
    """Let the platform show older messages when a thread is scrolled, and the profile say so."""
    scene.platform.set_faults(scene.name, page_drift="scrolling")
    earlier = Earlier(scroll="#message-list", within_seconds=1)
    chat = scene.profile.chat.model_copy(update={"older": None, "earlier": earlier})
    scene.profile = scene.profile.model_copy(update={"chat": chat})


async def test_a_thread_that_grows_when_scrolled_is_read_back_to_what_is_stored(
    many: Scene,
) -> None:
    let_it_scroll(many)
    write(many, *range(260))
    await sync(many)
    # The page shows fifty, and then fifty more for each of three scrolls.
    assert texts(many) == [f"hello {number}" for number in range(60, 260)]
    assert many.threads == [FAN] * 2
    write(many, *range(260, 280))
    await sync(many)
    assert many.threads[2:] == [FAN]
    write(many, *range(280, 700))
    await sync(many)
    assert texts(many) == [f"hello {number}" for number in range(60, 700)]
    row = many.conversation(FAN)
    assert (row["read_due_at"], row["read_cursor"]) == (None, None)
    assert row["stored_message_id"] == row["listed_message_id"]
    marked = [message for message in many.messages(FAN) if message["unsent_at"] is not None]
    assert marked == []


async def test_pages_of_a_thread_that_grows_follow_one_another(many: Scene) -> None:
    let_it_scroll(many)
    write(many, *range(120))
    site = await many.open_site()
    pages = [[message.text for message in page.messages] async for page in site.messages(FAN)]
    await site.close()
    assert pages == [
        [f"hello {number}" for number in span]
        for span in (range(70, 120), range(20, 70), range(20))
    ]


async def test_of_a_long_history_the_newest_are_enough(many: Scene) -> None:
    reading = many.profile.reading.model_copy(update={"first_messages": 60})
    many.profile = many.profile.model_copy(update={"reading": reading})
    write(many, *range(160))
    await sync(many)
    # Two pages of fifty: the second brings it over the limit.
    assert texts(many) == [f"hello {number}" for number in range(60, 160)]
    await sync(many)
    assert len(many.threads) == 2


async def test_what_became_of_messages_is_seen(many: Scene) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    medium = desk.medium(platform_media_id="media-001")
    offered = desk.send(fan_id, text="look", price_cents=1250, media_ids=[medium])
    await many.drain()
    (message,) = many.platform.messages(many.name)
    many.platform.act(many.name, FAN, "buy", message["id"])
    many.platform.write_as_fan(many.name, FAN, tip_cents=700)
    await sync(many)
    own, tip = many.messages(FAN)
    assert (own["direction"], own["text"], own["price_cents"]) == ("out", "look", 1250)
    assert own["send_id"] == offered
    assert own["paid_at"] is not None
    assert own["opened_at"] is not None
    assert (tip["direction"], tip["tip_cents"], tip["text"]) == ("in", 700, "")
    # Read again, nothing that is known is lost or doubled.
    with desk.app.transaction() as connection:
        connection.execute("UPDATE conversations SET read_due_at = clock_timestamp()")
    await many.drain()
    assert many.messages(FAN) == [own, tip]


async def test_the_books_tell_of_an_unlock_that_no_list_shows(many: Scene) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    desk.send(fan_id, text="look", price_cents=500)
    await many.drain()
    await sync(many)
    (message,) = many.platform.messages(many.name)
    many.platform.act(many.name, FAN, "buy", message["id"])
    await sync(many)
    assert many.messages(FAN)[0]["paid_at"] is None
    many.plan("sync_earnings")
    await many.drain()
    assert many.messages(FAN)[0]["paid_at"] is not None


async def test_a_message_that_was_taken_back_is_marked_and_others_are_not(many: Scene) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    write(many, 0)
    desk.send(fan_id, text="oops")
    await many.drain()
    write(many, 1)
    await sync(many)
    assert texts(many) == ["hello 0", "oops", "hello 1"]
    (message,) = many.platform.messages(many.name)
    # As the creator does on the platform itself.
    site = await many.open_site()
    assert await (await site.open_thread(FAN)).unsend(message["id"])
    await site.close()
    write(many, 2)
    await sync(many)
    marked = {row["text"]: row["unsent_at"] is not None for row in many.messages(FAN)}
    assert marked == {"hello 0": False, "oops": True, "hello 1": False, "hello 2": False}


@pytest.mark.parametrize("step", [Step.PAGE_READ, Step.PAGE_STORED])
@pytest.mark.parametrize("page", [0, 1, 2])
async def test_a_death_at_any_page_repeats_that_page_at_most(
    many: Scene, step: Step, page: int
) -> None:
    write(many, *range(130))
    pages = count()

    def die(at: Step) -> None:
        if at is step and next(pages) == page:
            raise ZeroDivisionError

    many.on_step = die
    many.plan("sync_threads")
    with pytest.raises(ZeroDivisionError):
        await many.drain()
    many.on_step = lambda _: None
    assert await many.drain() == Ending.DRAINED
    assert texts(many) == [f"hello {number}" for number in range(130)]
    # One page more than there are, if it was read and not stored.
    assert len(many.threads) == 3
    assert len(many.desk.events("message.created")) == 130


async def test_a_reading_that_somebody_has_carried_on_stores_nothing(
    many: Scene,
) -> None:
    write(many, *range(60))
    await sync(many)
    with many.desk.app.transaction() as connection:
        connection.execute("UPDATE conversations SET read_due_at = clock_timestamp()")
        thread = conversations.next_thread(connection, many.desk.creator_id)
        assert thread is not None
        connection.execute("UPDATE conversations SET read_cursor = '/x', read_count = 50")
        late = conversations.SeenPage([conversations.SeenMessage("m-late", False, "late")])
        conversations.take_page(connection, many.desk.creator_id, thread, late, first_messages=9)
    assert "late" not in texts(many)
    assert many.conversation(FAN)["read_cursor"] == "/x"


async def test_a_due_send_goes_before_the_next_page_of_a_thread(many: Scene) -> None:
    write(many, *range(130))
    fan_id = many.desk.fan(platform_id="104", handle="fan104")
    order: list[str] = []

    def watch(step: Step) -> None:
        if step in (Step.PAGE_STORED, Step.SETTLED):
            order.append(step.value)
        if step is Step.PAGE_STORED and len(order) == 1:
            many.desk.send(fan_id)

    many.on_step = watch
    await sync(many)
    assert order == ["page_stored", "settled", "page_stored", "page_stored"]


async def test_what_nobody_has_told_is_read_before_what_was_pushed(many: Scene) -> None:
    write(many, 0)
    pushed = many.platform.write_as_fan(many.name, "104", "hello 1")
    many.desk.fan(platform_id="104", handle="fan104")
    with many.desk.app.transaction() as connection:
        told = [conversations.SeenMessage(pushed, False, "hello 1")]
        conversations.store(connection, many.desk.creator_id, "104", told)
    # The list shows the pushed one first, and it is read all the same: a push may have been lost.
    await sync(many)
    assert many.threads == [FAN, "104"]
    # Once the list shows what was not pushed, the latest comes first again.
    write(many, 2)
    write(many, 3, fan="104")
    await sync(many)
    assert many.threads[2:] == ["104", FAN]


async def test_a_thread_that_is_gone_is_given_up_and_another_put_off(many: Scene) -> None:
    write(many, 0)
    write(many, 0, fan="104")
    many.platform.set_faults(many.name, gone_fans=["104"])
    crash = {"mode": "crash", "next": 1, "fan": FAN}
    many.platform.set_faults(many.name, page_crash=crash)
    await sync(many)
    assert (texts(many), texts(many, "104")) == ([], [])
    assert many.conversation("104")["read_due_at"] is None
    row = many.conversation(FAN)
    assert (row["read_failures"], row["read_due_at"] is not None) == (1, True)
    assert many.desk.lane()["status"] == "active"
    with many.desk.app.transaction() as connection:
        connection.execute("UPDATE conversations SET read_due_at = clock_timestamp()")
    await many.drain()
    assert texts(many) == ["hello 0"]
    assert many.conversation(FAN)["read_failures"] == 0


async def test_our_own_message_need_not_be_read_again(many: Scene) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    write(many, 0)
    # The page on which it is written shows what was said before, which is stored with it.
    desk.send(fan_id, text="hi")
    await many.drain()
    assert texts(many) == ["hello 0", "hi"]
    await sync(many)
    assert many.threads == []
    write(many, 1)
    await sync(many)
    assert (texts(many), many.threads) == (["hello 0", "hi", "hello 1"], [FAN])


async def test_what_a_fan_writes_just_before_our_message_is_read_although_the_list_hides_it(
    many: Scene,
) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    write(many, 0)
    desk.send(fan_id, text="hi")

    def between(step: Step) -> None:
        if step is Step.COMPOSED:
            many.platform.write_as_fan(many.name, FAN, "wait!")

    many.on_step = between
    await many.drain()
    assert texts(many) == ["hello 0", "hi"]
    await sync(many)
    assert sorted(texts(many)) == ["hello 0", "hi", "wait!"]


async def test_a_stop_word_behind_a_message_of_ours_is_obeyed(many: Scene) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    many.platform.write_as_fan(many.name, FAN, "Stop.")
    # A person writes by hand; no list has shown the word before.
    desk.send(fan_id, text="sorry!", priority=0)
    await many.drain()
    assert len(many.platform.messages(many.name)) == 1
    refused = desk.send(fan_id, priority=3, campaign_id=desk.campaign())
    await many.drain()
    row = desk.row(refused)
    assert (row["state"], row["reason"]) == ("skipped", "suppressed")
    assert many.suppressed() == [(FAN, "stop_word")]


async def test_a_stop_word_on_the_page_stops_the_message_that_is_due(many: Scene) -> None:
    desk = many.desk
    fan_id = desk.fan(platform_id=FAN, handle="fan103")
    many.platform.write_as_fan(many.name, FAN, "STOP")
    many.platform.write_as_fan(many.name, FAN, "please")
    refused = desk.send(fan_id, priority=3, campaign_id=desk.campaign())
    await many.drain()
    assert desk.row(refused)["reason"] == "suppressed"
    assert many.platform.messages(many.name) == []
    # A person who lifts it is not overruled by the same word.
    with desk.app.transaction() as connection:
        connection.execute("DELETE FROM suppressions")
    desk.set_creator(recent_chat_minutes=0)
    sent = desk.send(fan_id, priority=3, campaign_id=desk.campaign())
    await many.drain()
    assert desk.row(sent)["state"] == "sent"
    assert many.suppressed() == []


async def test_fans_are_seen_online(many: Scene, as_role: object) -> None:
    assert callable(as_role)
    many.desk.fan(platform_id=FAN, handle="fan103", last_seen_at="2001-01-01Z")
    write(many, 0)
    many.platform.act(many.name, FAN, "come_online")
    many.platform.act(many.name, "104", "come_online")
    await sync(many)
    fans = many.fans()
    assert fans[FAN]["last_seen_at"].year > 2001
    assert "104" not in fans
    many.plan("sync_subscribers")
    await many.drain()
    assert many.fans()["104"]["last_seen_at"] is not None


def _due(connection: Connection) -> set[object]:
    return {row[0] for row in connection.execute("SELECT lanes_with_due_work()")}


async def test_a_thread_that_waits_to_be_read_wakes_its_lane(many: Scene, as_role: object) -> None:
    assert callable(as_role)
    relay: Connection = as_role("relay")
    write(many, 0)
    await sync(many)
    assert many.desk.creator_id not in _due(relay)
    with many.desk.app.transaction() as connection:
        connection.execute("UPDATE conversations SET read_due_at = clock_timestamp()")
    assert many.desk.creator_id in _due(relay)
    many.desk.set_lane(status="stopped", stop_reason="captcha")
    assert many.desk.creator_id not in _due(relay)
