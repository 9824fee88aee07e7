"""Reading files of rows: encodings, dialects, quotes, JSON lines, and what is refused."""

import io
import json

import pytest

from functions.fans.imports.lines import UnreadableFileError
from functions.fans.imports.rows import (
    FAN_COLUMNS,
    TRANSACTION_COLUMNS,
    Rejections,
    fan_rows,
    transaction_rows,
)
from functions.fans.imports.table import open_table


@pytest.fixture
def read():
    """Read fans from text or bytes; answers (rows, rejected as {line: reason})."""

    def run(content, as_format=None):
        data = content.encode() if isinstance(content, str) else content
        rejections = Rejections()
        table = open_table(io.BytesIO(data), FAN_COLUMNS, as_format=as_format)
        rows = list(fan_rows(table.columns, table.records, rejections))
        return rows, {row.line: row.reason for row in rejections.first}

    return run


@pytest.fixture
def read_money():
    """Read transactions of a creator in dollars."""

    def run(content):
        rejections = Rejections()
        table = open_table(io.BytesIO(content.encode()), TRANSACTION_COLUMNS)
        rows = list(transaction_rows(table.columns, table.records, rejections, "USD"))
        return rows, {row.line: row.reason for row in rejections.first}

    return run


PLAIN = "platform_id,handle,display_name\n1,anna,Anna\n2,bob,Bob\n"


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.rstrip("\n"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "\n\n" + PLAIN,
        PLAIN.replace("\n", "\n,,\n\n"),
        PLAIN.encode("utf-8-sig"),
        "Platform_ID, USERNAME ,display_name\n1,anna,Anna\n2,bob,Bob\n",
        "handle,display_name,platform_id\nanna,Anna,1\nbob,Bob,2\n",
        '"platform_id","handle","display_name"\n"1","anna","Anna"\n2,"bob",Bob\n',
        '{"platform_id": 1, "handle": "anna", "display_name": "Anna"}\n'
        '\n{"display_name": "Bob", "platform_id": "2", "username": "bob"}\n',
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode("utf-8-sig"),
        PLAIN.replace(",", "\t").replace("\n", "\r\n").encode("utf-16"),
        b"\xfe\xff" + PLAIN.replace(",", ";").encode("utf-16-be"),
        "sep=|\n" + PLAIN.replace(",", "|"),
        b'\xef\xbb\xbf{"platform_id": "1", "handle": "anna", "display_name": "Anna"}\r\n'
        b'{"platform_id": "2", "handle": "bob", "display_name": "Bob"}',
    ],
)
def test_reads_the_same_fans_from_every_dialect(read, content):
    rows, rejected = read(content)
    found = [(row.platform_id, row.handle, row.display_name) for row in rows]
    assert found == [("1", "anna", "Anna"), ("2", "bob", "Bob")]
    assert rejected == {}


def test_reads_quotes_as_rfc_4180_has_them(read):
    content = 'platform_id,handle,notes\r\n1,"a,b","says ""hi""\r\nand more"\r\n2,c,plain\r\n'
    rows, rejected = read(content)
    assert rows[0].handle == "a,b"
    assert rows[0].notes == 'says "hi"\r\nand more'
    # A row's line is the physical one where it starts.
    assert [row.line for row in rows] == [2, 4]
    assert rejected == {}


def test_takes_the_delimiter_that_names_columns_and_not_the_most_frequent_sign(read):
    rows, _ = read("platform_id;handle;a,b,c,d,e\n1;anna;x\n")
    assert (rows[0].handle, json.loads(rows[0].extra)) == ("anna", {"a,b,c,d,e": "x"})


def test_reads_every_kind_of_cell(read):
    rows, rejected = read(
        "platform_id,handle,email,status,price_cents,rebill_on,subscribed_at,expires_at,"
        "time_zone,language,tags,notes,consent,Eye Colour\n"
        "1,anna,a@example.com,ACTIVE,999,Yes,2026-01-02,2026-02-03T04:05:06+02:00,"
        "Europe/Paris,pt-BR,a| b |a||c,n,0,green\n"
    )
    (row,) = rows
    assert rejected == {}
    assert (row.status, row.price_cents, row.rebill_on, row.consent) == ("active", 999, True, False)
    assert row.subscribed_at == "2026-01-02T00:00:00+00:00"
    assert row.expires_at == "2026-02-03T02:05:06+00:00"
    assert row.tags == ["a", "b", "c"]
    assert json.loads(row.extra) == {"Eye Colour": "green"}


def test_a_blank_is_none_and_so_keeps_what_is_there(read):
    rows, _ = read("platform_id,handle,notes,price_cents,tags,email,mood\n1,anna,,  ,|, ,\n")
    assert rows[0][3:] == (None,) * (len(rows[0]) - 3)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("1,,,", "handle is blank"),
        (",a,,", "platform_id is blank"),
        ("1,a,1.5,", "price_cents: not a whole number of cents"),
        ("1,a,-1,", "price_cents: below zero"),
        ("1,a,٣,", "price_cents: not a whole number of cents"),
        ("1,a,99999999999999,", "price_cents: not a whole number of cents"),
        ("1,a,,soon", "expires_at: not an ISO 8601 time such as 2026-01-31T18:00:00Z"),
        ("1,a,,0001-01-01T00:00:00+05:00", "expires_at: not an ISO 8601 time"),
        ("1,a,,9,9", "5 cells where the header has 4"),
        ("1,a", "2 cells where the header has 4"),
        ("1," + "x" * 201 + ",,", "handle: longer than 200 characters"),
        ('1,"a"b,,', "the quotes or the length of a cell are wrong"),
        ("1,a\x00,,", "the line holds a NUL character"),
    ],
)
def test_reports_a_bad_row_and_keeps_the_good_ones(read, cells, reason):
    bad = cells if isinstance(cells, bytes) else cells.encode()
    header = b"platform_id,handle,price_cents,expires_at\n"
    # A NUL at the head of a file means a binary one: keep it away from there.
    good = b"".join(b"g%d,good,,\n" % n for n in range(1000))
    rows, rejected = read(header + good + bad + b"\nlast,good,,\n")
    assert len(rows) == 1001
    assert rows[-1].line == 1003
    assert list(rejected) == [1002]
    assert rejected[1002].startswith(reason)


def test_an_open_quote_is_reported_with_how_far_it_reached(read):
    rows, rejected = read('platform_id,handle\n1,"open\n2,b\n3,"c"\n4,d\n')
    assert [row.platform_id for row in rows] == ["4"]
    assert list(rejected) == [2]
    assert "up to line 4" in rejected[2]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1]", "not a JSON object"),
        ("{", "not a JSON value"),
        ('{"platform_id": "1", "handle": NaN}', "not a JSON value"),
        ('{"platform_id": "1", "handle": {"a": 1}}', "handle: neither a text nor a number"),
        ('{"platform_id": "1", "handle": ["a"]}', "handle: a list where one value belongs"),
        ('{"platform_id": "1", "handle": "a\\u0000"}', "holds a NUL"),
        ('{"platform_id": "1", "handle": "a\\ud800"}', "half of a surrogate pair"),
        ("[" * 100_000, "not a JSON value"),
    ],
)
def test_reports_a_bad_json_line(read, line, reason):
    good = '{"platform_id": "2", "handle": "b", "tags": ["x", "y"], "mood": {"a": 1.50}}'
    rows, rejected = read(f"{good}\n{line}\n", as_format="jsonl")
    assert (rows[0].tags, json.loads(rows[0].extra)) == (["x", "y"], {"mood": {"a": "1.50"}})
    assert list(rejected) == [2]
    assert reason in rejected[2]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "must be a header"),
        (b"1,anna\n2,bob\n", "must be a header"),
        (b"platform_id,display_name\n", "lacks handle"),
        (b"handle\n", "lacks platform_id"),
        (b"platform_id,handle,handle\n", "handle twice"),
        (b"platform_id,handle,username\n", "handle twice"),
        (b"PK\x03\x04xxxx", "workbook"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "binary"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        ("platform_id,handle\n1,a\n".encode("utf-32"), "binary"),
        ("platform_id,handle\n1,a\n".encode("utf-16-le"), "binary"),
        (b"\xef\xbb\xbfplatform_id,handle,\xe9t\xe9\n", "not UTF-8"),
        (b"sep=;\n", "must be a header"),
        (b'"platform_id,handle\n1,a\n', "cannot be read"),
    ],
)
def test_refuses_a_file_that_is_none(read, content, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        read(content)


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        ("10.25,,", (1025, 0, 1025)),
        ("10,2.00,8", (1000, 200, 800)),
        ("10,,8", (1000, 200, 800)),
        (",2,8", (1000, 200, 800)),
        ("0.07,,", (7, 0, 7)),
        ("1.10000,,", (110, 0, 110)),
        ("999999999.99,,", (99999999999, 0, 99999999999)),
        ('"12,5",,', (1250, 0, 1250)),
    ],
)
def test_reads_decimal_amounts_exactly(read_money, cells, amounts):
    rows, rejected = read_money(
        f"transaction_id,platform_id,type,amount,fee,net\nt,1,tip,{cells}\n"
    )
    assert rejected == {}
    assert rows[0][4:7] == amounts


def test_json_numbers_never_pass_through_a_float(read_money):
    line = {"transaction_id": "t", "platform_id": "1", "type": "tip"}
    rows, _ = read_money(json.dumps(line)[:-1] + ', "amount": 1234567890.07}')
    assert rows[0].amount_cents == 123456789007


def test_cents_win_over_decimals_and_a_minus_belongs_to_reversals(read_money):
    rows, rejected = read_money(
        "transaction_id,platform_id,type,amount_cents,amount,reverses\n"
        "a,1,tip,150,9.99,\nb,1,refund,-150,,a\nc,1,chargeback,,,a\nd,1,tip,-5,,\n"
    )
    assert [(row.transaction_id, row.amount_cents) for row in rows] == [
        ("a", 150),
        ("b", 150),
        ("c", 0),
    ]
    assert rejected == {5: "amount is below zero; a payment that was taken back is a refund"}


@pytest.mark.parametrize(
    ("cells", "amounts"),
    [
        (",,", (0, 0, 0)),
        # The payment tells what part of its net this is.
        ("-10,,", (1000, 0, 0)),
        ("-10,-2,", (1000, 200, 800)),
        ("10,,8", (1000, 200, 800)),
        (",,-8", (800, 0, 800)),
    ],
)
def test_a_reversal_says_no_more_than_the_file(read_money, cells, amounts):
    rows, rejected = read_money(
        f"transaction_id,platform_id,type,amount,fee,net,reverses\nt,1,refund,{cells},p\n"
    )
    assert rejected == {}
    assert rows[0][4:7] == amounts


def test_a_net_larger_than_its_amount_is_reported(read_money):
    rows, rejected = read_money("transaction_id,platform_id,type,amount,net\nt,1,tip,1,2\n")
    assert (rows, rejected) == ([], {2: "the net is larger than the amount"})


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        (",1,tip,1,,,", "transaction_id is blank"),
        ("t,,tip,1,,,", "platform_id is blank"),
        ("t,1,,1,,,", "type is blank"),
        ("t,1,gift,1,,,", "type: not one of"),
        ("t,1,tip,,,,", "neither an amount nor a net amount"),
        ("t,1,tip,1.001,,,", "amount: a fraction of a cent"),
        ("t,1,tip,1e5,,,", "amount: not a decimal amount"),
        ("t,1,tip,\u0661,,,", "amount: not a decimal amount"),
        ("t,1,tip,1,2,,", "the fee is larger"),
        ("t,1,refund,1,2,,p", "the fee is larger"),
        ("t,1,tip,1,,EUR,", "currency: EUR, but the creator's is USD"),
        ("t,1,tip,1,,,x", "reverses is for refunds alone"),
        ("t,1,refund,0.00,,,p", "it takes back zero"),
        ("t,1,refund,0,0,,p", "it takes back zero"),
        ("t,1,refund,1,,,", "reverses must name"),
        ("t,1,refund,1,,,t", "reverses names the transaction itself"),
    ],
)
def test_reports_a_bad_transaction(read_money, cells, reason):
    rows, rejected = read_money(
        f"transaction_id,platform_id,type,amount,fee,currency,reverses\n{cells}\n"
    )
    assert rows == []
    assert rejected[2].startswith(reason)


def test_counts_every_rejection_and_keeps_the_first_thousand():
    rejections = Rejections()
    for line in range(1500):
        rejections.reject(line, "bad")
    assert (rejections.count, len(rejections.first)) == (1500, 1000)
