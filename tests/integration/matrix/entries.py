"""Every operation of the API: who may call it, and a request that it takes.

``test_document`` holds it against the OpenAPI document; a route without an entry fails there.
"""

from tests.integration.matrix.entries_campaigns import CAMPAIGNS
from tests.integration.matrix.entries_fans import FANS
from tests.integration.matrix.entries_models import MODELS
from tests.integration.matrix.entries_people import PEOPLE
from tests.integration.matrix.entry import Entry

# Anonymous on purpose, because a caller comes here to become somebody or to read what is public.
PUBLIC = {
    ("post", "/api/auth/register"),
    ("post", "/api/auth/login"),
    ("post", "/api/auth/refresh"),
    ("post", "/api/auth/accept-invitation"),
    ("get", "/api/auth/oauth/{provider}/callback"),
    ("get", "/api/auth/oauth/{provider}/start"),
    ("post", "/api/auth/forgot-password"),
    ("post", "/api/auth/magic-link"),
    ("post", "/api/auth/magic-link/consume"),
    ("post", "/api/auth/resend-verification"),
    ("post", "/api/auth/reset-password"),
    ("post", "/api/auth/verify-email"),
    ("get", "/api/auth/jwks.json"),
    # Stripe comes here, known by its signature; `billing/test_billing_events` asks it.
    ("post", "/api/webhooks/stripe"),
    # So does a platform; `pushes/test_door` asks it.
    ("post", "/api/webhooks/platforms/{name}"),
    ("get", "/api/billing/plans"),
    ("get", "/api/docs"),
    ("get", "/api/health"),
    ("get", "/api/openapi.json"),
}
MATRIX: dict[tuple[str, str], Entry] = {**PEOPLE, **MODELS, **CAMPAIGNS, **FANS}
