"""Which providers the local cloud offers: the stand-ins, or the real ones that somebody has set up.

With ``GOOGLE_CLIENT_ID`` and ``GOOGLE_CLIENT_SECRET`` (or ``GITHUB_…``) in the environment the same
code talks to the real provider.
"""

import json
from collections.abc import Mapping

from local.identity_provider.app import CLIENT_SECRET

PROVIDERS = ("google", "github")


def real_client_ids(environment: Mapping[str, str]) -> dict[str, str]:
    """The providers that somebody has set up, with our id at each."""
    found = {name: environment.get(f"{name.upper()}_CLIENT_ID") for name in PROVIDERS}
    return {name: client_id for name, client_id in found.items() if client_id}


def client_secrets(environment: Mapping[str, str]) -> dict[str, str]:
    """What proves to each provider who we are."""
    real = real_client_ids(environment)
    return {
        name: environment.get(f"{name.upper()}_CLIENT_SECRET", "")
        if name in real
        else CLIENT_SECRET
        for name in PROVIDERS
    }


def provider_settings(url: str, without: Mapping[str, str] | None = None) -> str:
    """Where the stand-ins are, as the function reads it from its environment.

    Args:
        url: Where they answer.
        without: The providers that are the real ones.
    """
    stand_ins = {
        name: {
            "client_id": f"huntaze-at-{name}",
            "issuer": f"{url}/{name}",
            "authorize_url": f"{url}/{name}/authorize",
            "token_url": f"{url}/{name}/token",
            "jwks_url": f"{url}/google/keys" if name == "google" else None,
            "api_url": f"{url}/github" if name == "github" else None,
        }
        for name in PROVIDERS
        if name not in (without or {})
    }
    return json.dumps(stand_ins)
