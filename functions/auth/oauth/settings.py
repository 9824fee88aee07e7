"""Settings of logging in through providers."""

from pydantic import BaseModel, ConfigDict, Json

from functions.auth.oauth.models import Provider
from huntaze.settings import Settings


class ProviderSettings(BaseModel):
    """Where a provider is, and who we are to it. No address ever comes from a request."""

    model_config = ConfigDict(frozen=True)

    client_id: str
    issuer: str
    authorize_url: str
    token_url: str
    # Google: where its signing keys are. GitHub: where it tells about people.
    jwks_url: str | None = None
    api_url: str | None = None


class OAuthSettings(Settings):
    """Which providers are offered."""

    # Where the pages are, and where providers send browsers back to.
    app_url: str
    oauth_callback_url: str
    oauth_providers: Json[dict[Provider, ProviderSettings]]
    oauth_secrets_arn: str
