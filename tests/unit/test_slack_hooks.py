"""Which addresses are called: Slack's own and no other, whatever somebody writes."""

from unittest.mock import MagicMock

import pytest
import urllib3
from hypothesis import given
from hypothesis import strategies as st

from functions.assistant import slack
from functions.assistant.slack import NotPostedError, WebhookError, hook_of, post

ORIGIN = "https://hooks.slack.com"
PATH = "/services/T000/B000/abcDEF123"


def test_a_webhook_of_slack_is_taken():
    assert hook_of(f" {ORIGIN}{PATH}\n", ORIGIN) == PATH


@pytest.mark.parametrize(
    "url",
    [
        f"http://hooks.slack.com{PATH}",
        f"https://hooks.slack.com.evil.example{PATH}",
        f"https://evil.example{PATH}",
        f"https://hooks.slack.com@evil.example{PATH}",
        f"https://user:pass@hooks.slack.com{PATH}",
        f"https://hooks.slack.com:8443{PATH}",
        f"https://hooks.slack.com\\@evil.example{PATH}",
        f"https://HOOKS.slack.com{PATH}",
        f"https://169.254.169.254{PATH}",
        f"https://[::1]{PATH}",
        f"https://[hooks.slack.com{PATH}",
        f"https://hooks.slack.com\u2100{PATH}",
        f"//hooks.slack.com{PATH}",
        PATH,
        f"{ORIGIN}{PATH}?to=https://evil.example",
        f"{ORIGIN}{PATH}#x",
        f"{ORIGIN}/services/../../T/B/x",
        f"{ORIGIN}/services/T/B/x%2f..",
        f"{ORIGIN}/services/T/B/x/y",
        f"{ORIGIN}/services/T/B/x\r\nHost: evil.example",
        f"{ORIGIN}/api/chat.postMessage",
        f"https://hooks.slack.com\n.evil.example{PATH}",
        *("", "x", ORIGIN, "file:///etc/passwd", "gopher://hooks.slack.com/services/T/B/x"),
    ],
)
def test_anything_else_is_refused(url):
    with pytest.raises(WebhookError):
        hook_of(url, ORIGIN)


@given(st.text(max_size=80))
def test_no_text_leads_away_from_slack(text):
    for url in (text, f"{ORIGIN}{text}", f"https://{text}{PATH}", f"{ORIGIN}{PATH}{text}"):
        try:
            hook = hook_of(url, ORIGIN)
        except WebhookError:
            continue
        parsed = urllib3.util.parse_url(f"{ORIGIN}{hook}")
        assert (parsed.scheme, parsed.host, parsed.port) == ("https", "hooks.slack.com", None)
        assert (parsed.auth, parsed.query) == (None, None)


@pytest.fixture
def pool(monkeypatch):
    """What is asked of connections, and what the test lets them answer."""
    made = MagicMock()
    made.return_value.__enter__.return_value = made
    monkeypatch.setattr(slack.urllib3, "PoolManager", made)
    return made


def test_it_is_posted_once_and_no_redirect_is_followed(pool):
    pool.request.return_value.status = 200
    post(PATH, "Hello", ORIGIN)
    pool.request.assert_called_once_with(
        "POST", ORIGIN + PATH, json={"text": "Hello"}, redirect=False
    )
    assert pool.call_args.kwargs["retries"] is False


@pytest.mark.parametrize("status", [302, 307, 400, 403, 404, 410, 500])
def test_what_slack_does_not_take_is_known_not_to_be_posted(pool, status):
    pool.request.return_value.status = status
    with pytest.raises(NotPostedError):
        post(PATH, "Hello", ORIGIN)
    pool.request.assert_called_once()


def test_what_broke_off_on_the_way_is_not_called_refused(pool):
    pool.request.side_effect = urllib3.exceptions.ReadTimeoutError(None, "", "")
    with pytest.raises(urllib3.exceptions.ReadTimeoutError):
        post(PATH, "Hello", ORIGIN)
