"""Fans, their transactions and lists, imports and exports."""

from aws_cdk import Duration

from stacks import permissions
from stacks.feature_parts import FeatureParts, below


def add_fans(parts: FeatureParts) -> None:
    """Define the function behind ``/api/crm/fans`` and its neighbours."""
    fans = parts.function(
        "Fans",
        "fans",
        environment={"UPLOADS_BUCKET": parts.data.uploads.bucket_name},
        timeout=Duration.seconds(60),
    )
    permissions.read_objects(fans, parts.data.uploads)
    permissions.write_objects(fans, parts.data.uploads)
    parts.routes.serve(
        fans,
        below(
            "/api/crm/fans",
            "/api/crm/transactions",
            "/api/crm/lists",
            "/api/onlyfans/subscribers",
        ),
    )
