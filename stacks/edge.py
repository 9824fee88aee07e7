"""The edge of the API: its firewall and, where the stage has one, its own domain."""

from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_route53_targets as route53_targets
from constructs import Construct

from stacks.firewall import Firewall
from stacks.names import Name
from stacks.rest_api import RestApi
from stacks.settings import DnsZone, StageSettings
from stacks.stage_stack import StageStack


class Edge(StageStack):
    """What a request meets before the API."""

    def __init__(self, scope: Construct, settings: StageSettings, *, rest: RestApi) -> None:
        parts = {"firewall": settings.firewall, "domain": settings.api_domain}
        named = " and ".join(name for name, wanted in parts.items() if wanted)
        super().__init__(scope, "Edge", settings, description=f"Huntaze: {named}")
        if settings.firewall:
            Firewall(self, "Firewall", settings=settings, api=rest.api)
        if settings.api_domain is not None and settings.dns_zone is not None:
            self._name(rest.api, settings.api_domain, settings.dns_zone)

    def _name(self, api: apigateway.RestApi, domain_name: str, dns_zone: DnsZone) -> None:
        name = Name(self, "Name", name=domain_name, dns_zone=dns_zone)
        domain = apigateway.DomainName(
            self,
            "Domain",
            domain_name=domain_name,
            certificate=name.certificate,
            endpoint_type=apigateway.EndpointType.REGIONAL,
            security_policy=apigateway.SecurityPolicy.TLS_1_2,
        )
        apigateway.BasePathMapping(
            self, "Mapping", domain_name=domain, rest_api=api, stage=api.deployment_stage
        )
        name.lead_to(route53_targets.ApiGatewayDomain(domain))
