"""The relational database: the server where AWS runs it, and one secret for each role.

``migrate`` gives the roles the passwords of their secrets at deploy; from then on Secrets Manager
has ``role_passwords`` replace them every 30 days.
"""

from enum import StrEnum

from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_rds as rds
from constructs import Construct

from stacks.generated_secret import GeneratedSecret
from stacks.network import Network
from stacks.postgres import Postgres
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack

DATABASE_NAME = "huntaze"
MASTER_USER = "huntaze"


class DatabaseRole(StrEnum):
    """The roles of the schema, by purpose; none owns a table."""

    APP = "app"
    WORKER = "worker"
    AUTHORIZER = "authorizer"
    IDENTITY = "identity"
    INTAKE = "intake"
    MAILER = "mailer"
    RELAY = "relay"
    AUDITOR = "auditor"
    OPERATIONS = "operations"
    ERASER = "eraser"


class Database(StageStack):
    """The secrets that open the database; ``migrate`` gives their passwords to the roles."""

    def __init__(
        self, scope: Construct, settings: StageSettings, network: Network | None = None
    ) -> None:
        super().__init__(scope, "Database", settings, description="Huntaze: relational database")
        self._settings = settings
        self.master_secret = self._secret("Master", "master", self._master())
        self.role_secrets: dict[DatabaseRole, GeneratedSecret] = {
            role: self._secret(role.title(), role.value, {"username": role.value})
            for role in DatabaseRole
        }
        self.instance: rds.DatabaseInstance | None = None
        self.proxy: rds.DatabaseProxy | None = None
        if network is not None and settings.postgres is not None:
            server = Postgres(
                self,
                "Postgres",
                settings=settings,
                postgres=settings.postgres,
                network=network,
                # RDS adds to the secret where its server is.
                master=rds.Credentials.from_secret(self.master_secret, MASTER_USER),
                database_name=DATABASE_NAME,
            )
            self.instance = server.instance
            if network.proxy is not None:
                self.proxy = server.pool(list(self.role_secrets.values()), network.proxy)

    @property
    def location(self) -> dict[str, str]:
        """The environment that says where the database is."""
        return {
            "DATABASE_HOST": self._host,
            "DATABASE_PORT": str(self._settings.database_port),
            "DATABASE_NAME": DATABASE_NAME,
            # The embedded server of one machine knows no TLS, and nobody is in between.
            "DATABASE_TLS": "verify-full" if self._settings.on_aws else "disable",
        }

    @property
    def identity(self) -> dict[str, str]:
        """What only this server is called: one that was made from a backup has another name."""
        if self.instance is None or self.instance.instance_resource_id is None:
            return {}
        return {"DATABASE_IDENTITY": self.instance.instance_resource_id}

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

    @property
    def _host(self) -> str:
        if self.proxy is not None:
            return self.proxy.endpoint
        if self.instance is not None:
            return self.instance.db_instance_endpoint_address
        return self._settings.database_host or ""

    def _master(self) -> dict[str, object]:
        """What is known of the master user; RDS adds where its server is."""
        known: dict[str, object] = {"username": MASTER_USER}
        if not self._settings.on_aws:
            known |= {
                "host": self._settings.database_host,
                "port": self._settings.database_port,
                "dbname": DATABASE_NAME,
            }
        return known

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
