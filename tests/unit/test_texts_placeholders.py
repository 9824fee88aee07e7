"""Placeholders: what a template may hold, and that a fan's own words never become one."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from huntaze.domain import compliance
from huntaze.domain.outbound.texts import (
    PLACEHOLDERS,
    Slot,
    TemplateError,
    parse,
    render,
    text_hash,
)

UNFIT = re.compile(compliance.unfit_name_pattern("onlyfans"))


def test_splits_literals_and_slots() -> None:
    assert parse("Hi {display_name|love}, {handle|you}!") == [
        "Hi ",
        Slot("display_name", "love"),
        ", ",
        Slot("handle", "you"),
        "!",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{email|x}",
        "{display_name}",
        "{display_name|}",
        "{display_name| }",
        "{",
        "}",
        "a { b",
        "{}",
        "{{display_name|x}}",
        "{display_name|a{b}}",
        "{|x}",
    ],
)
def test_refuses_what_it_cannot_fill_for_everyone(text: str) -> None:
    with pytest.raises(TemplateError):
        parse(text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Anna", "Hi Anna!"),
        ("  Anna  ", "Hi Anna!"),
        (None, "Hi love!"),
        ("", "Hi love!"),
        ("   ", "Hi love!"),
        ("{handle|x}", "Hi love!"),
        ("telegram: anna", "Hi love!"),
        ("a" * 40, f"Hi {'a' * 40}!"),
        ("a" * 41, "Hi love!"),
    ],
)
def test_fills_in_the_name_or_the_fallback(name: str | None, expected: str) -> None:
    template = parse("Hi {display_name|love}!")
    assert render(template, {"display_name": name}, unfit=UNFIT) == expected


@given(st.dictionaries(st.sampled_from(list(PLACEHOLDERS)), st.text(max_size=60)))
def test_what_a_fan_wrote_is_never_read_as_a_template(fan: dict[str, str]) -> None:
    text = render(parse("a {display_name|b} c {handle|d} e"), dict(fan), unfit=UNFIT)
    assert "{" not in text
    assert "}" not in text
    # Reading the filled text again changes nothing: nothing of it is a placeholder.
    assert parse(text) == [text]


@given(st.text(alphabet="{}|abdisplay_nme ", max_size=40))
def test_a_text_is_either_refused_or_rendered_without_braces(text: str) -> None:
    try:
        template = parse(text)
    except TemplateError:
        return
    assert not set("{}") & set(render(template, {}, unfit=UNFIT))


def test_hashes_a_text_as_bytes_of_utf8() -> None:
    assert text_hash("é") == "4a99557e4033c3539de2eb65472017cad5f9557f7a0625a09f1c3f6e2ba69c4c"
