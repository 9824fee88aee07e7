"""What is pushed is worked on once, and what cannot be worked on holds up nothing else."""

import random
import string
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.lanes.repository import PostgresLanes
from functions.platforms.events.models import Queued
from functions.platforms.events.repository import PostgresPushes
from huntaze.db import Connection, SingleConnection, Tenant
from huntaze.domain.pushes import Outcome
from tests.fakes.pushing import STORY, Pushing, at, event, message


def test_an_event_is_written_down_queued_and_worked_on_once(pushing: Pushing) -> None:
    assert pushing.send() == (202, {"received": True})
    (row,) = pushing.journal()
    assert (row["kind"], row["processed_at"], row["fan_platform_id"]) == (
        "message.created",
        None,
        "7",
    )
    assert pushing.work() == []
    (row,) = pushing.journal()
    assert (row["outcome"], row["body"], row["fan_platform_id"]) == ("applied", None, None)
    (stored,) = pushing.desk.rows("SELECT platform_message_id, text FROM messages")
    assert stored == {"platform_message_id": "m1", "text": "hello"}
    assert len(pushing.desk.events("message.created")) == 1
    # Again: taken, and nothing is done.
    assert pushing.send()[0] == 202
    assert pushing.queue == []
    assert len(pushing.desk.rows("SELECT FROM messages")) == 1


def test_an_id_that_is_none_comes_to_the_dead_letters_and_not_back_to_the_platform(
    pushing: Pushing,
) -> None:
    # Longer than an index takes, and no shorter compressed.
    fan = {"id": "".join(random.choices(string.ascii_letters, k=20_000))}  # noqa: S311
    pushing.send({**STORY[1], "data": {**STORY[1]["data"], "fan": fan}})
    assert [row["fan_platform_id"] for row in pushing.journal()] == [None]
    assert pushing.work() == ["0"]


@pytest.mark.parametrize(
    "poisoned",
    [
        event("message.created", 1, id="m1"),
        message("created", "m1", 1, 1, direction="sideways"),
        event("subscription.updated", 1, fan={}),
        event("transaction.created", 1, id="t", type="gift", amount_cents=1, created_at=at(1)),
    ],
)
def test_what_is_poisoned_comes_again_and_holds_up_no_other(
    pushing: Pushing, poisoned: dict[str, Any]
) -> None:
    pushing.send({**poisoned, "id": "bad"})
    pushing.send(STORY[1])
    bad, _ = pushing.queue
    assert pushing.work() == ["0"]
    assert [row["text"] for row in pushing.desk.rows("SELECT text FROM messages")] == ["hello"]
    assert [(row["id"], row["outcome"], row["failures"]) for row in pushing.journal()] == [
        ("bad", None, 1),
        (STORY[1]["id"], "applied", 0),
    ]
    pushing.queue.append(bad)
    assert pushing.work() == ["0"]


def test_what_the_queue_has_lost_is_told_again_and_what_failed_is_not(
    pushing: Pushing, as_role: Callable[[str], Connection]
) -> None:
    lanes = PostgresLanes(SingleConnection(lambda: as_role("relay")))

    def lost() -> list[str]:
        found = lanes.lost_pushes(timedelta(minutes=20))
        return [row[2] for row in found if row[1] == pushing.desk.creator_id]

    pushing.send(STORY[1])
    pushing.send(event("message.created", 9, "bad"))
    good, bad = pushing.queue
    assert lost() == []
    pushing.queue[:] = [bad]
    assert pushing.work() == ["0"]
    master = as_role("master")
    mine = "WHERE creator_id = %s"
    earlier = f"UPDATE platform_events SET queued_at = queued_at - interval '21 minutes' {mine}"
    master.execute(earlier.encode(), (pushing.desk.creator_id,))
    assert lost() == [STORY[1]["id"]]
    assert lost() == []
    pushing.queue[:] = [good]
    assert pushing.work() == []
    over = f"UPDATE platform_events SET received_at = received_at - interval '31 days' {mine}"
    master.execute(over.encode(), (pushing.desk.creator_id,))
    lost()
    assert pushing.journal() == []


def test_a_stop_word_that_is_pushed_is_obeyed(pushing: Pushing) -> None:
    pushing.send(
        message("created", "m1", 1, 1, text="STOP!", sent_at=datetime.now(UTC).isoformat())
    )
    pushing.work()
    (row,) = pushing.desk.rows("SELECT reason FROM suppressions")
    assert row["reason"] == "stop_word"


def test_whoever_asks_to_be_forgotten_is_not_brought_back(pushing: Pushing) -> None:
    for said in STORY:
        pushing.send(said)
    first = pushing.queue[:2]
    rest = pushing.queue[2:]
    pushing.queue[:] = first
    pushing.work()
    desk = pushing.desk
    (fan,) = desk.rows("SELECT id FROM fans")
    desk.erase(fan["id"])
    assert [row["fan_platform_id"] for row in pushing.journal()] == [None, None]
    pushing.queue[:] = rest
    assert pushing.work() == []
    pushing.send({**STORY[7], "id": "late"})
    pushing.work()
    (row,) = desk.rows("SELECT platform_id, erased_at FROM fans")
    assert (row["platform_id"], row["erased_at"] is not None) == (None, True)
    assert desk.rows("SELECT FROM messages") == []


def test_events_of_one_fan_at_once_never_wait_for_each_other(
    pushing: Pushing, as_role: Callable[[str], Connection]
) -> None:
    seen = datetime.now(UTC)
    for number in range(40):
        moment = (seen + timedelta(seconds=number)).isoformat()
        pushing.send(message("created", f"m{number}", number, number))
        subscribed = event("subscription.updated", number, f"s{number}", last_seen_at=moment)
        pushing.send(subscribed)
    told = [Queued.model_validate_json(body) for body in pushing.queue]

    def work(every: Sequence[Queued]) -> list[Outcome | None]:
        tenant = Tenant(SingleConnection(lambda: as_role("app")), pushing.desk.workspace_id)
        store = PostgresPushes(tenant)
        return [store.work_on(one.creator_id, one.event_id) for one in every]

    with ThreadPoolExecutor(4) as pool:
        done = [one for part in pool.map(work, [told[n::4] for n in range(4)]) for one in part]
    assert None not in done
    assert len(pushing.desk.rows("SELECT FROM messages")) == 40
