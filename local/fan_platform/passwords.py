"""Passwords and second factors of the platform's own accounts."""

import base64
import hashlib
import hmac
import secrets
import struct

# Small on purpose: these accounts are invented, and tests log in often.
SCRYPT_COST = 2**10
TOTP_STEP_SECONDS = 30


def hash_password(password: str) -> str:
    """Return a salted hash of ``password``."""
    salt = secrets.token_bytes(16)
    return f"{salt.hex()}:{_derive(password, salt).hex()}"


def password_matches(password: str, stored: str) -> bool:
    """Return whether ``password`` is the one that ``stored`` was made from."""
    salt, _, digest = stored.partition(":")
    return hmac.compare_digest(_derive(password, bytes.fromhex(salt)).hex(), digest)


def totp(secret: str, at: float) -> str:
    """Return the six digits of RFC 6238 for the base32 ``secret`` at the time ``at``."""
    padded = secret.upper().replace(" ", "")
    key = base64.b32decode(padded + "=" * (-len(padded) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(at) // TOTP_STEP_SECONDS), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"


def code_matches(code: str, *, otp_code: str | None, otp_secret: str | None, at: float) -> bool:
    """Return whether ``code`` is the fixed code or a current one of the secret."""
    code = code.strip().replace(" ", "")
    allowed = [otp_code] if otp_code else []
    if otp_secret:
        # A code typed at the end of its half minute arrives in the next.
        allowed += [totp(otp_secret, at), totp(otp_secret, at - TOTP_STEP_SECONDS)]
    return any(hmac.compare_digest(code.encode(), one.encode()) for one in allowed)


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=SCRYPT_COST, r=8, p=1)
