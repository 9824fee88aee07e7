"""Access tokens and their keys: rotation, and every known way to forge one."""

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.token_keys.service import When, keep_fresh
from huntaze import tokens
from huntaze.errors import UnauthorizedError
from huntaze.ids import new_id
from huntaze.token_keys import (
    BELIEVED_FOR,
    SIGNS_FOR,
    PublicKeys,
    SigningKeys,
    first_keys,
    make_key,
    rotate,
)
from huntaze.tokens import ACCESS_TOKEN_LIFE, KeyRing
from tests.fakes.token_keys import KEYS, MADE_AT, Dice

USER, SESSION = new_id(), new_id()


@pytest.fixture
def ring() -> KeyRing:
    return KeyRing(lambda: KEYS.public(MADE_AT))


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token holds, with changes; None leaves a claim out."""
    now = int(time.time())
    held = {
        "sub": str(USER),
        "sid": str(SESSION),
        "iss": "huntaze",
        "aud": "huntaze-api",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        **changes,
    }
    return {name: value for name, value in held.items() if value is not None}


def signed(held: dict[str, Any], key: Any = None, algorithm: str = "ES256", **header: Any) -> str:
    """Sign claims, by default as we do."""
    signer = key if key is not None else jwt.PyJWK.from_dict(KEYS.current.model_dump())
    headers = {"kid": KEYS.current.kid, "typ": "at+jwt", **header}
    return jwt.encode(held, signer, algorithm=algorithm, headers=headers)


def handmade(header: dict[str, Any], held: dict[str, Any], signature: bytes | None = None) -> str:
    """A token that no library would make; signed with HMAC over the given key, or not at all."""
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, held)]
    text = b".".join(parts)
    mac = b"" if signature is None else hmac.new(signature, text, hashlib.sha256).digest()
    return (text + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()


def public_forms() -> list[bytes]:
    """Everything that a careless library could take for a secret: the public key in each form."""
    public = jwt.PyJWK.from_dict(KEYS.current.public.model_dump()).key
    spki = PublicFormat.SubjectPublicKeyInfo
    return [
        public.public_bytes(Encoding.PEM, spki),
        public.public_bytes(Encoding.DER, spki),
        public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
        KEYS.current.public.model_dump_json().encode(),
        KEYS.current.x.encode(),
        b"",
    ]


def test_reads_what_it_signed(ring):
    token = tokens.issue(KEYS.current, user_id=USER, session_id=SESSION, now=datetime.now(UTC))
    assert tokens.verify(ring, token.text) == (USER, SESSION)
    assert tokens.verify(ring, signed(claims())) == (USER, SESSION)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None])
def test_refuses_a_token_without_signature(ring, algorithm):
    header = {"alg": algorithm, "typ": "at+jwt", "kid": KEYS.current.kid}
    with pytest.raises(UnauthorizedError):
        tokens.verify(ring, handmade(header, claims()))


@pytest.mark.parametrize("secret", range(len(public_forms())))
@pytest.mark.parametrize("algorithm", ["HS256", "ES256"])
def test_refuses_the_public_key_as_a_secret(ring, secret, algorithm):
    header = {"alg": algorithm, "typ": "at+jwt", "kid": KEYS.current.kid}
    with pytest.raises(UnauthorizedError):
        tokens.verify(ring, handmade(header, claims(), public_forms()[secret]))


@pytest.mark.parametrize(
    ("curve", "algorithm"),
    [(ec.SECP256R1(), "ES256"), (ec.SECP384R1(), "ES384"), (ec.SECP256K1(), "ES256K")],
)
def test_refuses_other_keys_under_our_key_id(ring, curve, algorithm):
    stranger = ec.generate_private_key(curve)
    with pytest.raises(UnauthorizedError):
        tokens.verify(ring, signed(claims(), stranger, algorithm))


def test_refuses_a_key_that_the_token_brings_along(ring):
    own = make_key(Dice("stranger"))
    signer = jwt.PyJWK.from_dict(own.model_dump())
    for header in (
        {"jwk": own.public.model_dump()},
        {"jku": "https://evil.example/jwks.json"},
        {"x5u": "https://evil.example/x5u"},
        {"kid": own.kid},
        {"kid": own.kid, "jwk": own.public.model_dump()},
        {"kid": "../../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": 1},
    ):
        token = handmade_with(signer, header)
        with pytest.raises(UnauthorizedError):
            tokens.verify(ring, token)


def handmade_with(signer: jwt.PyJWK, header: dict[str, Any]) -> str:
    """Signed well with a stranger's key; its header says what it likes."""
    full = {"alg": "ES256", "typ": "at+jwt", "kid": KEYS.current.kid, **header}
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()) for p in (full, claims())]
    text = b".".join(part.rstrip(b"=") for part in parts)
    signature = signer.Algorithm.sign(text, signer.key)
    return (text + b"." + base64.urlsafe_b64encode(signature).rstrip(b"=")).decode()


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": time.time() - 1},
        {"exp": "never"},
        # Further away than a whole run of the tests, which begins with this list.
        {"nbf": time.time() + 86_400},
        {"iat": time.time() + 86_400},
        {"iss": "someone"},
        {"aud": "another-api"},
        {"aud": ["another-api"]},
        {"sid": "no uuid"},
        {"sub": "no uuid"},
        {"sub": 1},
        *({name: None} for name in ("sub", "sid", "iat", "nbf", "exp", "iss", "aud")),
    ],
)
def test_refuses_claims_that_are_not_right(ring, changes):
    with pytest.raises(UnauthorizedError):
        tokens.verify(ring, signed(claims(**changes)))


@pytest.mark.parametrize("header", [{"typ": "JWT"}, {"typ": "logout+jwt"}, {"crit": ["x"], "x": 1}])
def test_refuses_tokens_of_another_kind(ring, header):
    with pytest.raises(UnauthorizedError):
        tokens.verify(ring, signed(claims(), **header))


def test_refuses_a_changed_token(ring):
    head, body, signature = signed(claims()).split(".")
    other = signed(claims(sub=str(new_id()))).split(".")[1]
    for changed in (f"{head}.{other}.{signature}", f"{head}.{body}.", f"{head}.{body}.AAAA"):
        with pytest.raises(UnauthorizedError):
            tokens.verify(ring, changed)


@given(st.text() | st.from_regex(r"\A[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_-]{0,40}){0,4}\Z"))
def test_no_text_is_a_token(text):
    with pytest.raises(UnauthorizedError):
        tokens.verify(KeyRing(lambda: KEYS.public(MADE_AT)), text)


def test_the_told_end_of_a_token_is_the_one_it_holds():
    now = datetime(2026, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
    token = tokens.issue(KEYS.current, user_id=USER, session_id=SESSION, now=now)
    held = jwt.decode(token.text, options={"verify_signature": False})["exp"]
    assert held == token.expires_at.timestamp()
    assert token.expires_at - now <= ACCESS_TOKEN_LIFE


# Rotation


class InMemoryKeys:
    """The two secrets; what happened to them in order."""

    def __init__(self, keys: SigningKeys | None = None) -> None:
        self.signing = keys
        self.public = PublicKeys(keys=())
        self.written: list[str] = []

    def read(self) -> SigningKeys | None:
        """The private keys."""
        return self.signing

    def publish(self, keys: PublicKeys) -> None:
        """Replace the public keys."""
        self.public = keys
        self.written.append("public")

    def store(self, keys: SigningKeys) -> None:
        """Replace the private keys."""
        self.signing = keys
        self.written.append("signing")


def test_makes_the_first_keys_and_then_leaves_them_alone():
    store, dice = InMemoryKeys(), Dice()
    assert keep_fresh(store, now=MADE_AT, rng=dice)
    first = store.signing
    assert not keep_fresh(store, now=MADE_AT + SIGNS_FOR - timedelta(seconds=1), rng=dice)
    assert store.signing == first
    assert keep_fresh(store, now=MADE_AT + SIGNS_FOR, rng=dice)
    assert store.signing.current == first.next


def test_a_stolen_secret_is_worth_nothing_once_it_was_replaced():
    store = InMemoryKeys(KEYS)
    assert keep_fresh(store, now=MADE_AT, rng=Dice("fresh"), when=When.STOLEN)
    for old in (KEYS.current, KEYS.next):
        assert store.public.find(old.kid) is None


def test_a_private_key_never_gets_among_the_public_ones():
    rotated = rotate(KEYS, MADE_AT, Dice("next"))
    for keys in (KEYS, rotated):
        published = keys.public(MADE_AT).model_dump_json()
        assert '"d"' not in published
        for key in (keys.current, keys.next):
            assert key.d not in published


@settings(max_examples=50, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["due", "at_once"]), st.integers(1, 60 * 24 * 40)), max_size=8
    ),
    seed=st.text(max_size=4),
)
def test_a_token_is_believed_through_every_rotation_until_it_ends(steps, seed):
    store, dice, now = InMemoryKeys(), Dice(seed), MADE_AT
    keep_fresh(store, now=now, rng=dice)
    living: list[tuple[str, datetime]] = []
    for when, minutes in steps:
        living.append((store.signing.current.kid, now + ACCESS_TOKEN_LIFE))
        now += timedelta(minutes=minutes)
        before = store.public
        store.written.clear()
        if keep_fresh(store, now=now, rng=dice, when=When(when)):
            # Who checks learns of a key before anyone signs, and knew the new signer already.
            assert store.written == ["public", "signing"]
            assert before.find(store.signing.current.kid)
        for kid, end in living:
            assert end <= now or store.public.find(kid)
    assert len({key.kid for key in store.public.keys}) == len(store.public.keys)


def test_a_key_that_signs_no_more_is_forgotten_in_time():
    rotated = rotate(KEYS, MADE_AT, Dice("next"))
    assert rotated.public(MADE_AT + BELIEVED_FOR - timedelta(seconds=1)).find(KEYS.current.kid)
    assert rotated.public(MADE_AT + BELIEVED_FOR).find(KEYS.current.kid) is None
    again = rotate(rotated, MADE_AT + BELIEVED_FOR, Dice("more"))
    assert [old.key.kid for old in again.retired] == [rotated.current.kid]


def test_a_key_outlives_its_last_token_in_every_memory():
    assert ACCESS_TOKEN_LIFE + 2 * timedelta(seconds=tokens._KEPT_SECONDS) < BELIEVED_FOR


@given(st.binary(min_size=40, max_size=40))
def test_any_bytes_make_a_key(data):
    key = make_key(lambda _: data)
    pair = jwt.PyJWK.from_dict(key.model_dump())
    public = jwt.PyJWK.from_dict(key.public.model_dump())
    assert public.Algorithm.verify(b"x", public.key, pair.Algorithm.sign(b"x", pair.key))


def test_reads_keys_again_when_one_is_unknown_but_not_for_every_forgery():
    clock, reads, stored = [1000.0], [], [KEYS]

    def read() -> PublicKeys:
        reads.append(clock[0])
        return stored[0].public(MADE_AT)

    ring = KeyRing(read, clock=lambda: clock[0])
    fresh = first_keys(MADE_AT, Dice("fresh"))
    assert ring.find(KEYS.current.kid)
    stored[0] = fresh
    for _ in range(100):
        assert ring.find(fresh.current.kid) is None
    assert len(reads) == 1
    clock[0] += 60
    assert ring.find(fresh.current.kid)
    assert len(reads) == 2


def test_reads_keys_again_before_they_are_old_and_keeps_them_when_it_cannot():
    clock, broken, stored = [1000.0], [False], [KEYS]

    def read() -> PublicKeys:
        if broken[0]:
            raise ConnectionError
        return stored[0].public(MADE_AT)

    ring = KeyRing(read, clock=lambda: clock[0])
    assert ring.find(KEYS.current.kid)
    broken[0] = True
    clock[0] += 300
    assert ring.find(KEYS.current.kid)
    broken[0], stored[0] = False, first_keys(MADE_AT, Dice("fresh"))
    clock[0] += 300
    assert ring.find(KEYS.current.kid) is None
