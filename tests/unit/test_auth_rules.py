"""Rules of passwords, addresses, waiting and renewal, without a database."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from hypothesis import given
from hypothesis import strategies as st

from functions.auth import common, cookies, passwords, throttle
from functions.auth.addresses import client_network
from functions.auth.models import StoredToken
from functions.auth.service import REPLAY_GRACE, Verdict, judge
from functions.auth.settings import AuthSettings
from functions.auth.throttle import Failures
from huntaze.domain.addresses import normalise_email
from huntaze.ids import new_id
from local.common_passwords import build

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
PROXY = (ip_network("203.0.113.0/24"),)

delays = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2))


# Waiting


@given(failed=st.integers(0, 10_000), ago=delays)
@pytest.mark.parametrize("rule", [throttle.ACCOUNT, throttle.ADDRESS])
def test_nobody_waits_longer_than_the_longest_delay(rule, failed, ago):
    delay = throttle.wait(rule, Failures(failed, NOW - ago), NOW)
    assert timedelta(0) <= delay <= rule.longest


@given(failed=st.integers(0, 10_000), ago=delays)
@pytest.mark.parametrize("rule", [throttle.ACCOUNT, throttle.ADDRESS])
def test_who_waits_as_told_may_try_again(rule, failed, ago):
    failures = Failures(failed, NOW - ago)
    delay = throttle.wait(rule, failures, NOW)
    assert throttle.wait(rule, failures, NOW + delay) == timedelta(0)


@given(failed=st.integers(0, 9_999))
def test_another_failure_never_shortens_the_wait(failed):
    def wait(count: int) -> timedelta:
        return throttle.wait(throttle.ACCOUNT, Failures(count, NOW), NOW)

    assert wait(failed) <= wait(failed + 1)


@given(failed=st.integers(0, throttle.ACCOUNT.free - 1))
def test_a_few_mistakes_are_free(failed):
    assert throttle.wait(throttle.ACCOUNT, Failures(failed, NOW), NOW) == timedelta(0)


# Renewal


@pytest.fixture
def token():
    return StoredToken(
        new_id(), new_id(), NOW, alive=True, used_at=None, successor_used=False, successor_salt=None
    )


@given(age=st.timedeltas(timedelta(0), timedelta(days=30)), successor_used=st.booleans())
def test_a_used_token_renews_nothing_but_a_lost_reply(age, successor_used):
    used = StoredToken(new_id(), new_id(), NOW, True, NOW - age, successor_used, b"salt")
    expected = Verdict.REPEAT if age <= REPLAY_GRACE and not successor_used else Verdict.REVOKE
    assert judge(used, NOW) is expected


@given(used_at=st.none() | st.just(NOW), successor_used=st.booleans())
def test_a_dead_token_is_refused_and_revokes_nothing(used_at, successor_used):
    dead = StoredToken(new_id(), new_id(), NOW, False, used_at, successor_used, b"salt")
    assert judge(dead, NOW) is Verdict.REFUSE


def test_an_unused_token_renews(token):
    assert judge(token, NOW) is Verdict.RENEW


# Passwords


def test_hashes_with_the_costs_that_owasp_names():
    costs = extract_parameters(passwords.make_hash("correct horse battery"))
    assert (costs.type.name, costs.memory_cost, costs.time_cost) == ("ID", 19 * 1024, 2)
    assert costs.parallelism == 1


def test_an_unknown_address_costs_a_real_verification(monkeypatch):
    verified = []

    class Watched:
        def verify(self, stored: str, _password: str) -> bool:
            """Note the call."""
            verified.append(extract_parameters(stored))
            raise VerifyMismatchError

    real = extract_parameters(passwords.make_hash("correct horse battery"))
    monkeypatch.setattr(passwords, "_HASHER", Watched())
    assert not passwords.matches("anything", None)
    assert verified == [real]


def test_nobodys_hash_is_one_that_can_be_verified():
    with pytest.raises(VerifyMismatchError):
        passwords._HASHER.verify(passwords._NOBODYS_HASH, "anything")
    assert not passwords.matches("", None)


@given(st.text(max_size=40))
def test_any_text_of_the_right_length_is_a_password(text):
    length = len(passwords.normalise(text))
    if 12 <= length <= 128 and not common.is_common(passwords.normalise(text)):
        assert passwords.accept(passwords.accept(text)) == passwords.accept(text)
    else:
        with pytest.raises(ValueError, match=r"12 to 128|thieves"):
            passwords.accept(text)


@pytest.mark.parametrize(
    "password",
    ["password1234", "PASSWORD1234", "qwertyuiop123", "123456789012", "iloveyou1234"],
)
def test_refuses_what_thieves_try_first_in_any_case(password):
    with pytest.raises(ValueError, match="thieves"):
        passwords.accept(password)


def test_takes_hardly_any_other_password_for_a_common_one():
    others = [f"{number} honest and unusual words" for number in range(20_000)]
    assert sum(map(common.is_common, others)) < 100


def test_a_filter_finds_all_that_it_was_made_of(monkeypatch):
    chosen = [f"chosen by many {number}" for number in range(500)]
    built = build([*chosen, "short"])
    monkeypatch.setattr(common, "_bits", lambda: built)
    assert all(map(common.is_common, chosen))
    assert not common.is_common("short")


# Addresses


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (" Ada@Example.COM ", "ada@example.com"),
        ("a.b+c@sub.example.co", "a.b+c@sub.example.co"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
    ],
)
def test_brings_an_address_into_one_form(text, expected):
    assert normalise_email(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "@", "ada", "ada@", "@example.com", "ada@example", "ada@@example.com"),
        *("a da@example.com", ".ada@example.com", "ada.@example.com", "a..b@example.com"),
        *("ada@-example.com", "ada@example-.com", "ada@example..com", "ada@1.2.3.4"),
        *(
            "ada@example.com\nBcc: x@y.zz",
            "ada@exa mple.com",
            '"ada"@example.com',
            "ädä@example.com",
        ),
        *("x" * 65 + "@example.com", "x@" + "y." * 130 + "com", "ada@" + "x" * 64 + ".com"),
    ],
)
def test_refuses_what_is_no_address(text):
    with pytest.raises(ValueError, match="not an e-mail address"):
        normalise_email(text)


@given(st.emails() | st.text(max_size=80))
def test_a_normal_address_is_its_own_form_and_fits_the_table(text):
    try:
        normal = normalise_email(text)
    except ValueError:
        return
    assert normalise_email(normal) == normal
    assert normal == normal.lower()
    assert len(normal) <= 254


@pytest.mark.parametrize(
    ("source", "forwarded_for", "expected"),
    [
        ("198.51.100.7", "", "198.51.100.7/32"),
        # A stranger may write anything there.
        ("198.51.100.7", "10.0.0.1, 198.51.100.7", "198.51.100.7/32"),
        # Our front end speaks for the one before it; what stands further left is hearsay.
        ("203.0.113.5", "192.0.2.9, 203.0.113.5", "192.0.2.9/32"),
        ("203.0.113.5", "1.1.1.1, 192.0.2.9, 203.0.113.5, 10.0.0.7", "192.0.2.9/32"),
        ("203.0.113.5", "192.0.2.9, 203.0.113.6, 203.0.113.5", "192.0.2.9/32"),
        # The front end told nothing: it is the caller then.
        ("203.0.113.5", "", "203.0.113.5/32"),
        ("2001:db8:1:2:3:4:5:6", "", "2001:db8:1:2::/64"),
        ("nonsense", "", None),
    ],
)
def test_finds_who_calls(source, forwarded_for, expected):
    found = client_network(source, forwarded_for, PROXY)
    assert (str(found) if found else None) == expected


def test_reads_its_settings_from_text():
    settings = AuthSettings.model_validate(
        {"allowed_origins": "https://a.example, https://b.example", "trusted_proxies": "10.0.0.0/8"}
    )
    assert settings.allowed_origins == {"https://a.example", "https://b.example"}
    assert settings.trusted_proxies == (ip_network("10.0.0.0/8"),)
    assert AuthSettings.model_validate({"allowed_origins": ""}).allowed_origins == frozenset()


@pytest.mark.parametrize(
    ("header", "found"),
    [("r=abc", "abc"), ('x="; r="abc"', "abc"), ("xr=abc", None), ("r=", None), ("", None)],
)
def test_finds_a_cookie_among_others(header, found):
    assert cookies.find(header, "r") == found
