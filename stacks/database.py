"""The relational database: where it is, and one secret for each role that may log in."""

from enum import StrEnum

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.generated_secret import GeneratedSecret
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

DATABASE_NAME = "huntaze"


class DatabaseRole(StrEnum):
    """The roles of the schema, by purpose; none owns a table."""

    APP = "app"
    WORKER = "worker"
    AUTHORIZER = "authorizer"
    IDENTITY = "identity"
    INTAKE = "intake"
    RELAY = "relay"
    AUDITOR = "auditor"


class Database(StageStack):
    """The secrets that open the database; ``migrate`` gives their passwords to the roles."""

    def __init__(self, scope: Construct, settings: StageSettings) -> None:
        super().__init__(scope, "Database", settings, description="Huntaze: relational database")
        self._settings = settings
        self.master_secret = self._secret(
            "Master",
            "master",
            {
                "host": settings.database_host,
                "port": settings.database_port,
                "dbname": DATABASE_NAME,
                "username": "huntaze",
            },
        )
        self.role_secrets: dict[DatabaseRole, GeneratedSecret] = {
            role: self._secret(role.title(), role.value, {"username": role.value})
            for role in DatabaseRole
        }

    @property
    def location(self) -> dict[str, str]:
        """The environment that says where the database is."""
        return {
            "DATABASE_HOST": self._settings.database_host,
            "DATABASE_PORT": str(self._settings.database_port),
            "DATABASE_NAME": DATABASE_NAME,
        }

    def login_environment(self, role: DatabaseRole) -> dict[str, str]:
        """The environment of a process that logs in as ``role``."""
        return {**self.location, "DATABASE_SECRET_ARN": self.role_secrets[role].arn}

    def admit(self, function: lambda_.Function, role: DatabaseRole) -> None:
        """Let a function log in as ``role``, and as nobody else."""
        for name, value in self.login_environment(role).items():
            function.add_environment(name, value)
        self.grant_login(function, role)

    def grant_login(self, grantee: iam.IGrantable, role: DatabaseRole) -> None:
        """Let ``grantee`` read the password of one role."""
        self.role_secrets[role].grant_value(grantee)

    def _secret(self, construct_id: str, name: str, known: dict[str, object]) -> GeneratedSecret:
        return GeneratedSecret(
            self,
            construct_id,
            name=f"huntaze/{self._settings.stage.value}/database/{name}",
            known=known,
            random_field="password",
            length=40,
            removal_policy=self._settings.removal_policy,
        )
