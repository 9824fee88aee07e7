"""What only operators of the platform reach, and the command that makes somebody one."""

from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts
from stacks.permissions import tables
from stacks.permissions.models import watch_models

# One resource a prefix; the documentation answers `/api/health` itself.
_ROUTES = ("/api/health/{proxy+}", "/api/admin/{proxy+}")


def add_operators(parts: FeatureParts) -> None:
    """Define the routes, and the function behind the command, which no route reaches."""
    api = parts.function("Operators", "operators.api", DatabaseRole.AUDITOR)
    tables.change_flags(api, parts.data)
    watch_models(api, parts.data)
    parts.routes.serve(api, _ROUTES)
    parts.function("OperatorGrants", "operators.grants", DatabaseRole.OPERATIONS)
