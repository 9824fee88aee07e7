"""The edge of the API: its firewall and, where the stage has one, its own domain."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_route53_targets as route53_targets
from constructs import Construct

from stacks.firewall import Firewall
from stacks.rest_api import RestApi
from stacks.settings import DnsZone, StageSettings
from stacks.stage_stack import StageStack


class Edge(StageStack):
    """What a request meets before the API."""

    def __init__(self, scope: Construct, settings: StageSettings, *, routes: RestApi) -> None:
        named = "firewall and domain" if settings.api_domain else "firewall; no domain of its own"
        super().__init__(scope, "Edge", settings, description=f"Huntaze: {named}")
        Firewall(self, "Firewall", settings=settings, api=routes.api)
        if settings.api_domain is not None and settings.dns_zone is not None:
            self._name(routes.api, settings.api_domain, settings.dns_zone)

    def _name(self, api: apigateway.RestApi, name: str, dns_zone: DnsZone) -> None:
        # Given by its id: nothing is looked up at synthesis.
        zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=dns_zone.zone_id, zone_name=dns_zone.name
        )
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=name,
            certificate=acm.Certificate(
                self,
                "Certificate",
                domain_name=name,
                validation=acm.CertificateValidation.from_dns(zone),
            ),
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        apigateway.BasePathMapping(
            self, "Mapping", domain_name=domain, rest_api=api, stage=api.deployment_stage
        )
        address = route53.RecordTarget.from_alias(route53_targets.ApiGatewayDomain(domain))
        route53.ARecord(self, "Address", record_name=f"{name}.", target=address, zone=zone)
        route53.AaaaRecord(self, "AddressV6", record_name=f"{name}.", target=address, zone=zone)
