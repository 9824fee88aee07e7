"""Whether Stripe sent a body: forged, stale, future-dated and re-written ones are refused."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stripe import WebhookSignature

from functions.billing.webhook.secrets import SigningSecrets
from functions.billing.webhook.signature import NotFromStripeError, verify

NOW = 1_790_000_000
SECRET = "whsec_present"
BODY = b'{\n  "id": "evt_1",\n  "amount": 1.0, "name": "Zo\xc3\xab"\n}'


@pytest.fixture
def signed():
    """A header of Stripe's own making."""

    def make(body=BODY, secret=SECRET, at=NOW):
        return WebhookSignature.generate_signature_header(body.decode(), secret, at)

    return make


def test_takes_what_stripe_signs(signed):
    verify(BODY, signed(), [SECRET], now=NOW)


@pytest.mark.parametrize("away", [-301, 301, -86_400, 86_400, 10**9])
def test_refuses_what_is_stale_or_comes_from_the_future(signed, away):
    with pytest.raises(NotFromStripeError, match="last 300 seconds"):
        verify(BODY, signed(at=NOW + away), [SECRET], now=NOW)


@pytest.mark.parametrize("away", [-300, -1, 0, 1, 300])
def test_takes_what_is_five_minutes_away_at_most(signed, away):
    verify(BODY, signed(at=NOW + away), [SECRET], now=NOW)


def test_refuses_a_body_that_was_read_and_written_again(signed):
    again = json.dumps(json.loads(BODY)).encode()
    assert json.loads(again) == json.loads(BODY)
    for body in (again, BODY + b"\n", BODY.strip(b"}") + b" }", BODY.replace(b"\n", b"\r\n")):
        with pytest.raises(NotFromStripeError):
            verify(body, signed(), [SECRET], now=NOW)


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_refuses_a_body_with_any_byte_changed(at, change):
    header = WebhookSignature.generate_signature_header(BODY.decode(), SECRET, NOW)
    body = bytearray(BODY)
    body[at] ^= change
    with pytest.raises(NotFromStripeError):
        verify(bytes(body), header, [SECRET], now=NOW)


@given(st.one_of(st.none(), st.text(max_size=300), st.text("tv01=,;. 9", max_size=60)))
def test_refuses_every_header_that_is_not_stripes(header):
    with pytest.raises(NotFromStripeError):
        verify(BODY, header, [SECRET], now=NOW)


def test_refuses_headers_that_are_almost_right(signed):
    moment, signature = signed().split(",")
    tampered = (
        signature,
        moment,
        f"t={NOW + 1},{signature}",
        f"{moment},{moment},{signature}",
        f"{moment},{signature.replace('v1', 'v0')}",
        f"{moment},{signature[:-1]}",
        f"{moment},{signature.upper()}",
        f"t={NOW}.0,{signature}",
        f"t=-{NOW},{signature}",
        f"t=+{NOW},{signature}",
        f"t=٣٣٣,{signature}",
        f"{moment}," + ",".join([signature] * 17),
        f"{moment},{signature}," + "x" * 5000,
    )
    for header in tampered:
        with pytest.raises(NotFromStripeError):
            verify(BODY, header, [SECRET], now=NOW)


def test_takes_one_good_signature_among_several(signed):
    moment, signature = signed().split(",")
    verify(BODY, f"{moment},v1={'0' * 64},{signature},v0=x", [SECRET], now=NOW)


def test_takes_either_secret_while_one_takes_the_place_of_another(signed):
    for secret in ("whsec_present", "whsec_before"):
        verify(BODY, signed(secret=secret), ["whsec_present", "whsec_before"], now=NOW)
    with pytest.raises(NotFromStripeError):
        verify(BODY, signed(secret="whsec_older"), ["whsec_present", "whsec_before"], now=NOW)


def test_an_empty_secret_signs_nothing():
    own = hmac.new(b"", f"{NOW}.".encode() + BODY, hashlib.sha256).hexdigest()
    for secrets in ([""], ["", ""], []):
        with pytest.raises(NotFromStripeError):
            verify(BODY, f"t={NOW},v1={own}", secrets, now=NOW)


def test_a_secret_that_was_replaced_is_found_but_forgers_cause_no_reading(signed):
    kept = {"current": SECRET, "previous": ""}
    readings, clock = [], [0.0]

    def read():
        readings.append(dict(kept))
        return dict(kept)

    secrets = SigningSecrets(read, clock=lambda: clock[0])
    secrets.verify(BODY, signed(), now=NOW)
    for _ in range(50):
        with pytest.raises(NotFromStripeError):
            secrets.verify(BODY, signed(secret="forged"), now=NOW)
    assert len(readings) == 1
    kept.update(current="whsec_next", previous=SECRET)
    clock[0] = 61.0
    secrets.verify(BODY, signed(secret="whsec_next"), now=NOW)
    secrets.verify(BODY, signed(), now=NOW)
    assert len(readings) == 2
