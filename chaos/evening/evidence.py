"""What the judge gets to see, read from the platform's own file, the tables and the queues."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import boto3

from chaos.evening.cast import Cast
from chaos.evening.cloud import Cloud
from chaos.evening.crowd import Written
from chaos.evening.facts import (
    Automated,
    Chat,
    Evening,
    Kept,
    Listened,
    Ordered,
    Ran,
    Sending,
    Spoken,
    Standing,
)
from chaos.evening.listening import Listener
from chaos.evening.script import STOP_WORDS
from chaos.evening.team import Reply
from chaos.judge import RateRule
from huntaze.db import Connection
from local.settings import REGION

_SENDS = """
  SELECT s.id::text, s.creator_id::text, f.platform_id, s.priority, s.text, s.state, s.reason,
         s.due_at,
         s.platform_message_id, s.expected_message_id, s.granted_at, s.written_by = 'ai',
         s.campaign_id::text, s.created_at,
         s.priority = 0
           OR (s.priority = 1 AND s.written_by = 'ai' AND s.approval_id IS NOT NULL
               AND NOT s.by_itself)
    FROM sends s JOIN fans f ON f.workspace_id = s.workspace_id AND f.id = s.fan_id
   WHERE s.creator_id::text = ANY (%s)
"""
_KEPT = """
  SELECT m.id::text, m.platform_message_id, m.creator_id::text, f.platform_id, m.direction = 'out',
         m.created_at
    FROM messages m JOIN fans f ON f.workspace_id = m.workspace_id AND f.id = m.fan_id
   WHERE m.creator_id::text = ANY (%s)
"""
_STANDINGS = """
  SELECT c.creator_id::text, f.platform_id, c.state, c.unread, m.platform_message_id
    FROM conversations c
    JOIN fans f ON f.workspace_id = c.workspace_id AND f.id = c.fan_id
    LEFT JOIN messages m ON m.workspace_id = c.workspace_id AND m.id = c.last_message_id
   WHERE c.last_message_id IS NOT NULL AND c.creator_id::text = ANY (%s)
"""
_STOPS = """
  SELECT x.creator_id::text, f.platform_id, x.created_at
    FROM suppressions x
    JOIN fans f ON f.workspace_id = x.workspace_id AND f.platform_key = x.platform_key
   WHERE x.creator_id::text = ANY (%s)
"""
_RAN = """
  SELECT r.automation_id::text, r.creator_id::text, f.platform_id, r.status
    FROM automation_runs r JOIN fans f ON f.workspace_id = r.workspace_id AND f.id = r.fan_id
   WHERE r.creator_id::text = ANY (%s)
"""
# What must have come to rest, and how much of it has not.
_UNREST = {
    "planned messages": "SELECT count(*) FROM sends s LEFT JOIN campaigns c"
    " ON c.workspace_id = s.workspace_id AND c.id = s.campaign_id WHERE s.state = 'planned'"
    " AND (c.id IS NULL OR c.status = 'sending')",
    "messages being submitted": "SELECT count(*) FROM sends WHERE state = 'submitting'",
    "events in the outbox": "SELECT count(*) FROM events_outbox WHERE published_at IS NULL",
    "events of the platform": "SELECT count(*) FROM platform_events WHERE processed_at IS NULL",
    "messages that wait for the chatbot": "SELECT count(*) FROM reply_tasks"
    " WHERE state = 'waiting'",
    "happenings nobody looked at": "SELECT count(*) FROM happenings",
    "runs of automations": "SELECT count(*) FROM automation_runs WHERE status = 'waiting'",
    "threads to read": "SELECT count(*) FROM conversations"
    " WHERE listed_message_id IS DISTINCT FROM stored_message_id"
    " AND listed_message_id IS NOT NULL",
}


def unrest(cloud: Cloud) -> dict[str, int]:
    """Tell what has not come to rest, by name."""
    with cloud.connect() as connection:
        found = {name: _count(connection, query) for name, query in _UNREST.items()}
        stored = _count(connection, "SELECT count(*) FROM messages WHERE direction = 'in'")
    written = sum(not one.own for one in read_truth(cloud))
    found["messages of fans that are not stored"] = written - stored
    return {**found, **_queued(cloud, dead=False)}


def dead_letters(cloud: Cloud) -> dict[str, int]:
    """Tell what no consumer could work on, by queue."""
    return _queued(cloud, dead=True)


def read_truth(cloud: Cloud) -> list[Spoken]:
    """Read all that the platform accepted, in its own order."""
    with sqlite3.connect(f"file:{cloud.truth_path}?mode=ro", uri=True, timeout=60) as truth:
        rows = truth.execute(
            "SELECT seq, id, creator_id, fan_id, direction = 'out', text, accepted_at, tip_cents"
            " FROM messages ORDER BY seq"
        ).fetchall()
    return [
        Spoken(seq, name, Chat(creator, fan), bool(own), text, datetime.fromisoformat(at), tip)
        for seq, name, creator, fan, own, text, at, tip in rows
    ]


def gather(
    cloud: Cloud,
    cast: Cast,
    *,
    written: Sequence[Written],
    replies: Sequence[Reply],
    listeners: Sequence[Listener],
    left: dict[str, int],
) -> Evening:
    """Bring together what everybody says."""
    creators = {creator.id for creator in cast.creators}
    spoken = [said for said in read_truth(cloud) if said.chat.creator in creators]
    known = {said.id for said in spoken}
    lost = [one.id for one in written if one.id not in known]
    if lost:
        raise LookupError(f"the platform itself has lost {len(lost)} messages")
    whose = ([creator.id for creator in cast.creators],)
    with cloud.connect() as connection:
        return Evening(
            spoken=spoken,
            sendings=[_sending(row) for row in connection.execute(_SENDS, whose)],
            kept=[
                Kept(row[0], row[1], Chat(row[2], row[3]), row[4], row[5])
                for row in connection.execute(_KEPT, whose)
            ],
            standings=[
                Standing(Chat(row[0], row[1]), *row[2:])
                for row in connection.execute(_STANDINGS, whose)
            ],
            ordered=[
                Ordered(one.key, Chat(one.creator_id, one.fan), one.text, tuple(one.send_ids))
                for one in replies
            ],
            rules={one.id: RateRule(one.role.per_minute, one.role.gap) for one in cast.creators},
            caps={creator.id: creator.role.cap for creator in cast.creators},
            stops={Chat(row[0], row[1]): row[2] for row in connection.execute(_STOPS, whose)},
            stop_words={
                said.chat: said.at for said in spoken if not said.own and said.text in STOP_WORDS
            },
            ran=[
                Ran(row[0], Chat(row[1], row[2]), row[3]) for row in connection.execute(_RAN, whose)
            ],
            automated=[
                Automated(one.id, one.creator_id, one.trigger, one.once, one.text)
                for one in cast.automations
            ],
            listened=[_listened(one) for one in listeners],
            audience=[Chat(cast.creators[0].id, fan) for fan in cast.creators[0].fans],
            campaign=cast.campaign_id,
            left=left,
        )


def _sending(row: Sequence[Any]) -> Sending:
    name, creator, fan, priority, text, state, reason, due, message, basis, granted, *more = row
    return Sending(
        name,
        Chat(creator, fan),
        priority,
        text,
        state,
        reason,
        due,
        message_id=message,
        basis=basis,
        granted_at=granted,
        by_ai=more[0],
        campaign=more[1],
        ordered_at=more[2],
        by_person=more[3],
    )


def _listened(one: Listener) -> Listened:
    return Listened(
        one.name,
        frozenset(one.creators),
        tuple(heard.data["message_id"] for heard in one.heard if heard.kind == "message.created"),
        tuple(int(heard.cursor.partition(".")[0]) for heard in one.heard),
    )


def read_whole(cloud: Cloud) -> list[str]:
    """Tables that are long, and were read from beginning to end again and again.

    Since the database was last struck: it forgets its figures then.
    """
    with cloud.connect() as connection:
        rows = connection.execute(
            "SELECT relname, seq_scan FROM pg_stat_user_tables"
            " WHERE n_live_tup > 2000 AND seq_scan > 200 ORDER BY seq_tup_read DESC"
        ).fetchall()
    return [f"{table} was read whole {times} times" for table, times in rows]


def _count(connection: Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    return int(row[0]) if row else 0


def _queued(cloud: Cloud, *, dead: bool) -> dict[str, int]:
    """How many messages each queue holds, or each queue of dead letters."""
    client = boto3.client(
        "sqs",
        endpoint_url=cloud.settings.aws_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - of the account on this machine
    )
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    if not dead:
        names.append("ApproximateNumberOfMessagesNotVisible")
    found: dict[str, int] = {}
    for url in client.list_queues().get("QueueUrls", []):
        queue = url.rpartition("/")[2]
        is_dead = "-dlq" in queue
        # A wake-up of a lane that is drained says nothing: the rows do.
        if is_dead == dead and not queue.startswith("huntaze-rate-limiter-queue"):
            answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
            facts: dict[str, str] = dict(answer["Attributes"].items())
            found[f"in the queue {queue}"] = sum(int(facts.get(name, "0")) for name in names)
    return found
