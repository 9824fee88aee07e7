"""A secret whose random part is made at deploy and never seen by anyone."""

import string

from aws_cdk import CfnResource, RemovalPolicy, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.acknowledge import acknowledge


class GeneratedSecret(secretsmanager.Secret):
    """A JSON object with known fields and one random one."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        name: str,
        known: dict[str, object],
        random_field: str,
        length: int,
        removal_policy: RemovalPolicy,
    ) -> None:
        super().__init__(
            scope,
            construct_id,
            secret_name=name,
            generate_secret_string=secretsmanager.SecretStringGenerator(
                secret_string_template=Stack.of(scope).to_json_string(known),
                generate_string_key=random_field,
                # Letters and digits only: passwords travel in connection strings of tools that
                # do not escape them. The stand-in for AWS knows this way of saying it alone.
                exclude_characters=string.punctuation,
                password_length=length,
            ),
            removal_policy=removal_policy,
        )

        acknowledge(
            self,
            "SMG4",
            "rotated by a function of the stage, or by an operator; docs/operations/secrets.md",
        )

    @property
    def arn(self) -> str:
        """The ARN, random suffix included.

        On AWS ``Ref`` is the same; the stand-in for AWS answers ``Ref`` with the name.
        """
        resource = self.node.default_child
        if not isinstance(resource, CfnResource):
            raise TypeError(f"{self.node.path} is not backed by a resource.")
        return resource.get_att("Id").to_string()

    def grant_value(self, grantee: iam.IGrantable) -> None:
        """Let ``grantee`` read the current value."""
        self._grant(grantee, "secretsmanager:GetSecretValue")

    def grant_filling(self, grantee: iam.IGrantable) -> None:
        """Let ``grantee`` read the current value and put another in its place."""
        self._grant(grantee, "secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")

    def _grant(self, grantee: iam.IGrantable, *actions: str) -> None:
        grantee.grant_principal.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=[self.arn])
        )
