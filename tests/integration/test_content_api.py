"""The routes of content, through the Lambda handler."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from functions.content import handler as door
from huntaze.db import SingleConnection
from huntaze.domain import fans, media, money
from huntaze.domain.fans import FanRow
from huntaze.domain.money import TransactionRow
from huntaze.domain.outbound import offers
from huntaze.errors import InvalidInputError
from huntaze.ids import new_id
from huntaze.settings import load

PATH = "/api/content"
PHOTO = {"platform_media_id": "m1", "kind": "photo", "title": "Beach"}


@pytest.fixture
def call(monkeypatch, as_role, api_event, principal, lambda_context):
    """Call a route as a member of a workspace; answers (status, body)."""
    source = SingleConnection(lambda: as_role("app"))
    monkeypatch.setattr(door, "database", lambda: source)
    monkeypatch.setenv("MEDIA_BUCKET", "media")
    load.cache_clear()

    def make(method, path, ids=None, *, role="owner", creators=None, **event):
        who = ids and principal(ids.workspace_id, user_id=ids.user_id, role=role, creators=creators)
        answer = door.handler(api_event(method, path, principal=who, **event), lambda_context)
        return answer["statusCode"], json.loads(answer["body"]) if answer["body"] else None

    return make


@pytest.fixture
def ids(tenant_factory):
    return tenant_factory()


@pytest.fixture
def photo(call, ids):
    return call("POST", PATH, ids, body=PHOTO)[1]


ROUTES = [("GET", "", None), ("POST", "", PHOTO), ("GET", "/{id}", None), ("DELETE", "/{id}", None)]


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_refuses_strangers_before_anything_else(call, method, path, body):
    for sent in (body, "not json"):
        assert call(method, PATH + path, body=sent)[0] == 401


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
def test_who_does_not_plan_campaigns_only_reads(call, ids, photo, method, path, body):
    path = PATH + path.replace("{id}", photo["id"])
    assert call(method, path, ids, role="chatter", body=body)[0] == (
        200 if method == "GET" else 403
    )


@pytest.mark.parametrize(("method", "path", "body"), [r for r in ROUTES if "{" in r[1]])
def test_hides_content_of_others(call, ids, photo, tenant_factory, method, path, body):
    path = PATH + path.replace("{id}", photo["id"])
    assert call(method, path, tenant_factory(), body=body)[0] == 404
    assert call(method, path, ids, role="manager", creators=[new_id()], body=body)[0] == 404
    assert call("GET", path, ids) == (200, photo)


def test_stores_lists_and_deletes(call, ids, photo):
    assert call("POST", PATH, ids, body=PHOTO)[1]["error"] == "MediaExists"
    for n in (2, 3):
        call("POST", PATH, ids, body={"platform_media_id": f"m{n}", "kind": "video", "title": "V"})
    first = call("GET", PATH, ids, query={"limit": "2"})[1]
    rest = call("GET", PATH, ids, query={"limit": "2", "cursor": first["next_cursor"]})[1]
    listed = [item["platform_media_id"] for item in first["items"] + rest["items"]]
    assert (listed, rest["next_cursor"]) == (["m3", "m2", "m1"], None)
    assert call("GET", PATH, ids, query={"kind": "photo"})[1]["items"] == [photo]
    assert call("GET", PATH, ids, query={"cursor": "x"})[0] == 400
    assert call("DELETE", f"{PATH}/{photo['id']}", ids) == (204, None)
    assert call("GET", f"{PATH}/{photo['id']}", ids)[0] == 404


@pytest.mark.parametrize(
    "body",
    [
        {},
        {**PHOTO, "kind": "text"},
        {**PHOTO, "kind": "text", "body": "b"},
        {**PHOTO, "body": "b"},
        {**PHOTO, "platform_media_id": None},
        {"kind": "text", "title": "t", "body": ""},
        {"kind": "text", "title": "t", "body": "x" * 10_001},
        {**PHOTO, "tags": [""]},
        {**PHOTO, "tags": ["t"] * 51},
        {**PHOTO, "title": " "},
        {**PHOTO, "platform_media_id": "x" * 201},
        {**PHOTO, "url": "https://example.com"},
        {**PHOTO, "creator_id": "me"},
    ],
)
def test_refuses_bad_content(call, ids, body):
    status, answer = call("POST", PATH, ids, body=body)
    assert (status, answer["error"]) == (422, "InvalidInput")


@pytest.fixture
def offer(ids, tenant):
    """Offer an item to a fan in a message, sent a while ago; answers the fan and the message."""

    def make(*media, price=0, fan=None, state="sent", hours_ago=1, reason=None, name=None):
        send_id = new_id()
        at = datetime.now(UTC) - timedelta(hours=hours_ago)
        with tenant(ids.workspace_id).transaction() as connection:
            if fan is None:
                who = str(new_id())
                fans.upsert(connection, ids.creator_id, [FanRow(1, who, who)])
                ((fan,),) = connection.execute(
                    "SELECT id FROM fans WHERE platform_id = %s", (who,)
                ).fetchall()
            connection.execute(
                "INSERT INTO sends (workspace_id, id, creator_id, fan_id, state, reason, priority,"
                " text, text_hash, price_cents, media_ids, written_by, granted_at,"
                " platform_message_id)"
                " VALUES (%s, %s, %s, %s, %s, %s, 0, 't', 'h', %s, %s, 'person', %s, %s)",
                (
                    *(ids.workspace_id, send_id, ids.creator_id, fan, state, reason, price),
                    *([item["id"] for item in media], at, name),
                ),
            )
            if state == "sent":
                connection.execute(
                    "INSERT INTO media_grants (workspace_id, creator_id, fan_id, media_id,"
                    " send_id, state) SELECT workspace_id, creator_id, fan_id, unnest(media_ids),"
                    " id, 'offered' FROM sends WHERE id = %s",
                    (send_id,),
                )
        return fan, send_id

    return make


@pytest.fixture
def pay(ids, tenant):
    """Record a transaction of a fan."""

    def make(fan, cents, *, net=None, hours_ago=0.5, kind="message", reverses=None, paid=None):
        name = str(new_id())
        at = (datetime.now(UTC) - timedelta(hours=hours_ago)).isoformat()
        with tenant(ids.workspace_id).transaction() as connection:
            ((platform_id,),) = connection.execute(
                "SELECT platform_id FROM fans WHERE id = %s", (fan,)
            ).fetchall()
            net = cents if net is None else net
            row = TransactionRow(
                1, name, platform_id, kind, cents, cents - net, net, "USD", at, reverses, None, paid
            )
            money.record(connection, ids.creator_id, [row])
        return name

    return make


@pytest.fixture
def usage(call, ids):
    """What became of an item."""

    def read(item):
        status, answer = call("GET", f"{PATH}/{item['id']}/usage", ids)
        assert status == 200, answer
        return answer

    return read


@pytest.fixture
def make(call, ids):
    """Make an item; answers it."""

    def post(n=0, **more):
        body = {"platform_media_id": f"v{n}", "kind": "video", "title": "V"} | more
        status, answer = call("POST", PATH, ids, body=body)
        assert status == 201, answer
        return answer

    return post


def text_item(**more):
    return {"platform_media_id": None, "kind": "text", "title": "Greeting", "body": "Hi!", **more}


def test_content_that_was_offered_is_hidden_and_never_offered_again(
    call, ids, photo, offer, tenant
):
    offer(photo)
    assert call("DELETE", f"{PATH}/{photo['id']}", ids) == (204, None)
    assert call("GET", f"{PATH}/{photo['id']}", ids)[0] == 404
    assert call("GET", PATH, ids)[1]["items"] == []
    with tenant(ids.workspace_id).transaction() as connection:
        assert connection.execute("SELECT media_id::text FROM media_grants").fetchall() == [
            (photo["id"],)
        ]
        with pytest.raises(InvalidInputError, match="not this creator's"):
            offers.require_media(connection, ids.creator_id, [UUID(photo["id"])])
    # The row still holds its place in the vault: nobody makes the same thing known as another.
    assert call("POST", PATH, ids, body=PHOTO)[1]["error"] == "MediaExists"


@pytest.mark.parametrize("same", [True, False], ids=["same file", "other file"])
def test_a_file_that_comes_back_is_offered_to_nobody_who_was_offered_it(
    call, ids, photo, make, offer, tenant, same
):
    bytes_of = {True: b"1" * 32, False: b"2" * 32}
    file = media.StoredFile(
        content_type="image/jpeg",
        bytes=1,
        width=None,
        height=None,
        duration_ms=None,
        removed=[],
        objects={"original": "o"},
    )

    def add_file(item, sha256):
        with tenant(ids.workspace_id).transaction() as connection:
            media.add_file(
                connection, ids.creator_id, UUID(item["id"]), file, sha256=sha256, looks=None
            )

    add_file(photo, bytes_of[True])
    fan, _ = offer(photo)
    assert call("DELETE", f"{PATH}/{photo['id']}", ids) == (204, None)
    again = make(**PHOTO | {"platform_media_id": "m2"})
    add_file(again, bytes_of[same])
    with tenant(ids.workspace_id).transaction() as connection:
        offered = connection.execute(
            "SELECT fan_id, send_id FROM media_grants WHERE media_id = %s", (again["id"],)
        ).fetchall()
    assert offered == ([(fan, None)] if same else [])


def test_texts_are_kept_changed_and_found(call, ids, make):
    made = make(**text_item(tags=["welcome", "fr", "welcome"]))
    assert (made["body"], made["tags"], made["file"]) == ("Hi!", ["fr", "welcome"], None)
    path = f"{PATH}/{made['id']}"
    status, changed = call("PATCH", path, ids, body={"body": "Salut, chérie", "tags": ["été"]})
    assert (status, changed["body"], changed["tags"]) == (200, "Salut, chérie", ["été"])
    assert changed["title"] == "Greeting"
    assert changed["updated_at"] > made["updated_at"]
    for words, found in (
        *(("cherie", True), ("SALUT greet", True), ("ete", True), ("salut nobody", False)),
        *(("greetign", True), ("Hi", False), ("welcome", False), ("!!", False)),
    ):
        items = call("GET", PATH, ids, query={"q": words})[1]["items"]
        assert [item["id"] for item in items] == ([made["id"]] if found else []), words


@pytest.mark.parametrize(
    "changes",
    [
        *({"title": None}, {"tags": None}, {"body": None}, {"body": " "}, {"kind": "photo"}),
        *({"platform_media_id": "m1"}, {"tags": ["x" * 61]}, {"tags": ["t"] * 51}),
    ],
)
def test_refuses_changes_that_make_no_text(call, ids, make, changes):
    made = make(**text_item())
    assert call("PATCH", f"{PATH}/{made['id']}", ids, body=changes)[0] == 422
    assert call("GET", f"{PATH}/{made['id']}", ids) == (200, made)


def test_an_item_without_a_file_stays_in_the_vault(call, ids, photo):
    for changes in ({"platform_media_id": None}, {"body": "words"}):
        assert call("PATCH", f"{PATH}/{photo['id']}", ids, body=changes)[0] == 422


def test_what_was_offered_stays_the_same_thing(call, ids, photo, make, offer):
    path = f"{PATH}/{photo['id']}"
    make(7)
    taken = call("PATCH", path, ids, body={"platform_media_id": "v7"})
    assert (taken[0], taken[1]["error"]) == (409, "MediaExists")
    assert call("PATCH", path, ids, body={"platform_media_id": "m9"})[0] == 200
    offer(photo)
    refused = call("PATCH", path, ids, body={"platform_media_id": "m1"})
    assert (refused[0], refused[1]["error"]) == (409, "MediaOffered")
    assert call("PATCH", path, ids, body={"title": "T", "platform_media_id": "m9"})[0] == 200


def test_lists_by_tag_kind_and_words_page_after_page(call, ids, make):
    made = [make(n, title=f"Beach {n}", tags=["sea"] if n % 2 else ["sun"]) for n in range(5)]
    make(**text_item(title="Beach"))

    def pages(**query):
        cursor, found = {}, []
        while True:
            page = call("GET", PATH, ids, query={"limit": "2", **query, **cursor})[1]
            found += [item["title"] for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            cursor = {"cursor": page["next_cursor"]}

    assert pages(tag="sun") == ["Beach 4", "Beach 2", "Beach 0"]
    assert pages(kind="text") == ["Beach"]
    assert pages(q="baech", kind="video") == [item["title"] for item in reversed(made)]
    assert pages(tag="nothing") == []


def test_only_what_is_in_the_vault_is_offered(ids, make, tenant):
    text = make(**text_item())
    with (
        tenant(ids.workspace_id).transaction() as connection,
        pytest.raises(InvalidInputError, match="not in the vault"),
    ):
        offers.require_media(connection, ids.creator_id, [UUID(text["id"])])


def test_usage_counts_each_payment_once_and_shares_it(make, offer, pay, usage):
    one, two, three = make(1), make(2), make(3)
    fan, _ = offer(one, two, three, price=1000, hours_ago=5)
    payment = pay(fan, 1000, net=800, hours_ago=4)
    # The same price again, to the same fan: the next payment is this one's.
    other = make(4)
    offer(other, price=1000, fan=fan, hours_ago=3)
    # Neither another price nor another kind, and nothing before the message.
    pay(fan, 999, hours_ago=1)
    pay(fan, 1000, kind="tip", hours_ago=1)
    pay(fan, 1000, hours_ago=9)
    earned = [usage(item)["earned_cents"] for item in (one, two, three, other)]
    assert earned == [267, 267, 266, 0]
    assert {k: usage(one)[k] for k in ("offered", "sent", "bought", "planned", "currency")} == {
        **dict.fromkeys(("offered", "sent", "bought"), 1),
        "planned": 0,
        "currency": "USD",
    }
    pay(fan, 1000, net=700, hours_ago=1)
    assert (usage(other)["earned_cents"], usage(one)["earned_cents"]) == (700, 267)
    pay(fan, 500, net=400, kind="refund", reverses=payment, hours_ago=0.1)
    assert [usage(item)["earned_cents"] for item in (one, two, three)] == [134, 133, 133]


def test_usage_counts_a_payment_for_the_message_that_it_names(make, offer, pay, usage):
    one, two, three = items = make(1), make(2), make(3)
    fan, _ = offer(one, price=1000, hours_ago=5, name="A")
    offer(two, price=1000, fan=fan, hours_ago=4, name="B")
    pay(fan, 1000, net=800, hours_ago=1, paid="A")
    assert [usage(item)["earned_cents"] for item in items] == [800, 0, 0]
    # On the same day, told with the same moment, and not of the ledger at all.
    pay(fan, 1000, net=700, hours_ago=1, paid="B")
    pay(fan, 1000, net=600, hours_ago=1, paid="by hand")
    assert [usage(item)["bought"] for item in items] == [1, 1, 0]
    assert [usage(item)["earned_cents"] for item in items] == [800, 700, 0]
    # One that names nothing is of none that another names.
    offer(three, price=1000, fan=fan, hours_ago=6, name="C")
    pay(fan, 1000, net=500, hours_ago=0.5)
    assert [usage(item)["earned_cents"] for item in items] == [800, 700, 500]


def test_usage_says_what_the_vault_did_not_hold(make, offer, usage):
    item = make(1)
    offer(item, state="not_sent", reason="media_missing")
    offer(item, state="not_sent", reason="server_error")
    offer(item, state="planned")
    assert {k: v for k, v in usage(item).items() if v} == {
        "not_in_vault": 1,
        "planned": 1,
        "currency": "USD",
    }


def test_content_of_an_open_campaign_stays(call, ids, photo, tenant):
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute(
            "INSERT INTO campaigns (workspace_id, creator_id, name, media_ids, variants,"
            " created_by) VALUES (%s, %s, 'C', %s, '[]', %s)",
            (ids.workspace_id, ids.creator_id, [photo["id"]], ids.user_id),
        )
    assert call("DELETE", f"{PATH}/{photo['id']}", ids)[0] == 409
    with tenant(ids.workspace_id).transaction() as connection:
        connection.execute("UPDATE campaigns SET status = 'cancelled'")
    assert call("DELETE", f"{PATH}/{photo['id']}", ids)[0] == 204
