"""The application: authorization with consent, tokens by code and PKCE, keys, and people.

Strict where the real ones are: a code is good once, for the client, the address and the challenge
that it was asked with.
"""

import base64
import hashlib
import hmac
import secrets
import time
from typing import Any
from urllib.parse import urlencode

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse
from starlette.responses import Response as Answer
from starlette.routing import Route

from local.identity_provider.people import Fault, Grant, Person, World, world
from local.identity_provider.slack import Slack

CLIENT_SECRET = "known to this machine alone"  # noqa: S105 - of no provider anywhere
_KID = "local-1"
_CONSENT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Log in</title>
<h1>Who are you at {provider}?</h1><p>{client} wants to know your name and address.</p>{people}
<p><a id="deny" href="{deny}">None of them</a></p></html>"""
_ONE = '<form method="post"><input type="hidden" name="subject" value="{0.subject}">'
_BUTTON = '<button id="person-{0.subject}">{0.name} ({0.email})</button></form>'


class Providers:
    """Both providers over one world.

    Args:
        url: Where they answer.
        known: The people.
    """

    def __init__(self, url: str, known: World) -> None:
        self.url = url
        self.world = known
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    async def authorize(self, request: Request) -> Answer:
        """Show the people to choose from, or take the choice."""
        query = request.query_params
        if query.get("response_type") != "code" or not query.get("client_id"):
            return PlainTextResponse("response_type must be code, client_id be given", 400)
        if query.get("code_challenge_method") != "S256" or not query.get("code_challenge"):
            return PlainTextResponse("a code challenge of S256 is needed", 400)
        if request.method == "GET" and "subject" not in query:
            return HTMLResponse(self._page(request))
        form = await request.form() if request.method == "POST" else query
        person = self.world.people.get(str(form.get("subject")))
        if person is None:
            return PlainTextResponse("nobody of this number", 400)
        code = secrets.token_urlsafe(24)
        self.world.codes[code] = Grant(
            person,
            query["client_id"],
            query["redirect_uri"],
            query["code_challenge"],
            query.get("nonce"),
        )
        return self._back(request, code=code)

    def _page(self, request: Request) -> str:
        people = "".join((_ONE + _BUTTON).format(one) for one in self.world.people.values())
        return _CONSENT.format(
            provider=request.path_params["provider"],
            client="Huntaze",
            people=people,
            deny=self._back(request, error="access_denied").headers["location"],
        )

    def _back(self, request: Request, **answer: str) -> RedirectResponse:
        query = request.query_params
        facts = {**answer, "state": query.get("state", "")}
        return RedirectResponse(f"{query['redirect_uri']}?{urlencode(facts)}", 302)

    async def token(self, request: Request) -> Answer:
        """Give a token for a code, once and to the right client only."""
        if (broken := self._broken()) is not None:
            return broken
        form = await request.form()
        grant = self.world.codes.pop(str(form.get("code")), None)
        if grant is None or not _fits(grant, form):
            return JSONResponse({"error": "invalid_grant"}, 400)
        token = secrets.token_urlsafe(24)
        self.world.tokens[token] = grant.person
        answer = {"access_token": token, "token_type": "Bearer"}
        if request.path_params["provider"] == "google":
            answer["id_token"] = self._id_token(grant)
        return JSONResponse(answer)

    def _broken(self) -> Answer | None:
        match self.world.fault:
            case Fault.SERVER_ERROR:
                return PlainTextResponse("down", 503)
            case Fault.NOT_JSON:
                return PlainTextResponse("<html>login</html>")
            case Fault.REDIRECT:
                return RedirectResponse("http://169.254.169.254/latest/meta-data/", 307)
            case _:
                return None

    def _id_token(self, grant: Grant) -> str:
        now, fault = int(time.time()), self.world.fault
        claims: dict[str, Any] = {
            "iss": "https://evil.example" if fault is Fault.WRONG_ISSUER else f"{self.url}/google",
            "aud": "somebody-else" if fault is Fault.WRONG_AUDIENCE else grant.client_id,
            "sub": grant.person.subject,
            "email": grant.person.email,
            "email_verified": grant.person.verified,
            "name": grant.person.name,
            "nonce": "another" if fault is Fault.WRONG_NONCE else grant.nonce,
            "iat": now - 7200,
            "exp": now - 3600 if fault is Fault.EXPIRED else now + 3600,
        }
        if fault is Fault.NO_SUBJECT:
            del claims["sub"]
        if fault is Fault.UNSIGNED:
            return jwt.encode(claims, "", algorithm="none", headers={"kid": _KID})
        if fault is Fault.HMAC:
            return jwt.encode(claims, CLIENT_SECRET * 2, algorithm="HS256", headers={"kid": _KID})
        key = self._key
        if fault is Fault.STRANGE_KEY:
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return jwt.encode(claims, key, algorithm="RS256", headers={"kid": _KID})

    async def keys(self, _request: Request) -> Answer:
        """The public key, as a JWK set."""
        jwk = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return JSONResponse({"keys": [{**jwk, "kid": _KID, "alg": "RS256", "use": "sig"}]})

    async def user(self, request: Request) -> Answer:
        """Tell who a token is of."""
        person = self._person(request)
        if person is None:
            return JSONResponse({"message": "Bad credentials"}, 401)
        named = {"login": person.name.split()[0].lower(), "name": person.name}
        if self.world.fault is Fault.NO_SUBJECT:
            return JSONResponse(named)
        return JSONResponse({"id": int(person.subject), **named})

    async def emails(self, request: Request) -> Answer:
        """Tell the addresses of who a token is of; the first is another one of theirs."""
        person = self._person(request)
        if person is None:
            return JSONResponse({"message": "Bad credentials"}, 401)
        other = {"email": f"second.{person.email}", "primary": False, "verified": True}
        first = {"email": person.email, "primary": True, "verified": person.verified}
        return JSONResponse([other, first])

    def _person(self, request: Request) -> Person | None:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return self.world.tokens.get(token)


def _fits(grant: Grant, form: Any) -> bool:  # noqa: ANN401 - a form of Starlette's
    digest = hashlib.sha256(str(form.get("code_verifier", "")).encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return (
        hmac.compare_digest(challenge, grant.challenge)
        and form.get("client_id") == grant.client_id
        and form.get("redirect_uri") == grant.redirect_uri
        and form.get("client_secret") == CLIENT_SECRET
    )


def create_app(url: str, known: World | None = None) -> Starlette:
    """Return both providers, for who reaches them at ``url``."""
    providers = Providers(url, known or world())
    return Starlette(
        routes=[
            Route("/", lambda _: PlainTextResponse("Stands in for Google, GitHub and Slack.")),
            *Slack().routes,
            Route("/{provider}/authorize", providers.authorize, methods=["GET", "POST"]),
            Route("/{provider}/token", providers.token, methods=["POST"]),
            Route("/google/keys", providers.keys),
            Route("/github/user", providers.user),
            Route("/github/user/emails", providers.emails),
        ]
    )
