"""Texts of mails: both languages, both forms, nothing fetched, nothing injected."""

import json
import re
import struct
from html.parser import HTMLParser
from string import Template as Text

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.notifications import rendering
from functions.notifications.rendering import LANGUAGES, logo, render
from huntaze.domain.mails import NOTICES, Template

FACTS = {
    "name": "Ada",
    "inviter": "Grace",
    "workspace": "Studio",
    "about": "Spring & Co",
    "count": "2",
    "items": '[["creator_stopped", "Lou $ Co"], ["payment_failed", null], ["more", "7"]]',
    "day": "2026-11-28",
    "email": "ada@example.com",
    "url": "https://app.example.com/magic-link#token=abc-DEF_123",
}


class Page(HTMLParser):
    """What an HTML text consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        """Note text."""
        self.text += data


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", Template)
def test_plain_text_and_html_say_the_same(template, language):
    subject, text, html = render(template, language, FACTS)
    assert "$" not in (subject + text + html).replace("Lou $ Co", "")
    page = Page(html)
    for line in text.split("\n\n"):
        for part in line.splitlines():
            if part not in ("-- ", FACTS["url"]) and not part.endswith(":"):
                assert part in page.text
    links = [attrs["href"] for tag, attrs in page.tags if tag == "a"]
    assert links == [FACTS["url"]]
    assert FACTS["url"] in text
    assert ("html", {"lang": language}) in page.tags
    assert subject in page.text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("template", Template)
def test_nothing_is_fetched_to_show_a_mail(template, language):
    html = render(template, language, FACTS)[2]
    for tag, attrs in Page(html).tags:
        assert tag not in ("script", "iframe", "object", "embed", "form", "link", "base", "video")
        for name in ("src", "srcset", "background", "data", "action", "poster"):
            assert (attrs.get(name) or "cid:").startswith("cid:"), tag
        assert "url(" not in (attrs.get("style") or "")
    assert "@import" not in html


def test_both_languages_have_the_same_mails():
    english, french = (rendering._texts(language) for language in LANGUAGES)
    assert english.keys() == french.keys() == {*Template, "footer", "notice_footer"}
    for template in Template:
        for name in ("subject", "button"):
            assert english[template][name] != french[template][name]
        one, other = (
            {found for line in texts[template]["lines"] for found in Text(line).get_identifiers()}
            for texts in (english, french)
        )
        assert one == other
    items = [texts[Template.DIGEST]["items"] for texts in (english, french)]
    # Whatever a member may be told of can stand in a digest.
    assert items[0].keys() == items[1].keys() == (NOTICES - {Template.DIGEST}) | {"more"}


@given(st.lists(st.text(max_size=60), max_size=9))
def test_what_a_digest_names_stays_a_name(names):
    items = json.dumps([["campaign_failed", name] for name in names])
    _, text, html = render(Template.DIGEST, "en", {**FACTS, "items": items})
    assert text.count("\n• ") == len(names)
    assert [tag for tag, _ in Page(html).tags].count("a") == 1
    for name in names:
        assert f"“{' '.join(name.split())}”" in text


def test_an_unknown_language_is_english():
    assert render(Template.WELCOME, "de", FACTS) == render(Template.WELCOME, "en", FACTS)


@given(st.text(max_size=120))
def test_a_name_becomes_neither_a_header_nor_a_tag_nor_a_line(name):
    subject, text, html = render(Template.VERIFY_EMAIL, "en", {**FACTS, "name": name})
    plain = render(Template.VERIFY_EMAIL, "en", FACTS)
    assert "\n" not in subject
    assert "\r" not in subject
    assert [tag for tag, _ in Page(html).tags] == [tag for tag, _ in Page(plain[2]).tags]
    assert text.count("\n\n") == plain[1].count("\n\n")


@pytest.mark.parametrize("name", ["<img src=https://evil.example/x>", "$url", "${url}", "a&amp;b"])
def test_a_name_is_shown_as_it_was_written(name):
    _, text, html = render(Template.WELCOME, "en", {**FACTS, "name": name})
    assert f"Hello {name}," in text
    assert f"Hello {name}," in Page(html).text


def test_the_logo_is_a_small_picture():
    picture = logo()
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert struct.unpack(">II", picture[16:24]) == (96, 96)
    assert len(picture) < 2000


def test_links_stand_behind_the_hash():
    assert re.search(r"#token=", render(Template.MAGIC_LINK, "fr", FACTS)[1])
