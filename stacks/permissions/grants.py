"""How a role gets one statement."""

from aws_cdk import aws_iam as iam

from stacks.acknowledge import acknowledge_wildcard


def allow(
    grantee: iam.IGrantable,
    actions: list[str],
    resources: list[str],
    conditions: dict[str, dict[str, str]] | None = None,
    *,
    because: str | None = None,
) -> None:
    """Add one statement to a role: exactly these actions on exactly these resources.

    Args:
        grantee: Whose role.
        actions: Without wildcards.
        resources: The ARNs.
        conditions: What else must hold.
        because: Why a wildcard in the resources is as narrow as it can be.
    """
    principal = grantee.grant_principal
    principal.add_to_principal_policy(
        iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)
    )
    if because and isinstance(principal, iam.Role):
        for resource in resources:
            acknowledge_wildcard(principal, resource, because)
