"""Reports over a workspace's fans, money and messages, through the door, on real Postgres."""

import json
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from functions.analytics import handler as door
from functions.analytics.repository import PostgresReports
from huntaze import http
from huntaze.db import SingleConnection
from huntaze.ids import new_id

NOON = datetime.now(UTC).replace(hour=12, minute=0)
DAY = timedelta(days=1)


@pytest.fixture
def shop(tenant_factory, tenant):
    """A workspace of two creators, and ways to fill it."""
    ids = tenant_factory()
    opened = tenant(ids.workspace_id)

    class Shop:
        workspace_id, user_id, creator_id = ids.workspace_id, ids.user_id, ids.creator_id

        def add(self, table, **row):
            row = {"workspace_id": ids.workspace_id, "id": new_id(), **row}
            names, places = ", ".join(row), ", ".join(f"%({name})s" for name in row)
            with opened.transaction() as connection:
                connection.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", row)
            return row["id"]

        def fan(self, creator_id=None, **more):
            given = {"handle": f"h{new_id().hex}", "status": "active", **more}
            return self.add("fans", creator_id=creator_id or ids.creator_id, **given)

        def paid(self, fan_id, cents, *, kind="tip", ago=DAY, creator_id=None, **more):
            back = kind in {"refund", "chargeback"}
            row = {"fan_id": fan_id, "transaction_id": new_id().hex, "type": kind}
            row |= {"amount_cents": cents * 5 // 4, "fee_cents": cents // 4, "net_cents": cents}
            row |= {"effective_cents": -cents if back else cents, "currency": "USD"}
            row |= {"reverses": "some" if back else None, "created_at": NOON - ago, **more}
            self.add("transactions", creator_id=creator_id or ids.creator_id, **row)

        def sent(self, fan_id, *, price_cents=0, state="sent"):
            at = NOON - DAY
            row = {"fan_id": fan_id, "priority": 0, "text": "x", "text_hash": "x", "state": state}
            row |= {"written_by": "person", "granted_at": at, "price_cents": price_cents}
            return self.add("sends", creator_id=ids.creator_id, **row)

    made = Shop()
    made.second = made.add(
        *("creators",), platform="other", handle="second", display_name="Second", currency="USD"
    )
    return made


@pytest.fixture
def read(monkeypatch, as_role, api_event, principal, lambda_context, shop):
    """Read a report as a member."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)
    monkeypatch.setattr(http, "database", lambda: source)

    def make(report, *, role="owner", creators=None, status=200, **query):
        who = principal(shop.workspace_id, user_id=shop.user_id, role=role, creators=creators)
        path = report if report.startswith("/") else f"/api/analytics/{report}"
        query = {name: str(value) for name, value in query.items()}
        event = api_event("GET", path, principal=who, query=query)
        answer = door.handler(event, lambda_context)
        assert answer["statusCode"] == status, answer
        return json.loads(answer["body"])

    return make


def test_the_overview_is_what_the_tables_say(read, shop):
    anna = shop.fan(
        subscribed_at=NOON - 2 * DAY,
        last_inbound_at=datetime.now(UTC) - timedelta(hours=30),
    )
    shop.fan(status="expired", expires_at=NOON - 3 * DAY)
    shop.fan(status="follower")
    shop.paid(anna, 1000)
    shop.paid(anna, 300, ago=2 * DAY)
    shop.paid(anna, 300, kind="refund")
    shop.paid(anna, 500, ago=40 * DAY)
    shop.sent(anna)
    said = read("overview")
    assert {name: said[name] for name in ("fans", "subscribers", "expired_fans", "followers")} == {
        "fans": 3,
        **dict.fromkeys(("subscribers", "expired_fans", "followers"), 1),
    }
    assert (said["new_subscribers"], said["ended_subscriptions"]) == (1, 1)
    assert (said["subscriber_growth"], said["messages_sent"]) == (0, 1)
    assert (said["fans_waiting"], said["longest_wait_hours"]) == (1, 30)
    (earned,) = said["revenue"]
    assert (earned["net_cents"], earned["reversed_cents"], earned["reversals"]) == (1000, 300, 1)
    assert (earned["gross_cents"], earned["fee_cents"]) == (1625, 325)
    assert (earned["net_before_cents"], earned["change_basis_points"]) == (500, 10_000)


def test_revenue_adds_up_in_every_way_that_it_is_cut(read, shop):
    anna, bert = shop.fan(), shop.fan(shop.second)
    for days, cents in ((1, 700), (3, 90), (3, 10)):
        shop.paid(anna, cents, ago=days * DAY)
    shop.paid(anna, 90, kind="chargeback", ago=2 * DAY)
    shop.paid(bert, 2000, kind="subscription", creator_id=shop.second)
    said = read("revenue")
    (total,) = said["totals"]
    assert total["net_cents"] == 2710
    for cut in ("by_type", "by_creator", "points"):
        assert sum(one["net_cents"] for one in said[cut]) == 2710
    assert (said["bucket"], len(said["points"])) == ("day", 30)
    by_day = {one["starts_on"]: one["net_cents"] for one in said["points"] if one["net_cents"]}
    assert sorted(by_day.values()) == [-90, 100, 2700]
    assert {one["display_name"] for one in said["by_creator"]} >= {"Second"}
    assert read("/api/onlyfans/earnings") == said
    assert read("revenue", period="all_time")["bucket"] == "month"
    assert read("revenue", period="2021-02")["totals"][0]["net_cents"] == 0


def test_days_are_those_of_the_creators_time_zone(read, shop, tenant):
    """What was paid at 23:30 in Auckland is of that day, wherever the server is."""
    with tenant(shop.workspace_id).transaction() as connection:
        connection.execute(
            "UPDATE creators SET time_zone = 'Pacific/Auckland' WHERE id = %s", (shop.second,)
        )
    fan = shop.fan(shop.second)
    late = datetime(2026, 3, 31, 10, 30, tzinfo=UTC)
    shop.paid(fan, 700, creator_id=shop.second, created_at=late)
    shop.paid(fan, 30, creator_id=shop.second, created_at=late + timedelta(hours=1))
    said = read("revenue", creator_id=shop.second, period="2026-03")
    assert said["days"] == {
        "since": "2026-03-01",
        "until": "2026-03-31",
        "time_zone": "Pacific/Auckland",
    }
    assert said["totals"][0]["net_cents"] == 700
    assert said["points"][-1] == {"starts_on": "2026-03-31", "currency": "USD", "net_cents": 700}
    assert read("revenue", creator_id=shop.second, period="2026-04")["totals"][0]["net_cents"] == 30


def test_growth_is_what_began_and_ended(read, shop):
    march = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for days in (9, 9, 2):
        shop.fan(subscribed_at=march + days * DAY)
    shop.fan(status="expired", subscribed_at=march - 90 * DAY, expires_at=march + 9 * DAY)
    # Renewed ones have not ended; forgotten fans are in no figure.
    shop.fan(subscribed_at=march - DAY, expires_at=march + DAY)
    shop.fan(subscribed_at=march + DAY, erased_at=NOON, platform_key="k")
    said = read("fan-growth", period="2026-03")
    assert (said["subscribers"], said["new_subscribers"], said["ended_subscriptions"]) == (4, 3, 1)
    assert (said["subscriber_growth"], len(said["points"])) == (2, 31)
    moved = {
        one["starts_on"]: (one["new_subscribers"], one["ended_subscriptions"])
        for one in said["points"]
        if one["new_subscribers"] or one["ended_subscriptions"]
    }
    assert moved == {"2026-03-03": (1, 0), "2026-03-10": (2, 1)}


def test_platforms_stand_side_by_side(read, shop):
    shop.fan()
    bert = shop.fan(shop.second, status="expired")
    shop.paid(bert, 2000, creator_id=shop.second)
    said = {one["platform"]: one for one in read("platforms")["items"]}
    assert len(said) == 2
    assert said["other"] == {
        "platform": "other",
        "creators": 1,
        "fans": 1,
        "subscribers": 0,
        "revenue": [{"currency": "USD", "net_cents": 2000}],
    }


def test_the_best_fans_come_first_and_the_forgotten_not_at_all(read, shop):
    anna, bert = shop.fan(display_name="Anna"), shop.fan(display_name="Bert")
    gone = shop.fan(erased_at=NOON, platform_key="k")
    for fan, cents in ((anna, 500), (bert, 700), (gone, 9000)):
        shop.paid(fan, cents)
    shop.paid(anna, 600, ago=50 * DAY)
    found = read("top-fans")["items"]
    assert [(one["display_name"], one["net_cents"]) for one in found] == [
        ("Bert", 700),
        ("Anna", 500),
    ]
    assert read("top-fans", period="all_time", limit=1)["items"][0]["net_cents"] == 1100
    assert read("top-fans", limit=0, status=422)["error"] == "InvalidInput"


def test_rankings_are_of_each_currency_alone(read, shop):
    named = {"platform": "other", "handle": "third", "display_name": "Third", "currency": "EUR"}
    third = shop.add("creators", **named)
    for cents in (500, 900, 700):
        shop.paid(shop.fan(), cents)
        shop.paid(shop.fan(third), cents // 10, creator_id=third, currency="EUR")
    found = read("top-fans", limit=2)["items"]
    assert [(one["currency"], one["net_cents"]) for one in found] == [
        *(("EUR", 90), ("EUR", 70), ("USD", 900), ("USD", 700)),
    ]
    said = read("revenue")
    for cut in ("by_type", "by_creator"):
        assert [(one["currency"], one["net_cents"]) for one in said[cut]] == [
            *(("EUR", 210), ("USD", 2100)),
        ]


def test_messages_with_their_two_ratios(read, shop, tenant):
    fan = shop.fan()
    bought = shop.sent(fan, price_cents=500)
    for price in (500, 500, 0, 0):
        shop.sent(fan, price_cents=price)
    shop.sent(fan, state="unknown")
    given = {"platform_media_id": "m", "kind": "photo", "title": "t"}
    media = shop.add("media", creator_id=shop.creator_id, **given)
    with tenant(shop.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id, send_id, state)"
            " VALUES (%s, %s, %s, %s, %s, 'bought')",
            (shop.workspace_id, shop.creator_id, fan, media, bought),
        )
    said = read("messages")
    assert {name: said[name] for name in ("sent", "unknown", "priced", "unlocked")} == {
        "sent": 5,
        "unknown": 1,
        "priced": 3,
        "unlocked": 1,
    }
    assert (said["golden_ratio_basis_points"], said["unlock_ratio_basis_points"]) == (6000, 3333)
    assert read("messages", period="2021-01")["golden_ratio_basis_points"] is None


def test_members_see_reports_of_their_creators_alone(read, shop):
    shop.paid(shop.fan(), 1000)
    shop.paid(shop.fan(shop.second), 70, creator_id=shop.second)
    for role in ("chatter", "analyst", "manager"):
        own = {"role": role, "creators": [shop.second]}
        assert read("overview", **own)["revenue"][0]["net_cents"] == 70
        assert len(read("top-fans", **own)["items"]) == 1
        assert [one["platform"] for one in read("platforms", **own)["items"]] == ["other"]
        assert read("revenue", **own, creator_id=shop.creator_id, status=404)
    assert read("overview")["revenue"][0]["net_cents"] == 1070
    assert read("overview", creator_id=new_id(), status=404)["error"] == "NotFound"
    assert read("overview", period="next_week", status=422)["error"] == "InvalidInput"


def test_reports_cannot_write(shop, tenant):
    reports = PostgresReports(tenant(shop.workspace_id), None, "today", now=NOON)
    with reports._looking() as look, pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        look.connection.execute("UPDATE fans SET notes = 'x'")
