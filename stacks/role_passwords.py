"""The passwords of the database's roles, replaced by Secrets Manager on a schedule."""

from aws_cdk import Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from stacks.database import Database
from stacks.feature_function import FeatureFunction
from stacks.layers import Layers
from stacks.migration import Migration
from stacks.network import Network
from stacks.permissions import keys
from stacks.settings import StageSettings

_EVERY = "rate(30 days)"


class RolePasswords(Construct):
    """The function that rotates, and a schedule for each role's secret."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        database: Database,
        migration: Migration,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        secrets = database.role_secrets
        self.function = FeatureFunction(
            self,
            "Rotation",
            settings=settings,
            layers=layers,
            handler="functions.role_passwords.handler.handler",
            environment={
                **database.location,
                "MASTER_SECRET_ARN": database.master_secret.arn,
                "ROLE_SECRET_ARNS": Stack.of(self).to_json_string(
                    {role.value: secret.arn for role, secret in secrets.items()}
                ),
            },
            network=network.migration if network else None,
            timeout=Duration.seconds(60),
        )
        database.master_secret.grant_value(self.function)
        keys.rotate_role_passwords(self.function, list(secrets.values()))
        migration.precede(self.function)
        # Where one machine stands in for AWS, nobody rotates: an operator's test may invoke it.
        if settings.on_aws:
            self._schedule(database)

    def _schedule(self, database: Database) -> None:
        self.function.add_permission(
            "SecretsManager",
            principal=iam.ServicePrincipal("secretsmanager.amazonaws.com"),
            source_account=Stack.of(self).account,
        )
        for role, secret in database.role_secrets.items():
            schedule = secretsmanager.CfnRotationSchedule(
                self,
                f"{role.title()}Schedule",
                secret_id=secret.arn,
                rotation_lambda_arn=self.function.function_arn,
                # The first password is as good as the next; a deployment changes none.
                rotate_immediately_on_update=False,
                rotation_rules=secretsmanager.CfnRotationSchedule.RotationRulesProperty(
                    schedule_expression=_EVERY
                ),
            )
            schedule.node.add_dependency(self.function)
