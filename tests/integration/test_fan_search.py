"""Search of fans through the route: what is nearer comes first, and pages are whole."""

import pytest
from psycopg import sql

from functions.fans.repository import FanFilter, PostgresFans
from huntaze.domain import fans
from huntaze.domain.fans import NEWEST, VALUE, FanRow
from huntaze.errors import BadRequestError
from huntaze.http import encode_cursor
from huntaze.ids import new_id

OF_CREATOR = sql.SQL("f.creator_id = %(creator)s AND f.erased_at IS NULL")
PEOPLE = [
    FanRow(1, "exact", "emma", display_name="Somebody"),
    FanRow(2, "named", "x1", display_name="EMMA"),
    FanRow(3, "begins", "emma_rose", display_name=None),
    FanRow(4, "last", "x2", display_name="Rose Emma-Lou"),
    FanRow(5, "near", "ema", display_name=None),
    FanRow(6, "swapped", "emam.99", display_name="No One"),
    FanRow(7, "word", "x3", display_name="Emna Watson"),
    FanRow(8, "far", "ellen", display_name="Ella Two"),
    FanRow(9, "accents", "x4", display_name="Chloé Müller", email="Chloe@Example.com"),
    FanRow(10, "danish", "x5", display_name="Søren Åkesson"),
    FanRow(11, "russian", "x6", display_name="Екатерина Иванова"),
]


@pytest.fixture
def ids(tenant_factory, tenant):
    ids = tenant_factory()
    with tenant(ids.workspace_id).transaction() as connection:
        fans.upsert(connection, ids.creator_id, PEOPLE)
    return ids


@pytest.fixture
def search(ids, tenant):
    """Search; answers the platform ids in the order of the answer, read in pages of ``limit``."""

    def run(typed, *, limit=50, order=VALUE, creators=None, **more):
        store = PostgresFans(tenant(ids.workspace_id, creators), ids.user_id)
        which = FanFilter(ids.creator_id, search=typed, **more)
        found, cursor = [], None
        while True:
            page = store.page(which, order, limit=limit, cursor=cursor)
            assert len(page.items) <= limit
            found += [fan.platform_id for fan in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found

    return run


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_exact_names_come_before_beginnings_and_these_before_typos(search, limit):
    found = search("Emma", limit=limit)
    assert [set(found[:2]), set(found[2:4]), set(found[4:])] == [
        {"exact", "named"},
        {"begins", "last"},
        {"near", "swapped", "word"},
    ]


def test_typos_are_looked_for_on_the_next_page_when_somebody_was_found(ids, tenant):
    store = PostgresFans(tenant(ids.workspace_id), ids.user_id)
    which = FanFilter(ids.creator_id, search="emma")
    page = store.page(which, VALUE, limit=50, cursor=None)
    assert {fan.platform_id for fan in page.items} == {"exact", "named", "begins", "last"}
    rest = store.page(which, VALUE, limit=50, cursor=page.next_cursor)
    assert {fan.platform_id for fan in rest.items} == {"near", "swapped", "word"}
    assert rest.next_cursor is None


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("chloe", "accents"),
        ("CHLOÉ MULLER", "accents"),
        ("mueller", "accents"),
        ("chleo muller", "accents"),
        ("Chloé Müllr", "accents"),
        ("soren", "danish"),
        ("akeson", "danish"),
        ("екатирина иваноа", "russian"),
        ("chloe@example.COM", "accents"),
        ("@emma", "exact"),
        ("  emma   rose  ", "begins"),
        ("emma_rsoe", "begins"),
    ],
)
def test_finds_whom_a_person_means(search, typed, first):
    assert (search(typed) or [None])[0] == first


@pytest.mark.parametrize("typed", ["emx", "@", "́", "%", "_", "chlo@example.com"])
def test_short_words_and_signs_are_taken_as_they_stand(search, typed):
    assert search(typed) == []


def test_other_filters_hold(search):
    assert search("emma", status="active") == []
    assert len(search("emma", status="follower")) == 7


def test_erased_fans_and_other_creators_are_not_found(search, ids, tenant):
    transactions = tenant(ids.workspace_id)
    with transactions.transaction() as connection:
        found = connection.execute("SELECT id FROM fans WHERE platform_id = 'near'").fetchall()
        fans.erase(connection, found[0][0])
    assert "near" not in search("emma")
    with tenant(ids.workspace_id, [new_id()]).transaction() as connection:
        page = fans.search_fans(
            connection,
            ids.creator_id,
            "emma",
            OF_CREATOR,
            {"creator": ids.creator_id},
            order=NEWEST,
            limit=5,
        )
    assert page.items == []


def test_nobody_of_another_workspace_is_found(ids, tenant, tenant_factory):
    other = tenant_factory()
    with tenant(other.workspace_id).transaction() as connection:
        page = fans.search_fans(
            connection,
            ids.creator_id,
            "emma",
            OF_CREATOR,
            {"creator": ids.creator_id},
            order=NEWEST,
            limit=5,
        )
    assert page.items == []


@pytest.mark.parametrize("cursor", ["x", "WyI5IiwiIl0", "WyItMSIsIiJd"])
def test_a_foreign_cursor_is_refused(ids, tenant, cursor):
    store = PostgresFans(tenant(ids.workspace_id), ids.user_id)
    with pytest.raises(BadRequestError):
        store.page(FanFilter(ids.creator_id, search="emma"), NEWEST, limit=5, cursor=cursor)


@pytest.mark.parametrize("sign", ["\0", "\ud800"], ids=["NUL", "half of a pair"])
def test_a_cursor_with_what_no_text_can_hold_is_refused(ids, tenant, sign):
    store = PostgresFans(tenant(ids.workspace_id), ids.user_id)
    cursor = encode_cursor("2", encode_cursor(f"em{sign}", new_id()))
    with pytest.raises(BadRequestError):
        store.page(FanFilter(ids.creator_id, search="emma"), NEWEST, limit=5, cursor=cursor)
