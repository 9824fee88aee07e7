"""The network of a stage on AWS: who can be reached by whom, and the way to the internet.

    public     the NAT alone
    private    functions and workers; out through the NAT, nothing comes in
    isolated   the database; no way out

S3 and DynamoDB are reached by gateway endpoints, which are free. An interface endpoint costs
as much as a fifth of a NAT gateway for each zone and service, and saves money only above
200 GB a month through it; the image's layers come from S3, so no service here comes near.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_iam as iam
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.nat_instance import NatInstance
from stacks.settings import StageSettings
from stacks.stage_groups import Egress, NetworkSettings
from stacks.stage_stack import StageStack

HTTPS = ec2.Port.tcp(443)


@dataclass(frozen=True)
class Place:
    """Where a process has its interfaces, and what these may reach."""

    vpc: ec2.IVpc
    subnets: Sequence[ec2.ISubnet]
    group: ec2.SecurityGroup

    @property
    def selection(self) -> ec2.SubnetSelection:
        """The subnets, as most constructs want to be told."""
        return ec2.SubnetSelection(subnets=list(self.subnets))


class Network(StageStack):
    """The VPC, the places in it and its egress.

    Args:
        scope: The app.
        settings: The stage.
        network: Its network.
        pooled: Whether functions and workers reach the database through a proxy.
    """

    def __init__(
        self, scope: Construct, settings: StageSettings, network: NetworkSettings, *, pooled: bool
    ) -> None:
        super().__init__(scope, "Network", settings, description="Huntaze: network")
        self._settings = settings
        self.vpc = self._vpc(network)
        private, isolated = self.vpc.private_subnets, self.vpc.isolated_subnets
        self.functions = self._place("Functions", "functions that use the database", private)
        self.migration = self._place("Migration", "the function that changes the schema", private)
        self.workers = self._place("Workers", "browser workers", private)
        self.database = self._place("Database", "the database server", isolated)
        self.proxy = self._place("Proxy", "pooled connections", isolated) if pooled else None
        self._let_through()
        if network.egress is Egress.NAT_INSTANCE:
            NatInstance(self, "Nat", vpc=self.vpc, clients=private)
        self._log_flows()

    def _vpc(self, network: NetworkSettings) -> ec2.Vpc:
        gateways = len(network.zones) if network.egress is Egress.NAT_GATEWAYS else 0
        return ec2.Vpc(
            self,
            "Vpc",
            availability_zones=[f"{self._settings.region}{zone}" for zone in network.zones],
            gateway_endpoints={
                "S3": _endpoint(ec2.GatewayVpcEndpointAwsService.S3),
                "DynamoDb": _endpoint(ec2.GatewayVpcEndpointAwsService.DYNAMODB),
            },
            ip_addresses=ec2.IpAddresses.cidr(network.cidr),
            nat_gateways=gateways,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    cidr_mask=26,
                    # The NAT asks for its address; nothing else has business here.
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(
                    name="Private", subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS, cidr_mask=20
                ),
                ec2.SubnetConfiguration(
                    name="Isolated", subnet_type=ec2.SubnetType.PRIVATE_ISOLATED, cidr_mask=24
                ),
            ],
        )

    def _place(self, name: str, whose: str, subnets: Sequence[ec2.ISubnet]) -> Place:
        group = ec2.SecurityGroup(
            self,
            f"{name}Group",
            vpc=self.vpc,
            description=f"Huntaze {self._settings.stage.value}: {whose}",
            allow_all_outbound=False,
        )
        return Place(self.vpc, subnets, group)

    def _let_through(self) -> None:
        for client in (self.functions, self.migration, self.workers):
            # Model providers, payment, the platforms' pages, and AWS itself: TLS everywhere.
            client.group.add_egress_rule(ec2.Peer.any_ipv4(), HTTPS, "TLS to the internet")
        # A schema is changed past the proxy, by the user who owns it.
        self._query(self.migration, self.database)
        for client in (self.functions, self.workers):
            self._query(client, self.proxy or self.database)
        if self.proxy is not None:
            self._query(self.proxy, self.database)

    def _query(self, client: Place, server: Place) -> None:
        port = ec2.Port.tcp(self._settings.database_port)
        client.group.add_egress_rule(server.group, port, "queries")
        server.group.add_ingress_rule(client.group, port, "queries")

    def _log_flows(self) -> None:
        group = logs.LogGroup(
            self,
            "Flows",
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )
        role = iam.Role(
            self, "FlowsRole", assumed_by=iam.ServicePrincipal("vpc-flow-logs.amazonaws.com")
        )
        self.vpc.add_flow_log(
            "FlowLog",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(group, role),
            traffic_type=ec2.FlowLogTrafficType.ALL,
        )


def _endpoint(service: ec2.GatewayVpcEndpointAwsService) -> ec2.GatewayVpcEndpointOptions:
    # Not for the database's subnets: it has no business anywhere.
    private = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_WITH_EGRESS)
    return ec2.GatewayVpcEndpointOptions(service=service, subnets=[private])
