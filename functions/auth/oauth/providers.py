"""What Google and GitHub are asked: at fixed addresses, and believed as far as they sign or say."""

import json
import logging
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

import jwt
import urllib3

from functions.auth.oauth.models import Identity, Provider, Secrets
from functions.auth.oauth.service import OAuthDeniedError, challenge_of
from functions.auth.oauth.settings import ProviderSettings
from huntaze.domain.addresses import normalise_email

_TIMEOUT = urllib3.Timeout(connect=3, read=7)
# Nobody has that much to say about a person.
_LONGEST_ANSWER = 200_000
_KEYS_KEPT_SECONDS = 3600
_KEYS_AGAIN_SECONDS = 60
_CLOCKS_APART_SECONDS = 30

log = logging.getLogger(__name__)


class OAuthUnreachableError(OAuthDeniedError):
    """The provider does not answer, or not in a way that anyone could understand."""


class Connector(Protocol):
    """One provider."""

    def departure(self, secrets: Secrets, redirect_uri: str) -> str:
        """Where to send a browser."""
        ...

    def identify(self, code: str, secrets: Secrets, redirect_uri: str) -> Identity:
        """Ask whom the provider has seen.

        Raises:
            OAuthDeniedError: Nobody, or not for this browser.
        """
        ...


class _OAuth:
    """What both have in common: the departure, and the code for a token.

    Args:
        settings: Where the provider is.
        secret: Proves to it who we are.
    """

    provider: Provider
    scope: str

    def __init__(self, settings: ProviderSettings, secret: str) -> None:
        self._settings = settings
        self._secret = secret

    def departure(self, secrets: Secrets, redirect_uri: str) -> str:
        """Where to send a browser."""
        query = {
            "response_type": "code",
            "client_id": self._settings.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.scope,
            "state": secrets.state,
            "code_challenge": challenge_of(secrets.verifier),
            "code_challenge_method": "S256",
            **self._more(secrets),
        }
        return f"{self._settings.authorize_url}?{urlencode(query)}"

    def _more(self, _secrets: Secrets, /) -> dict[str, str]:
        return {}

    def _token(self, code: str, secrets: Secrets, redirect_uri: str) -> dict[str, Any]:
        answer = _ask(
            "POST",
            self._settings.token_url,
            {"Content-Type": "application/x-www-form-urlencoded"},
            body=urlencode(
                {
                    "grant_type": "authorization_code",
                    "code": code,
                    "redirect_uri": redirect_uri,
                    "client_id": self._settings.client_id,
                    "client_secret": self._secret,
                    "code_verifier": secrets.verifier,
                }
            ),
        )
        if not isinstance(answer, dict) or "error" in answer:
            raise OAuthDeniedError("The provider did not take the code; begin again.")
        return answer


class Google(_OAuth):
    """OpenID Connect: the provider signs whom it has seen, for this departure."""

    provider = Provider.GOOGLE
    scope = "openid email profile"

    def _more(self, secrets: Secrets, /) -> dict[str, str]:
        return {"nonce": secrets.nonce, "prompt": "select_account"}

    def identify(self, code: str, secrets: Secrets, redirect_uri: str) -> Identity:
        """Ask whom the provider has seen.

        Raises:
            OAuthDeniedError: Nobody, or not for this browser.
        """
        token = str(self._token(code, secrets, redirect_uri).get("id_token", ""))
        claims = self._verified(token)
        if claims.get("nonce") != secrets.nonce:
            raise OAuthDeniedError("The provider answers another login; begin again.")
        # Both spellings are in its documentation's history; anything else is no promise.
        is_verified = claims.get("email_verified") in (True, "true")
        return Identity(
            self.provider,
            str(claims["sub"]),
            _address(claims.get("email")) if is_verified else None,
            str(claims.get("name") or ""),
        )

    def _verified(self, token: str) -> dict[str, Any]:
        settings = self._settings
        try:
            key = _signing_keys(str(settings.jwks_url)).find(
                str(jwt.get_unverified_header(token).get("kid"))
            )
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["RS256"],
                audience=settings.client_id,
                issuer=settings.issuer,
                leeway=_CLOCKS_APART_SECONDS,
                options={"require": ["iss", "aud", "sub", "exp", "iat"]},
            )
        except (jwt.PyJWTError, KeyError, ValueError) as error:
            raise OAuthDeniedError("The provider's answer is not its own; begin again.") from error
        if claims["aud"] != settings.client_id or claims.get("azp", claims["aud"]) != claims["aud"]:
            raise OAuthDeniedError("The provider's answer is for somebody else; begin again.")
        return claims


class GitHub(_OAuth):
    """OAuth 2: a token with which the provider is asked who it is of."""

    provider = Provider.GITHUB
    scope = "read:user user:email"

    def identify(self, code: str, secrets: Secrets, redirect_uri: str) -> Identity:
        """Ask whom the provider has seen.

        Raises:
            OAuthDeniedError: Nobody, or not for this browser.
        """
        token = str(self._token(code, secrets, redirect_uri).get("access_token", ""))
        headers = {"Authorization": f"Bearer {token}", "X-GitHub-Api-Version": "2022-11-28"}
        user = _ask("GET", f"{self._settings.api_url}/user", headers)
        emails = _ask("GET", f"{self._settings.api_url}/user/emails", headers)
        # The number; a login name can be given up and taken by somebody else.
        if not isinstance(user, dict) or not isinstance(user.get("id"), int):
            raise OAuthDeniedError("The provider does not say who this is; begin again.")
        name = str(user.get("name") or user.get("login") or "")
        return Identity(self.provider, str(user["id"]), _primary(emails), name)


CONNECTORS: dict[Provider, Callable[[ProviderSettings, str], Connector]] = {
    Provider.GOOGLE: Google,
    Provider.GITHUB: GitHub,
}


class SigningKeys:
    """A provider's public keys, asked for again when they are old or one is unknown.

    Args:
        url: Where they are.
        clock: Monotonic seconds.
    """

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._url = url
        self._clock = clock
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at = float("-inf")

    def find(self, kid: str) -> jwt.PyJWK:
        """Find a key.

        Raises:
            KeyError: The provider has none of this id.
        """
        age = self._clock() - self._read_at
        if age >= _KEYS_KEPT_SECONDS or (kid not in self._keys and age >= _KEYS_AGAIN_SECONDS):
            found = _ask("GET", self._url, {})
            self._keys = {
                str(key["kid"]): jwt.PyJWK.from_dict(key)
                for key in found["keys"]
                if key.get("kty") == "RSA"
            }
            self._read_at = self._clock()
        return self._keys[kid]


@cache
def _signing_keys(url: str) -> SigningKeys:
    return SigningKeys(url)


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(timeout=_TIMEOUT, retries=False)


def _ask(method: str, url: str, headers: Mapping[str, str], body: str | None = None) -> Any:  # noqa: ANN401
    """Ask a provider; its answer is JSON, whatever its status.

    Raises:
        OAuthUnreachableError: There is no such answer.
    """
    try:
        answer = _pool().request(
            method,
            url,
            headers={"Accept": "application/json", "User-Agent": "Huntaze", **headers},
            body=body,
            # A provider that sends us elsewhere is none.
            redirect=False,
            preload_content=False,
        )
        try:
            text = answer.read(_LONGEST_ANSWER)
        finally:
            answer.release_conn()
        return json.loads(text)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        # The body may hold a token: it gets into no log.
        log.warning("a provider did not answer", extra={"host": urlsplit(url).hostname})
        raise OAuthUnreachableError("The provider does not answer; try again later.") from error


def _primary(emails: Any) -> str | None:  # noqa: ANN401 - what the provider says
    if not isinstance(emails, list):
        return None
    for email in emails:
        if isinstance(email, dict) and email.get("primary") is True:
            return _address(email.get("email")) if email.get("verified") is True else None
    return None


def _address(text: Any) -> str | None:  # noqa: ANN401 - what the provider says
    try:
        return normalise_email(str(text or ""))
    except ValueError:
        return None
