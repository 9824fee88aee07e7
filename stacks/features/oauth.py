"""Logging in through Google and GitHub: a function of its own, which alone knows their secrets."""

from aws_cdk import Stack

from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts
from stacks.permissions import keys, queues

# https://accounts.google.com/.well-known/openid-configuration
_GOOGLE = {
    "issuer": "https://accounts.google.com",
    "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
    "token_url": "https://oauth2.googleapis.com/token",
    "jwks_url": "https://www.googleapis.com/oauth2/v3/certs",
}
# https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps
_GITHUB = {
    "issuer": "https://github.com/login/oauth",
    "authorize_url": "https://github.com/login/oauth/authorize",
    "token_url": "https://github.com/login/oauth/access_token",
    "api_url": "https://api.github.com",
}
_PROVIDERS = ("google", "github")
_PUBLIC_READS = tuple(f"/api/auth/oauth/{{provider}}/{step}" for step in ("start", "callback"))


def add_oauth(parts: FeatureParts) -> None:
    """Define the function behind ``/api/auth/oauth``."""
    settings = parts.settings
    oauth = parts.function(
        "OAuth",
        "auth.oauth",
        DatabaseRole.IDENTITY,
        environment={
            "ALLOWED_ORIGINS": ",".join(settings.allowed_origins),
            "TRUSTED_PROXIES": ",".join(settings.trusted_proxies),
            "APP_URL": settings.app_url,
            "OAUTH_CALLBACK_URL": _callback_url(parts),
            "OAUTH_PROVIDERS": _offered(parts),
        },
    )
    keys.sign_tokens(oauth, parts.data)
    parts.token_keys.precede(oauth)
    queues.queue_mails(oauth, parts.messaging)
    oauth.add_environment("OAUTH_SECRETS_ARN", parts.data.oauth_clients.arn)
    parts.data.oauth_clients.grant_value(oauth)
    parts.routes.serve(oauth, _PUBLIC_READS, method="GET", public=True)
    parts.routes.serve(oauth, ["/api/auth/oauth/link"], method="POST")


def _callback_url(parts: FeatureParts) -> str:
    """Where providers send browsers back to: the front end proxies ``/api`` on its own origin."""
    return parts.settings.local_api_url or parts.settings.app_url


def _offered(parts: FeatureParts) -> str:
    """The providers at which the stage is known; stand-ins for the others where there are any."""
    real = {"google": _GOOGLE, "github": _GITHUB}
    ids = {"google": parts.settings.google_client_id, "github": parts.settings.github_client_id}
    offered = {name: {"client_id": ids[name], **real[name]} for name in _PROVIDERS if ids[name]}
    return Stack.of(parts.scope).to_json_string({**parts.settings.oauth_stand_ins, **offered})
