"""Files as programs really write them: any dialect and encoding, cut anywhere, resumed anywhere."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.fans.imports.cells import neutral, one_text
from functions.fans.imports.chunks import cut
from functions.fans.imports.lines import Lines, UnreadableFileError
from functions.fans.imports.rows import FAN_COLUMNS, Rejections, fan_rows
from functions.fans.imports.table import open_table, resume_table, table_of

# What a cell may hold: everything but NUL and halves of pairs, and much of what is special.
TEXTS = st.text(
    st.one_of(
        st.sampled_from("\",;\t\r\n'=+-@ \ufeff\u2028é😀"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=12,
)
TABLES = st.lists(st.lists(TEXTS, min_size=3, max_size=3), max_size=8)
HEADER = ["platform_id", "handle", "notes"]
# By name: the mark at the start, and the encoding.
ENCODINGS = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}


def written(rows, delimiter, line_end, quoting, encoding):
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=line_end, quoting=quoting)
    writer.writerows([HEADER, *rows])
    return ENCODINGS[encoding] + out.getvalue().encode(encoding)


def records(data, block_bytes=1 << 20):
    """All records of a file, read in blocks of a size."""
    lines = Lines(io.BytesIO(data), block_bytes=block_bytes)
    return list(table_of(lines, FAN_COLUMNS).records)


DIALECTS = st.tuples(
    st.sampled_from(",;\t"),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.sampled_from(sorted(ENCODINGS)),
)


@given(TABLES, DIALECTS)
def test_reads_back_whatever_was_written(rows, dialect):
    found = records(written(rows, *dialect))
    assert [row.problem for row in found] == [None] * len(found)
    assert [list(row.cells) for row in found] == [row for row in rows if any(row)]


@given(TABLES, DIALECTS, st.integers(1, 9))
def test_the_size_of_blocks_changes_nothing(rows, dialect, block_bytes):
    data = written(rows, *dialect)
    assert records(data, block_bytes) == records(data)


@given(TABLES, DIALECTS)
def test_goes_on_from_every_row_as_if_it_had_never_stopped(rows, dialect):
    data = written(rows, *dialect)
    whole = records(data)
    table = open_table(io.BytesIO(data), FAN_COLUMNS)
    for taken in range(len(whole) + 1):
        place = table.place.model_validate_json(table.place.model_dump_json())
        rest = resume_table(io.BytesIO(data[place.offset :]), place, FAN_COLUMNS)
        assert list(rest.records) == whole[taken:]
        next(table.records, None)


@given(st.lists(TEXTS, min_size=1, max_size=30), st.integers(1, 5))
def test_the_same_broken_bytes_are_the_same_rows_in_any_blocks(texts, block_bytes):
    """Ragged rows, open quotes, mixed line ends: reported or read, but always alike."""
    data = b"platform_id,handle,notes\n" + "".join(texts).encode()
    assert records(data, block_bytes) == records(data)


@given(TABLES)
def test_windows_files_are_read_with_the_right_letters(rows):
    rows = [[cell.encode("cp1252", "ignore").decode("cp1252") for cell in row] for row in rows]
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=";").writerows([HEADER, ["0", "Zoë", "naïve"], *rows])
    found = records(out.getvalue().encode("cp1252"), 7)
    # A cell that happens to be UTF-8 as well is refused, never stored wrong.
    read = [list(row.cells) for row in found if row.problem is None]
    assert read[0] == ["0", "Zoë", "naïve"]
    assert all(row in rows for row in read[1:])
    assert len(found) == 1 + sum(any(row) for row in rows)


@given(TEXTS)
def test_what_an_export_makes_harmless_comes_back_as_it_was(text):
    text = text.strip()
    shown = neutral(text)
    assert not shown.lstrip(" ").startswith(("=", "+", "-", "@", "＝", "＋", "－", "＠"))  # noqa: RUF001
    assert one_text(shown) == text


@pytest.mark.parametrize("sign", "=+-@\t\r\n＝＋－＠")  # noqa: RUF001
def test_no_formula_leaves_in_an_export(sign):
    after_space = [] if sign.isspace() else [f" {sign}1"]
    for text in (f"{sign}1", f"'{sign}1", f"''{sign}1", *after_space):
        assert neutral(text) == f"'{text}"


def fans(content):
    """Rows and reasons by line of a file in the dialect of JSON lines or CSV."""
    data = content if isinstance(content, bytes) else content.encode()
    table = open_table(io.BytesIO(data), FAN_COLUMNS)
    rejections = Rejections()
    rows = list(fan_rows(table.columns, table.records, rejections))
    return rows, {row.line: row.reason for row in rejections.first}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"platform_id": "1", "platform_id": "2", "handle": "a"}', "names platform_id twice"),
        ('{"platform_id": "1", "handle": "a", "username": "b"}', "names handle twice"),
        ('{"platform_id": "1", "handle": "a", "x": {"y": 1, "y": 2}}', "names y twice"),
        ('{"platform_id": "1", "handle": "a", "price_cents": 1e999}', "not a whole number"),
        ('{"platform_id": "1", "handle": "a", "price_cents": ' + "9" * 5000 + "}", "not a JSON"),
        ('{"platform_id": "1", "handle": "a", "price_cents": Infinity}', "not a JSON"),
        ('{"platform_id": "1", "handle": "a", "x": 1e99999999999999999999}', "not a JSON"),
        ('{"platform_id": "1", "handle": "a", "rebill_on": 2}', "neither true nor false"),
        ('{"platform_id": {"a": 1}, "handle": "a"}', "neither a text nor a number"),
        ('{"platform_id": "1", "handle": "a\\udc00"}', "half of a surrogate pair"),
        ('{"platform_id": "1", "handle": "a", "x": ' + "[" * 60 + "]" * 60 + "}", "hold too much"),
        ('{"platform_id": "1", "handle": "a"} {}', "not a JSON value"),
    ],
)
def test_reports_what_json_can_be_wrong_with(line, reason):
    rows, rejected = fans(f'{{"platform_id": "0", "handle": "ok"}}\r\n{line}\r\n')
    assert [row.platform_id for row in rows] == ["0"]
    assert list(rejected) == [2]
    assert reason in rejected[2]


def test_a_line_of_very_many_names_is_judged_in_one_walk():
    # Looked for one by one, the names of this line take hours.
    names = ", ".join(f'"k{number}": 1' for number in range(250_000))
    rows, rejected = fans(f'{{"platform_id": "1", "handle": "a"}}\n{{{names}, "k1": 2}}\n')
    assert len(rows) == 1
    assert rejected == {2: "the line names k1 twice"}


def test_json_lines_keep_pairs_of_surrogates_and_numbers_as_written():
    rows, _ = fans('{"platform_id": 12, "handle": "\\ud83d\\ude00", "x": 1.10}\n')
    assert (rows[0].platform_id, rows[0].handle) == ("12", "😀")
    assert json.loads(rows[0].extra) == {"x": "1.10"}


def test_a_utf8_line_in_a_windows_file_is_refused_and_not_garbled():
    data = b"platform_id,handle\n1,Zo\xeb\n2," + "Zoë".encode() + b"\n3,plain\n"
    rows, rejected = fans(data)
    assert [(row.platform_id, row.handle) for row in rows] == [("1", "Zoë"), ("3", "plain")]
    assert rejected == {3: "the line is UTF-8 in a file that began as Windows-1252"}


def test_a_broken_line_in_a_utf8_file_is_refused_and_not_garbled():
    data = "platform_id,handle\n1,Zoë\n".encode() + b"2,Zo\xeb\n3,plain\n"
    rows, rejected = fans(data)
    assert [row.handle for row in rows] == ["Zoë", "plain"]
    assert rejected == {3: "the line is not UTF-8"}


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"platform_id,handle\n1,a\n" + b"x" * 6_000_000, "Line 3 is longer"),
        (b'platform_id,handle\n1,"' + b'\n","' * 2_000_000, "a quote may be open"),
        ("\ufeffplatform_id,handle\n".encode("utf-16-le") + b"a", "middle of a character"),
        (b"platform_id,handle," + b"x," * 1001 + b"\n", "more than 1000 columns"),
    ],
)
def test_a_file_without_bounds_is_refused_before_it_fills_the_memory(data, problem):
    with pytest.raises(UnreadableFileError, match=problem):
        fans(data)


def test_a_very_long_cell_is_reported_by_its_line():
    rows, rejected = fans('platform_id,handle\n1,"' + "x" * 200_000 + '"\n2,b\n')
    assert [row.platform_id for row in rows] == ["2"]
    assert "length of a cell" in rejected[2]


@given(st.lists(st.sampled_from(["1,a,n", "2,b,", ",,", "3", ",x,"]), max_size=25))
def test_chunks_end_at_the_same_rows_wherever_reading_began(lines):
    data = "\n".join(["platform_id,handle,notes", *lines]).encode()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("functions.fans.imports.chunks.CHUNK_RECORDS", 3)
        whole = list(cut(open_table(io.BytesIO(data), FAN_COLUMNS), "fans", "USD"))
        assert [chunk.last for chunk in whole] == [False] * (len(whole) - 1) + [True]
        for number, chunk in enumerate(whole[:-1], start=1):
            rest = io.BytesIO(data[chunk.place.offset :])
            table = resume_table(rest, chunk.place, FAN_COLUMNS)
            assert list(cut(table, "fans", "USD")) == whole[number:]


@pytest.mark.parametrize(
    ("header", "row", "blank"),
    [
        ("platform_id,handle\n", "{0},a\n", "\n"),
        ("", '{{"platform_id": {0}, "handle": "a"}}\n', " \n"),
    ],
)
def test_a_run_gets_on_with_very_many_blank_rows(header, row, blank, monkeypatch):
    monkeypatch.setattr("functions.fans.imports.table._BLANK_ROWS", 3)
    text = header + row.format(1) + blank * 8 + row.format(2) + blank * 2 + row.format(3)
    data = text.encode()
    whole = list(cut(open_table(io.BytesIO(data), FAN_COLUMNS), "fans", "USD"))
    assert [[row.platform_id for row in chunk.rows] for chunk in whole] == [["1"], [], ["2", "3"]]
    assert [chunk.records for chunk in whole] == [1, 0, 2]
    for number, chunk in enumerate(whole[:-1], start=1):
        rest = io.BytesIO(data[chunk.place.offset :])
        table = resume_table(rest, chunk.place, FAN_COLUMNS)
        assert list(cut(table, "fans", "USD")) == whole[number:]
