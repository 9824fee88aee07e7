"""Fans who act as the platform's clock advances: they open, reply, buy, tip, renew and leave."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from sqlite3 import Row

from local.fan_platform.behaviour import reactions, tip_of_the_day
from local.fan_platform.fan_acts import FanActs
from local.fan_platform.money import Ledger
from local.fan_platform.records import Fan
from local.fan_platform.store import Store, iso

# So much is done between two looks at waiting requests: some 50 ms of work.
SLICE = 200
DAY = timedelta(days=1)
SUBSCRIPTION = timedelta(days=30)
FIRST_NAMES = ("Alex", "Sam", "Max", "Leo", "Noah", "Eli", "Finn", "Luca", "Theo", "Jules")
SECOND_NAMES = ("Stone", "Rivers", "Hart", "Frost", "Vale", "West", "Lane", "Cole", "Reed", "Fox")


class Simulation:
    """The life of the fans that have a seed; others are silent."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._sql = store.connection
        self._ledger = Ledger(store)
        self._acts = FanActs(store)

    async def advance(self, seconds: float) -> dict[str, int]:
        """Move the clock on, let everything happen that is due by then, and count it by kind.

        The work is done in slices: creators whose pages wait meanwhile must not notice.
        """
        acted: Counter[str] = Counter()
        while self._plan_reactions():
            await asyncio.sleep(0)
        self._sql.execute("UPDATE clock SET advanced_seconds = advanced_seconds + ?", (seconds,))
        now = self._store.now()
        while rows := self._due(now):
            with self._store.transaction():
                for row in rows:
                    acted[row["kind"]] += self._act(row)
                    self._sql.execute("DELETE FROM reactions WHERE seq = ?", (row["seq"],))
            await asyncio.sleep(0)
        for creator_id in [row["id"] for row in self._sql.execute("SELECT id FROM creators")]:
            with self._store.transaction():
                acted["renewal"] += self._renew_or_end(creator_id, now)
            await asyncio.sleep(0)
        acted["day_tip"] += await self._live_days(now)
        return {kind: count for kind, count in acted.items() if count}

    def _plan_reactions(self) -> int:
        """Decide what fans will do about some messages that they have not thought about yet."""
        rows = self._sql.execute(
            "SELECT m.seq, m.id, m.creator_id, m.fan_id, m.price_cents, m.platform_at, f.seed,"
            " m.direction = 'out' AND m.unsent_at IS NULL AND f.seed IS NOT NULL AS moves"
            " FROM messages m JOIN fans f USING (creator_id, fan_id)"
            " WHERE m.reacted = 0 ORDER BY m.seq LIMIT ?",
            (SLICE,),
        ).fetchall()
        with self._store.transaction():
            for row in rows:
                if row["moves"]:
                    self._plan(row)
                self._sql.execute("UPDATE messages SET reacted = 1 WHERE seq = ?", (row["seq"],))
        return len(rows)

    def _plan(self, row: Row) -> None:
        sent_at = datetime.fromisoformat(row["platform_at"])
        nth, recent = self._sql.execute(
            "SELECT count(*), count(*) FILTER (WHERE platform_at > ?4) FROM messages"
            " WHERE creator_id = ?1 AND fan_id = ?2 AND direction = 'out' AND seq <= ?3",
            (row["creator_id"], row["fan_id"], row["seq"], iso(sent_at - DAY)),
        ).fetchone()
        acts = reactions(row["seed"], row["fan_id"], nth, row["price_cents"], recent - 1)
        self._sql.executemany(
            "INSERT INTO reactions (due_at, creator_id, fan_id, kind, message_id, amount_cents,"
            " text) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    iso(sent_at + timedelta(seconds=act.after_seconds)),
                    row["creator_id"],
                    row["fan_id"],
                    act.kind,
                    row["id"],
                    act.amount_cents,
                    act.text,
                )
                for act in acts
            ],
        )

    def _due(self, now: datetime) -> list[Row]:
        return self._sql.execute(
            "SELECT * FROM reactions WHERE due_at <= ? ORDER BY due_at, seq LIMIT ?",
            (iso(now), SLICE),
        ).fetchall()

    def _act(self, row: Row) -> int:
        """Do what was planned, unless the message was taken back meanwhile; return 1 if done."""
        fan = self._store.fan(row["creator_id"], row["fan_id"])
        message = self._sql.execute(
            "SELECT unsent_at FROM messages WHERE id = ?", (row["message_id"],)
        ).fetchone()
        if fan is None or message["unsent_at"] is not None:
            return 0
        kind, at = row["kind"], datetime.fromisoformat(row["due_at"])
        if kind == "open":
            self._acts.open(fan, row["message_id"], at)
        elif kind == "reply":
            self._acts.write(fan, row["text"], at=at)
        elif kind == "leave":
            self._acts.change(fan, "rebill_on", 0)
        else:
            self._pay(fan, row, at)
        self._acts.come_online(fan, at)
        return 1

    def _pay(self, fan: Fan, row: Row, at: datetime) -> None:
        if row["kind"] == "tip":
            self._acts.write(fan, "", tip_cents=row["amount_cents"], at=at)
        elif row["kind"] == "buy":
            self._acts.buy(fan, row["message_id"], row["amount_cents"], at)
        else:
            bought = self._sql.execute(
                "SELECT id FROM transactions WHERE message_id = ? AND type = 'message'",
                (row["message_id"],),
            ).fetchone()
            self._ledger.book(
                fan.creator_id,
                fan.fan_id,
                "chargeback",
                -row["amount_cents"],
                at,
                reverses=bought["id"] if bought else None,
            )

    async def _live_days(self, now: datetime) -> int:
        """Let each whole day that went by since the last time bring its unasked tips."""
        (ahead, lived) = self._sql.execute(
            "SELECT advanced_seconds, days_lived FROM clock"
        ).fetchone()
        tips = 0
        for day in range(lived, int(ahead // DAY.total_seconds())):
            with self._store.transaction():
                tips += self._tip_unasked(day, now)
                self._sql.execute("UPDATE clock SET days_lived = ?", (day + 1,))
            await asyncio.sleep(0)
        return tips

    def _tip_unasked(self, day: int, now: datetime) -> int:
        fans = self._sql.execute(
            "SELECT creator_id, fan_id, seed FROM fans"
            " WHERE seed IS NOT NULL AND status = 'active' ORDER BY creator_id, fan_id"
        ).fetchall()
        tips = 0
        for creator_id, fan_id, seed in fans:
            if cents := tip_of_the_day(seed, fan_id, day):
                self._ledger.book(creator_id, fan_id, "tip", cents, now, description="Tip")
                tips += 1
        return tips

    def _renew_or_end(self, creator_id: str, now: datetime) -> int:
        """Charge subscriptions that renew, end those that do not; return how many renewed."""
        renewed = 0
        for row in self._sql.execute(
            "SELECT fan_id FROM fans WHERE creator_id = ? AND seed IS NOT NULL"
            " AND status = 'active' AND expires_at <= ? ORDER BY fan_id",
            (creator_id, iso(now)),
        ).fetchall():
            fan = self._store.fan(creator_id, row["fan_id"])
            if fan is None or fan.expires_at is None:
                continue
            if not fan.rebill_on:
                self._acts.change(fan, "status", "expired")
                continue
            ends = datetime.fromisoformat(fan.expires_at)
            while ends <= now:
                self._charge_subscription(fan, ends)
                ends += SUBSCRIPTION
                renewed += 1
            self._acts.change(fan, "expires_at", iso(ends))
        return renewed

    def _charge_subscription(self, fan: Fan, at: datetime) -> None:
        if fan.price_cents:
            self._ledger.book(
                fan.creator_id,
                fan.fan_id,
                "subscription",
                fan.price_cents,
                at,
                description="Renewal",
            )


def seeded_fans(store: Store, creator_id: str, *, seed: int, count: int) -> int:
    """Make invented fans and what they have paid so far; return how many of them are new."""
    now = store.now()
    fans = [
        fan
        for fan in _invented(creator_id, seed, count, now)
        if store.fan(creator_id, fan.fan_id) is None
    ]
    store.save_fans(fans)
    ledger = Ledger(store)
    with store.transaction():
        for fan in fans:
            began = datetime.fromisoformat(fan.subscribed_at) if fan.subscribed_at else now
            while fan.price_cents and began < now:
                ledger.book(creator_id, fan.fan_id, "subscription", fan.price_cents, began)
                began += SUBSCRIPTION
    return len(fans)


def _invented(creator_id: str, seed: int, count: int, now: datetime) -> Iterator[Fan]:
    for number in range(count):
        fan_id = str(1_000_000 + seed % 1000 * 1_000_000 + number)
        dice = random.Random(f"{seed}:{fan_id}:person")
        days = dice.randrange(1, 200)
        first, second = dice.choice(FIRST_NAMES), dice.choice(SECOND_NAMES)
        subscribed = now - timedelta(days=days, seconds=dice.randrange(3600))
        ends = subscribed + SUBSCRIPTION * (days // 30 + 1)
        yield Fan(
            creator_id=creator_id,
            fan_id=fan_id,
            handle=f"{first}{second}{number}".lower(),
            display_name=f"{first} {second}",
            status="active",
            price_cents=dice.choice((0, 499, 999, 999, 1499)),
            rebill_on=dice.random() < 0.7,
            subscribed_at=iso(subscribed),
            expires_at=iso(ends),
            last_seen_at=iso(now - timedelta(hours=dice.uniform(0, 200))),
            seed=seed,
        )
