"""Logging in through Google and GitHub, against providers that are strict, and attacks on it."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import uvicorn

from functions.auth import service as accounts_service
from functions.auth.oauth import handler as oauth
from functions.auth.oauth import providers, service
from functions.auth.oauth.models import Identity, Provider, Start
from functions.auth.oauth.repository import PostgresOAuth
from functions.authorizer import handler as authorizer
from huntaze import clients
from huntaze.db import SingleConnection
from huntaze.ids import new_id
from huntaze.settings import load
from local.identity_provider.app import CLIENT_SECRET, create_app
from local.identity_provider.people import Fault, Person, World
from local.oauth import provider_settings
from local.processes import free_port
from tests.fakes.auth_door import ORIGIN, Answer, Clock

API = "https://app.example.com"
BOTH = list(Provider)


@pytest.fixture(scope="module")
def idp() -> Iterator[tuple[str, World]]:
    """Both providers on a port of their own: their address and their world."""
    port, known = free_port(), World()
    url = f"http://127.0.0.1:{port}"
    server = uvicorn.Server(
        uvicorn.Config(create_app(url, known), port=port, log_level="warning", ws="none")
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield url, known
    server.should_exit = True
    thread.join()


@pytest.fixture(autouse=True)
def offered(idp, as_role, monkeypatch) -> Iterator[None]:
    """The function with both providers, on the test's database."""
    source = SingleConnection(lambda: as_role("identity"))
    oauth.app.dependency_overrides[oauth.stored_accounts] = lambda: PostgresOAuth(source)
    secrets = dict.fromkeys(Provider, CLIENT_SECRET)
    monkeypatch.setattr(clients, "secret_json", lambda _: secrets)
    monkeypatch.setattr(oauth, "datetime", Clock)
    monkeypatch.setenv("APP_URL", ORIGIN)
    monkeypatch.setenv("OAUTH_CALLBACK_URL", API)
    monkeypatch.setenv("OAUTH_SECRETS_ARN", "x")
    monkeypatch.setenv("OAUTH_PROVIDERS", provider_settings(idp[0]))
    load.cache_clear()
    providers._signing_keys.cache_clear()
    yield
    idp[1].fault = None
    Clock.moved = timedelta(0)
    oauth.app.dependency_overrides.clear()
    load.cache_clear()


@pytest.fixture
def person(idp) -> Callable[..., Person]:
    def make(**facts: Any) -> Person:
        number = str(new_id().int % 10**12)
        return idp[1].add(Person(number, "Ada L", f"{new_id()}@example.com", **facts))

    return make


@pytest.fixture
def ask(api_event, lambda_context) -> Callable[..., Answer]:
    def make(method: str, path: str, **more: Any) -> Answer:
        event = api_event(method, f"/api/auth/oauth{path}", **more)
        answer = oauth.handler(event, lambda_context)
        return Answer(answer["statusCode"], answer.get("body"), answer["multiValueHeaders"])

    return make


class Browser:
    """One browser: goes where it is sent, and keeps the one cookie that matters here."""

    def __init__(self, ask: Callable[..., Answer]) -> None:
        self._ask = ask
        self.cookie = ""

    def start(self, provider: Provider, return_to: str = "/fans") -> str:
        """Begin a login; answers where the provider is."""
        answer = self._ask("GET", f"/{provider}/start", query={"return_to": return_to})
        assert answer.status == 302
        return self.sent_to(answer, answer.headers["Location"][0])

    def sent_to(self, answer: Answer, url: str) -> str:
        """Keep what the answer says."""
        line = answer.cookies["__Host-huntaze_oauth"]
        parts = line.split("; ")
        assert {"Path=/", "HttpOnly", "Secure", "SameSite=Lax", "Max-Age=600"} <= set(parts)
        self.cookie = parts[0]
        return url

    def come_back(self, provider: Provider, query: dict[str, str]) -> Answer:
        """Bring what the provider gave along."""
        headers = {"Cookie": self.cookie} if self.cookie else {}
        return self._ask("GET", f"/{provider}/callback", query=query, headers=headers)


@pytest.fixture
def browser(ask) -> Callable[[], Browser]:
    return lambda: Browser(ask)


def choose(url: str, person: Person) -> dict[str, str]:
    """Say yes at the provider; answers the query with which it sends the browser back."""
    answer = httpx.post(url, data={"subject": person.subject})
    assert answer.status_code == 302, answer.text
    found = urlsplit(answer.headers["location"])
    assert f"{found.scheme}://{found.netloc}" == API
    return {name: values[0] for name, values in parse_qs(found.query).items()}


@pytest.fixture
def log_in_through(browser) -> Callable[[Provider, Person], Answer]:
    """A whole login of somebody in a fresh browser."""

    def make(provider: Provider, someone: Person) -> Answer:
        one = browser()
        return one.come_back(provider, choose(one.start(provider), someone))

    return make


def location(answer: Answer) -> str:
    assert answer.status == 302
    assert answer.headers["Cache-Control"] == ["no-store"]
    return answer.headers["Location"][0]


def token_of(answer: Answer) -> str:
    """The access token in the cookie of a session."""
    return answer.cookies["__Host-huntaze_session"].split("; ")[0].split("=", 1)[1]


def assert_refused(answer: Answer, error: str) -> None:
    assert location(answer) == f"{ORIGIN}/login?error={error}"
    assert "__Host-huntaze_session" not in answer.cookies
    assert "Max-Age=0" in answer.cookies["__Host-huntaze_oauth"]


# The way in


@pytest.mark.parametrize("provider", BOTH)
def test_makes_an_account_with_a_verified_address_and_finds_it_again(
    provider, person, log_in_through, admit, call, deliver
):
    ada = person()
    first = log_in_through(provider, ada)
    assert location(first) == f"{ORIGIN}/fans"
    context = admit(token_of(first))
    me = call("GET", "/me", principal=context).body
    assert (me["user"]["email"], me["user"]["name"]) == (ada.email, "Ada L")
    assert me["user"]["email_verified"] is True
    assert [letter.subject for letter in deliver().to(ada.email)] == ["Welcome to Huntaze"]
    # The provider's number counts, not the address that it knows today.
    ada.email = f"{new_id()}@example.com"
    assert admit(token_of(log_in_through(provider, ada)))["user_id"] == context["user_id"]


@pytest.mark.parametrize("provider", BOTH)
def test_every_departure_has_a_challenge_a_state_and_no_secret(provider, browser, idp):
    urls = [urlsplit(browser().start(provider)) for _ in range(2)]
    queries = [parse_qs(url.query) for url in urls]
    for url, query in zip(urls, queries, strict=True):
        assert f"{url.scheme}://{url.netloc}" == idp[0]
        assert query["code_challenge_method"] == ["S256"]
        assert query["redirect_uri"] == [f"{API}/api/auth/oauth/{provider}/callback"]
        assert "client_secret" not in query
    for name in ("state", "code_challenge"):
        assert queries[0][name] != queries[1][name]


@pytest.mark.parametrize("provider", BOTH)
def test_an_address_that_the_provider_has_not_verified_makes_no_account(
    provider, person, log_in_through
):
    assert_refused(log_in_through(provider, person(verified=False)), "OAuthEmailUnverified")


@pytest.mark.parametrize("provider", BOTH)
def test_who_says_no_is_sent_to_the_login_page(provider, browser):
    one = browser()
    state = parse_qs(urlsplit(one.start(provider)).query)["state"][0]
    refused = one.come_back(provider, {"error": "access_denied", "state": state})
    assert_refused(refused, "OAuthDenied")


def test_a_provider_that_nobody_has_is_no_route(ask):
    assert ask("GET", "/facebook/start").status == 422


# Whose account


@pytest.mark.parametrize("provider", BOTH)
def test_an_account_is_never_linked_by_its_address_alone(provider, person, member, log_in_through):
    ada = person()
    member(email=ada.email)
    assert_refused(log_in_through(provider, ada), "AccountExists")


@pytest.mark.parametrize("provider", BOTH)
def test_who_registered_the_address_before_gets_nothing_of_the_owner(
    provider, person, register, log_in_through, admit, log_in, call
):
    ada = person()
    attacker = register(email=ada.email, password="the attacker's password").body
    owner = admit(token_of(log_in_through(provider, ada)))
    theirs = admit(attacker["access_token"])
    assert theirs["workspace_id"] != owner["workspace_id"]
    assert theirs["email_verified"] == "false"
    again = log_in(ada.email, "the attacker's password").body
    assert again["workspace"]["id"] == theirs["workspace_id"]
    # Nor do links to the address lead there any more.
    call("POST", "/resend-verification", body={"email": ada.email})


@pytest.fixture
def link(ask, admit) -> Callable[..., Answer]:
    def make(provider: Provider, token: str) -> Answer:
        body = {"provider": provider, "return_to": "/settings"}
        return ask("POST", "/link", principal=admit(token), body=body)

    return make


@pytest.mark.parametrize("provider", BOTH)
def test_the_owner_links_while_logged_in_and_then_comes_through_it(
    provider, person, member, link, browser, log_in_through, admit
):
    ada, owner = person(verified=False), member().body
    departure, one = link(provider, owner["access_token"]), browser()
    url = one.sent_to(departure, httpx.Response(200, text=departure.body).json()["url"])
    back = one.come_back(provider, choose(url, ada))
    assert location(back) == f"{ORIGIN}/settings"
    assert "__Host-huntaze_session" not in back.cookies
    found = admit(token_of(log_in_through(provider, ada)))
    assert found["user_id"] == owner["user"]["id"]


def test_only_a_page_of_ours_with_a_session_begins_to_link(ask, register, link):
    assert ask("POST", "/link", body={"provider": "google"}).status == 401
    assert link(Provider.GOOGLE, register().body["access_token"]).status == 403
    assert ask("GET", "/google/start", query={"link": "true"}).status == 302


@pytest.mark.parametrize("provider", BOTH)
def test_a_person_at_a_provider_belongs_to_one_account(
    provider, person, member, link, browser, log_in_through
):
    ada, owner = person(), member().body
    log_in_through(provider, ada)
    departure, one = link(provider, owner["access_token"]), browser()
    url = one.sent_to(departure, httpx.Response(200, text=departure.body).json()["url"])
    assert_refused(one.come_back(provider, choose(url, ada)), "OAuthTaken")


def test_a_session_that_ended_meanwhile_links_nothing(person, member, link, browser, call, admit):
    owner = member().body
    departure, one = link(Provider.GOOGLE, owner["access_token"]), browser()
    url = one.sent_to(departure, httpx.Response(200, text=departure.body).json()["url"])
    call("POST", "/logout", principal=admit(owner["access_token"]))
    with pytest.raises(authorizer.RefusedError):
        admit(owner["access_token"])
    assert_refused(one.come_back(Provider.GOOGLE, choose(url, person())), "SessionOver")


@pytest.mark.usefixtures("queued")
def test_two_first_logins_at_once_make_one_account(as_role):
    identity = Identity(Provider.GITHUB, str(new_id()), f"{new_id()}@example.com", "Ada")
    client = accounts_service.Client(None, None)

    def arrive(_: int) -> Any:
        with as_role("identity") as connection:
            store = PostgresOAuth(SingleConnection(lambda: connection))
            try:
                grant = service.finish(
                    Start("/", None),
                    identity,
                    store,
                    client=client,
                    language="en",
                    now=datetime.now(UTC),
                )
            except (service.AccountExistsError, service.OAuthTakenError):
                return None
            return grant.account.user.id

    with ThreadPoolExecutor(4) as pool:
        found = {user_id for user_id in pool.map(arrive, range(8)) if user_id}
    assert len(found) == 1
    owners = as_role("master").execute(
        "SELECT count(*) FROM users WHERE email = %s", (identity.email,)
    )
    assert owners.fetchone() == (1,)


# Attacks


@pytest.mark.parametrize("provider", BOTH)
def test_a_callback_in_another_browser_is_refused(provider, person, browser):
    """Login CSRF: the attacker's code and state, in the victim's browser."""
    attacker, victim = browser(), browser()
    query = choose(attacker.start(provider), person())
    assert_refused(victim.come_back(provider, query), "OAuthState")
    victim.start(provider)
    assert_refused(victim.come_back(provider, query), "OAuthState")
    # The attacker's own login is not used up by that.
    assert location(attacker.come_back(provider, query)) == f"{ORIGIN}/fans"


@pytest.mark.parametrize("provider", BOTH)
def test_a_state_is_good_once_and_for_ten_minutes(provider, person, browser):
    one = browser()
    query = choose(one.start(provider), person())
    assert location(one.come_back(provider, query)) == f"{ORIGIN}/fans"
    assert_refused(one.come_back(provider, query), "OAuthState")
    late = browser()
    query = choose(late.start(provider), person())
    Clock.moved += timedelta(minutes=10)
    assert_refused(late.come_back(provider, query), "OAuthState")


@pytest.mark.parametrize("provider", BOTH)
@pytest.mark.parametrize("change", [{"state": ""}, {"state": "x"}, {"state": "' OR ''='"}])
def test_a_changed_state_is_refused(provider, person, browser, change):
    one = browser()
    query = choose(one.start(provider), person())
    assert_refused(one.come_back(provider, {**query, **change}), "OAuthState")


@pytest.mark.parametrize("provider", BOTH)
def test_a_code_of_another_login_is_refused(provider, person, browser):
    """Code injection: PKCE ties a code to the browser that asked for it."""
    victim, attacker = browser(), browser()
    stolen = choose(victim.start(provider), person())["code"]
    own = choose(attacker.start(provider), person())
    refused = attacker.come_back(provider, {**own, "code": stolen})
    assert_refused(refused, "OAuthDenied")


@pytest.mark.parametrize("provider", BOTH)
def test_a_code_is_good_once(provider, person, browser):
    one, two = browser(), browser()
    query = choose(one.start(provider), person())
    one.come_back(provider, query)
    again = choose(two.start(provider), person())
    assert_refused(two.come_back(provider, {**again, "code": query["code"]}), "OAuthDenied")


def test_one_providers_answer_is_not_taken_for_the_others(person, browser):
    """Mix-up: what was begun at one provider comes back at the other's address."""
    one = browser()
    query = choose(one.start(Provider.GITHUB), person())
    assert_refused(one.come_back(Provider.GOOGLE, query), "OAuthState")
    query = choose(one.start(Provider.GITHUB), person())
    foreign = {**query, "iss": "https://evil.example"}
    assert_refused(one.come_back(Provider.GITHUB, foreign), "OAuthDenied")


@pytest.mark.parametrize("downgrade", ["plain", None])
def test_a_departure_without_its_challenge_gets_no_code(browser, downgrade):
    url = urlsplit(browser().start(Provider.GOOGLE))
    query = {name: values[0] for name, values in parse_qs(url.query).items()}
    query.pop("code_challenge_method")
    if downgrade:
        query["code_challenge_method"] = downgrade
    answer = httpx.get(f"{url.scheme}://{url.netloc}{url.path}?{urlencode(query)}")
    assert answer.status_code == 400


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.NO_SUBJECT])
def test_google_is_believed_only_what_it_signed_for_us_now(fault, idp, person, browser):
    one = browser()
    query = choose(one.start(Provider.GOOGLE), person())
    idp[1].fault = fault
    answer = one.come_back(Provider.GOOGLE, query)
    unheard = {Fault.SERVER_ERROR, Fault.NOT_JSON, Fault.REDIRECT}
    assert_refused(answer, "OAuthUnreachable" if fault in unheard else "OAuthDenied")


@pytest.mark.parametrize("provider", BOTH)
def test_nobody_is_nobody(provider, idp, person, browser):
    one = browser()
    query = choose(one.start(provider), person())
    idp[1].fault = Fault.NO_SUBJECT
    assert_refused(one.come_back(provider, query), "OAuthDenied")


@pytest.mark.parametrize(
    "return_to",
    [
        *("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example"),
        *("javascript:alert(1)", "evil.example", "", "/a\r\nSet-Cookie: x=y", "/a b", "/\t/evil"),
        *("/x\\..\\evil", "/" + "x" * 500),
    ],
)
def test_nobody_is_sent_to_another_site(ask, return_to):
    for provider in BOTH:
        answer = ask("GET", f"/{provider}/start", query={"return_to": return_to})
        assert answer.status == 422
        assert "Location" not in answer.headers


@pytest.mark.parametrize("return_to", ["/", "/fans?tab=1#top", "/a//b", "/caf%C3%A9"])
def test_a_path_of_ours_is_gone_to(browser, person, return_to):
    one = browser()
    query = choose(one.start(Provider.GITHUB, return_to), person())
    assert location(one.come_back(Provider.GITHUB, query)) == ORIGIN + return_to


def test_only_hashes_of_what_binds_a_browser_are_stored(browser, as_role):
    one = browser()
    query = parse_qs(urlsplit(one.start(Provider.GOOGLE)).query)
    rows = as_role("master").execute("SELECT s::text FROM oauth_starts s").fetchall()
    secret = one.cookie.split("=", 1)[1]
    for row in rows:
        for text in (secret, query["state"][0], service.secrets_of("", secret).verifier):
            assert text not in row[0]
            assert text.encode().hex() not in row[0]
