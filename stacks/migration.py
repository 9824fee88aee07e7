"""The schema: a function that migrates the database, run by CloudFormation at deploy."""

from aws_cdk import CustomResource, Duration, Stack
from constructs import Construct

from stacks.build import ROOT, digest_of
from stacks.database import Database
from stacks.feature_function import FeatureFunction
from stacks.layers import Layers
from stacks.network import Network
from stacks.settings import StageSettings

MIGRATIONS = ROOT / "migrations"


class Migration(Construct):
    """Brings the schema up to date before the functions that rely on it are updated."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        database: Database,
        network: Network | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        files = sorted(MIGRATIONS.glob("*.sql"))
        secrets = {role.value: secret for role, secret in database.role_secrets.items()}
        function = FeatureFunction(
            self,
            "Migrate",
            settings=settings,
            layers=layers,
            handler="functions.migrate.handler.handler",
            environment={
                **database.location,
                **database.identity,
                "MASTER_SECRET_ARN": database.master_secret.arn,
                "ROLE_SECRET_ARNS": Stack.of(self).to_json_string(
                    {role: secret.arn for role, secret in secrets.items()}
                ),
            },
            extra_files=files,
            network=network.migration if network else None,
            timeout=Duration.minutes(15),
        )
        database.master_secret.grant_value(function)
        for secret in secrets.values():
            secret.grant_value(function)
        self._schema = CustomResource(
            self,
            "Schema",
            resource_type="Custom::DatabaseSchema",
            service_token=function.function_arn,
            service_timeout=Duration.minutes(15),
            # CloudFormation calls the function again only when one of these changes.
            properties={
                "Database": ":".join([*database.location.values(), *database.identity.values()]),
                "Migrations": digest_of({path.name: path for path in files}),
            },
        )

    def precede(self, function: FeatureFunction) -> None:
        """Update ``function`` only after the schema: migrations expand first, contract later."""
        function.node.add_dependency(self._schema)
