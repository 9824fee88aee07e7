"""The database server on AWS, and the pool of connections before it where the stage wants one."""

from collections.abc import Sequence

from aws_cdk import Duration
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_rds as rds
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.generated_secret import GeneratedSecret
from stacks.network import Network, Place
from stacks.settings import Stage, StageSettings
from stacks.stage_groups import PostgresSettings

_ENGINE = rds.DatabaseInstanceEngine.postgres(
    # No minor version: RDS keeps it current, and the template does not take it back.
    version=rds.PostgresEngineVersion.of("17", "17")
)

# Quiet hours of the company and of most fans, in UTC.
_BACKUP_WINDOW = "08:00-09:00"
_MAINTENANCE_WINDOW = "sun:09:30-sun:10:30"

_PARAMETERS = {
    "rds.force_ssl": "1",
    # Longer than any statement that is right; a migration asks for more time. Milliseconds.
    "statement_timeout": "300000",
    # A process that stalls inside a transaction must not hold its locks for a day.
    "idle_in_transaction_session_timeout": "60000",
    "log_lock_waits": "1",
    "log_min_duration_statement": "1000",
    # Values and details of rows are personal; the statement's shape says enough.
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    "log_error_verbosity": "terse",
}
# Without a proxy, sleeping functions hold their connections: they must not use up the server's.
# A function notices that it was hung up on and connects anew.
_WITHOUT_PROXY = {"idle_session_timeout": "600000"}


class Postgres(Construct):
    """One instance, with a standby in another zone if the stage says so."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        postgres: PostgresSettings,
        network: Network,
        master: rds.Credentials,
        database_name: str,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._postgres = postgres
        self._network = network
        # Known before the server exists: restoring swaps the name, and with it the address, from
        # the broken server to the restored one.
        self._name = f"huntaze-{settings.stage.value}"
        self.key = kms.Key(
            self,
            "Key",
            alias=f"huntaze/{settings.stage.value}/database",
            description="The relational database, its backups and its performance figures",
            enable_key_rotation=True,
            removal_policy=settings.removal_policy,
        )
        self.instance = self._instance(master, database_name)

    def pool(self, role_secrets: Sequence[GeneratedSecret], place: Place) -> rds.DatabaseProxy:
        """Put a proxy before the server that admits the roles of these secrets."""
        name = f"{self._name}-proxy"
        log_group = self._log_group("ProxyLogs", f"/aws/rds/proxy/{name}")
        role = iam.Role(self, "ProxyRole", assumed_by=iam.ServicePrincipal("rds.amazonaws.com"))
        proxy = rds.DatabaseProxy(
            self,
            "Proxy",
            proxy_target=rds.ProxyTarget.from_instance(self.instance),
            borrow_timeout=Duration.seconds(10),
            client_password_auth_type=rds.ClientPasswordAuthType.POSTGRES_SCRAM_SHA_256,
            db_proxy_name=name,
            debug_logging=False,
            idle_client_timeout=Duration.minutes(30),
            # The rest is for migrations and for people.
            max_connections_percent=90,
            require_tls=True,
            role=role,
            secrets=list(role_secrets),
            security_groups=[self._as_it_is("ProxyGroup", place)],
            vpc=self._network.vpc,
            vpc_subnets=place.selection,
        )
        proxy.node.add_dependency(log_group)
        return proxy

    def _instance(self, master: rds.Credentials, database_name: str) -> rds.DatabaseInstance:
        production = self._settings.stage is Stage.PRODUCTION
        exports = ["postgresql", "upgrade"]
        # Made here, because RDS would make them without an end to what they keep.
        log_groups = [
            self._log_group(f"{kind.title()}Logs", f"/aws/rds/instance/{self._name}/{kind}")
            for kind in exports
        ]
        instance = rds.DatabaseInstance(
            self,
            "Instance",
            engine=_ENGINE,
            allocated_storage=self._postgres.storage_gb,
            auto_minor_version_upgrade=True,
            backup_retention=Duration.days(self._postgres.backup_days),
            ca_certificate=rds.CaCertificate.RDS_CA_RSA2048_G1,
            cloudwatch_logs_exports=exports,
            copy_tags_to_snapshot=True,
            credentials=master,
            database_insights_mode=rds.DatabaseInsightsMode.STANDARD,
            database_name=database_name,
            delete_automated_backups=not production,
            deletion_protection=production,
            enable_performance_insights=True,
            instance_identifier=self._name,
            instance_type=ec2.InstanceType(self._postgres.instance),
            max_allocated_storage=self._postgres.most_storage_gb,
            multi_az=self._postgres.multi_az,
            parameter_group=self._parameters(),
            performance_insight_encryption_key=self.key,
            # What Database Insights keeps without a price.
            performance_insight_retention=rds.PerformanceInsightRetention.DEFAULT,
            port=self._settings.database_port,
            preferred_backup_window=_BACKUP_WINDOW,
            preferred_maintenance_window=_MAINTENANCE_WINDOW,
            publicly_accessible=False,
            removal_policy=self._settings.removal_policy,
            security_groups=[self._as_it_is("ServerGroup", self._network.database)],
            storage_encrypted=True,
            storage_encryption_key=self.key,
            storage_type=rds.StorageType.GP3,
            vpc=self._network.vpc,
            vpc_subnets=self._network.database.selection,
        )
        for log_group in log_groups:
            instance.node.add_dependency(log_group)
        acknowledge(instance, "RDS11", "who can reach the port is what counts, not its number")
        if not production:
            acknowledge(instance, "RDS3", "what is lost here can be made again")
            acknowledge(instance, "RDS10", "the stage is thrown away and made again as a whole")
        return instance

    def _as_it_is(self, construct_id: str, place: Place) -> ec2.ISecurityGroup:
        """A security group that CDK adds no rules to: the network has them all."""
        return ec2.SecurityGroup.from_security_group_id(
            self, construct_id, place.group.security_group_id, mutable=False
        )

    def _parameters(self) -> rds.ParameterGroup:
        more = {} if self._postgres.proxy else _WITHOUT_PROXY
        return rds.ParameterGroup(
            self,
            "Parameters",
            engine=_ENGINE,
            description="Huntaze: TLS only, bounded statements, no values in the log",
            parameters={**_PARAMETERS, **more},
        )

    def _log_group(self, construct_id: str, name: str) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            construct_id,
            log_group_name=name,
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )
