"""Settings of the authorizer."""

from pydantic import PositiveInt

from huntaze.settings import Settings


class AuthorizerSettings(Settings):
    """Requests a minute before a caller is told to slow down."""

    rate_per_principal: PositiveInt = 600
    rate_per_workspace: PositiveInt = 3000
