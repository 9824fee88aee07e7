"""What the rules let pass and what they stop, in English and French, line by line."""

import json
from pathlib import Path

import pytest

from huntaze.domain import compliance

CASES = json.loads(Path(__file__).with_name("compliance_cases.json").read_text("utf-8"))
LANGUAGES = ("en", "fr")
OURS = ("onlyfans", "fan_platform")
PUBLIC = ("instagram", "reddit", "tiktok")
ENOUGH = 40


def cases(side: str, *languages: str) -> list[tuple[str, ...]]:
    """The lines of one side, each with its category where it has one."""
    found = [line for language in languages for line in CASES[language][side]]
    return [(line,) if isinstance(line, str) else tuple(line) for line in found]


def categories(text: str, platform: str) -> set[str]:
    return {
        reason.partition(":")[0] for reason in compliance.check(text, platform=platform).reasons
    }


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("side", ["pass", "block"])
def test_there_are_enough_of_each_language(language, side):
    assert len({line[0] for line in cases(side, language)}) >= ENOUGH


@pytest.mark.parametrize("platform", OURS)
@pytest.mark.parametrize("text", [line[0] for line in cases("pass", *LANGUAGES)])
def test_lets_pass(text, platform):
    assert categories(text, platform) == set()


@pytest.mark.parametrize("platform", OURS)
@pytest.mark.parametrize(("text", "category"), cases("block", *LANGUAGES))
def test_stops(text, category, platform):
    assert category in categories(text, platform)


@pytest.mark.parametrize("platform", PUBLIC)
@pytest.mark.parametrize("text", [line[0] for line in cases("pass", "public")])
def test_lets_pass_where_everybody_reads(text, platform):
    assert categories(text, platform) == set()


@pytest.mark.parametrize("platform", PUBLIC)
@pytest.mark.parametrize(("text", "category"), cases("block", "public"))
def test_stops_where_everybody_reads(text, category, platform):
    assert category in categories(text, platform)
    assert category not in categories(text, "onlyfans")


@pytest.mark.parametrize("platform", PUBLIC)
def test_nothing_is_allowed_in_public_that_is_forbidden_everywhere(platform):
    everywhere = {"minors", "age_terms", "coercion", "animals", "claims_of_being_human"}
    for text, category in cases("block", *LANGUAGES):
        if category in everywhere:
            assert category in categories(text, platform), text
