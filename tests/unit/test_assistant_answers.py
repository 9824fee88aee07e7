"""What the assistant may say: every number that people read is a figure, a day of it or a name."""

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.assistant.chat import wording
from functions.assistant.chat.checking import cited_in, problem_of
from functions.assistant.chat.models import About, AssistantStep, Figure, Saying, Tool, Unit
from huntaze.ai.agents import Language
from huntaze.ai.schemas import response_format
from huntaze.ids import new_id

NO_BREAK, NARROW = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"
WORDS = (
    *("You", "earned", "net", "revenue", "and", "that", "is", "all", "vous", "avez", "un", "une"),
    *(
        "gagné",
        "pourboires",
        "often",
        "tenant",
        "weight",
        "canine",
        "sixtieth",
        "dixième",
        "someone",
    ),
)
PLACES = ("{f1}", "{f2}", "{f1:when}", "{f2:when}", "{f2:who}", "{f9}", "{f1:who}", "{f1", "f1}")
NUMBERS = ("7", "1,200", "3.5", "٣٤", "½", "Ⅳ", "two", "Deux", "TWENTY-five", "half", "20%", "€")


@pytest.fixture
def figure():
    """A figure of the workspace."""

    def make(name, value, unit=Unit.COUNT, **more):
        given_ = {"currency": "USD" if unit is Unit.CENTS else None, "about": None, "most": 5}
        given_ |= {"since": date(2026, 2, 1), "until": date(2026, 2, 28), "id": "f1"}
        given_ |= {"tool": Tool.REVENUE, "period": "2026-02", "name": name, "label": name}
        return Figure(value=value, unit=unit, **(given_ | more))

    return make


@pytest.fixture
def figures(figure):
    """What the model was given: money, and what a fan brought."""
    fan = About(kind="fan", id=new_id(), name=None)
    return {
        "f1": figure("net_revenue", 1_234_567, Unit.CENTS),
        "f2": figure("fan_value", -50, Unit.CENTS, id="f2", about=fan),
    }


def saying(text, kind="answered"):
    return Saying(kind=kind, text=text)


@pytest.mark.parametrize(
    "text",
    [
        "You earned {f1}.",
        "Vous avez gagné {f1} {f1:when}, après {f2}.",
        "{f2:who} brought {f2}, of {f1} in all.",
        "A tenant of often-used canines: {f1}.",
    ],
)
def test_figures_alone_are_fine(figures, text):
    assert problem_of(saying(text), figures) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("You earned 12,345.67 USD.", "digits"),
        ("You earned {f1}, about 12 thousand.", "digits"),
        ("You earned {f1} in 2026.", "digits"),
        ("You earned ١٢ and {f1}.", "digits"),
        ("You earned twelve and {f1}.", "in words"),
        ("You have One fan, and {f1}.", "in words"),
        ("Twenty-five of them, {f1}.", "in words"),
        ("Vous avez gagné deux cents, {f1}.", "in words"),
        ("Quatre-vingts, {f1}.", "in words"),
        ("It doubled: {f1}.", "in words"),
        ("It grew by {f1} %.", "unit"),
        ("You earned €{f1}.", "unit"),
        ("You earned {f1} dollars.", "unit"),
        ("Vous avez gagné {f1} euros.", "unit"),
        ("It grew tenfold to {f1}.", "in words"),
        ("It grew fivefold to {f1}.", "in words"),
        ("Ze\u0301ro, or {f1}.", "in words"),
        ("You earned {f3}.", "no figure f3"),
        ("You earned {f1:who}.", "nobody in particular"),
        ("You earned {f1:all}.", "in braces"),
        ("You earned {f1", "in braces"),
        ("All is well.", "at least"),
        ("It was {f1:when}.", "at least"),
    ],
)
def test_what_no_figure_carries_is_caught(figures, text, said):
    assert said in problem_of(saying(text), figures)


def test_that_there_is_no_data_needs_no_figure_and_holds_no_number(figures):
    assert problem_of(saying("Nothing says so.", "no_data"), figures) is None
    assert "digits" in problem_of(saying("Maybe 7.", "no_data"), {})


@given(parts=st.lists(st.sampled_from(WORDS + PLACES + NUMBERS), min_size=1, max_size=12))
def test_every_number_of_a_shown_answer_is_of_a_cited_figure(parts):
    fan = About(kind="fan", id=new_id(), name=None)
    month = {"since": date(2026, 2, 1), "until": date(2026, 2, 28)}
    made = {"tool": Tool.TOP_FANS, "period": "2026-02", "most": 5, "unit": Unit.CENTS, **month}
    made |= {"currency": "USD", "name": "n", "label": "n"}
    figures = {
        "f1": Figure(id="f1", value=123_456, about=None, **made),
        "f2": Figure(id="f2", value=9_900, about=fan, **made),
    }
    text = " ".join(parts)
    shown = problem_of(saying(text), figures) is None
    assert not (shown and {*NUMBERS, "{f9}", "{f1:who}", "{f1", "f1}"} & set(parts))
    if shown:
        cited = cited_in(text, figures)
        told = wording.filled(text, cited, {fan.id: "Anna 99"}, Language.EN)
        known = {"1", "2", "1,234.56", "99.00", "28", "2026", "99"}
        assert set(re.findall(r"\d[\d,.]*\d|\d", told)) <= known
        assert "{" not in told


@given(
    before=st.text("abc {}\n", max_size=9),
    sign=st.characters(categories=["Nd", "Nl", "No", "Sc"]),
    after=st.text("abc {}\n", max_size=9),
)
def test_no_sign_that_counts_gets_through(before, sign, after):
    assert problem_of(saying(f"{before}{sign}{after}", "no_data"), {}) is not None


@pytest.mark.parametrize(
    ("value", "unit", "english", "french"),
    [
        (123_456, Unit.CENTS, "1,234.56 USD", f"1{NARROW}234,56 USD"),
        (-5, Unit.CENTS, "-0.05 USD", "-0,05 USD"),
        (1_250, Unit.BASIS_POINTS, "12.5%", f"12,5{NO_BREAK}%"),
        (1_500_000, Unit.NANODOLLARS, "0.0015 USD", "0,0015 USD"),
        (1_000_000, Unit.COUNT, "1,000,000", f"1{NARROW}000{NARROW}000"),
        (26, Unit.HOURS, "26 h", "26 h"),
        (None, Unit.CENTS, "unknown", "inconnu"),
        (0, Unit.CENTS, "0.00 USD", "0,00 USD"),
    ],
)
def test_values_are_written_as_people_write_them(figure, value, unit, english, french):
    one = figure("n", value, unit)
    assert wording.value_of(one, Language.EN) == english
    assert wording.value_of(one, Language.FR) == french


def test_days_are_written_as_people_write_them(figure):
    def days(language, **span):
        return wording.filled("{f1:when}", [figure("n", 1, **span)], {}, language)

    assert days(Language.EN) == "from 1 February 2026 to 28 February 2026"
    assert days(Language.FR) == "du 1 février 2026 au 28 février 2026"
    one = {"since": date(2026, 8, 3), "until": date(2026, 8, 3)}
    assert days(Language.FR, **one) == "le 3 août 2026"
    assert days(Language.EN, since=None) == "until 28 February 2026"
    assert days(Language.EN, since=None, until=None) == "now"


def test_a_fan_who_is_not_known_any_more_has_no_name(figures):
    told = wording.filled("{f2:who}: {f2}", [figures["f2"]], {}, Language.FR)
    assert told == "un fan qui n'est plus connu: -0,50 USD [f2]"


def test_a_step_is_calls_or_an_answer():
    call = {"tool": "fans", "period": "now", "most": 5}
    answer = {"kind": "no_data", "text": "No."}
    assert AssistantStep.model_validate({"calls": [call], "answer": None})
    assert AssistantStep.model_validate({"calls": [], "answer": answer})
    for calls, said in (([], None), ([call], answer), ([call] * 7, None)):
        with pytest.raises(ValueError, match="calls"):
            AssistantStep.model_validate({"calls": calls, "answer": said})


def test_the_schema_has_no_word_that_providers_refuse():
    schema = response_format(AssistantStep)
    assert "Length" not in schema
    # Nothing that a model may call does anything but look.
    assert set(Tool) == {
        *("fans", "fan_changes", "top_fans", "revenue", "revenue_by_type", "revenue_by_creator"),
        *("campaigns", "sends", "inbox", "ai_costs"),
    }
