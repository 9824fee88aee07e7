"""Accounts and sessions."""

from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts
from stacks.permissions import keys, queues

# The routes with which a stranger becomes somebody.
_PUBLIC = (
    *("register", "login", "refresh", "verify-email", "resend-verification"),
    *("forgot-password", "reset-password", "magic-link", "magic-link/consume"),
    "accept-invitation",
)
_PUBLIC_READS = ("jwks.json",)
_OF_A_MEMBER = ("me", "logout", "sessions", "sessions/{id}", "workspaces", "workspaces/{id}/switch")


def add_auth(parts: FeatureParts) -> None:
    """Define the function behind ``/api/auth``."""
    auth = parts.function(
        "Auth",
        "auth",
        DatabaseRole.IDENTITY,
        environment={
            "ALLOWED_ORIGINS": ",".join(parts.settings.allowed_origins),
            "TRUSTED_PROXIES": ",".join(parts.settings.trusted_proxies),
        },
        # Argon2 works in proportion to the processor that comes with the memory.
        memory_mb=1024,
    )
    keys.sign_tokens(auth, parts.data)
    keys.check_tokens(auth, parts.data)
    parts.token_keys.precede(auth)
    queues.queue_mails(auth, parts.messaging)
    public = [f"/api/auth/{name}" for name in _PUBLIC]
    parts.routes.serve(auth, public, method="POST", public=True)
    reads = [f"/api/auth/{name}" for name in _PUBLIC_READS]
    parts.routes.serve(auth, reads, method="GET", public=True)
    parts.routes.serve(auth, [f"/api/auth/{name}" for name in _OF_A_MEMBER])
