"""Settings of the auth feature."""

from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import BeforeValidator

from functions.auth.addresses import Network
from huntaze.settings import Settings


def _parts(text: Any) -> list[str]:  # noqa: ANN401 - an environment variable is text
    return [part.strip() for part in str(text).split(",") if part.strip()]


class AuthSettings(Settings):
    """Who may send people here."""

    # Origins of our own pages.
    allowed_origins: Annotated[frozenset[str], BeforeValidator(_parts)]
    # Networks of front ends that proxy `/api` and speak for many people.
    trusted_proxies: Annotated[
        tuple[Network, ...], BeforeValidator(lambda text: [ip_network(p) for p in _parts(text)])
    ] = ()
