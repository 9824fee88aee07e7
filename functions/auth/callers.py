"""Who calls, as far as a request tells: from where, from which page, in which language."""

from aws_lambda_powertools.event_handler import Request

from functions.auth import service
from functions.auth.addresses import client_network
from functions.auth.models import Language
from functions.auth.settings import AuthSettings
from huntaze.errors import ForbiddenError
from huntaze.settings import load


def client_of(request: Request) -> service.Client:
    """Where ``request`` comes from.

    Raises:
        ForbiddenError: From a page that is not ours.
    """
    event = request.resolved_event
    settings = load(AuthSettings)
    origin = event.headers.get("origin")
    if origin is not None and origin not in settings.allowed_origins:
        raise ForbiddenError("Pages of this origin may not log anybody in.")
    source = event.raw_event["requestContext"].get("identity", {}).get("sourceIp", "")
    forwarded_for = event.headers.get("x-forwarded-for", "")
    return service.Client(
        network=client_network(source, forwarded_for, settings.trusted_proxies),
        user_agent=event.headers.get("user-agent"),
    )


def language_of(request: Request) -> Language:
    """The language that a browser asks for first, as far as we speak it."""
    wanted = request.resolved_event.headers.get("accept-language", "")
    return Language.FRENCH if wanted.strip().lower().startswith("fr") else Language.ENGLISH
