"""Names of our own, in the stage's zone of Route 53."""

from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_route53 as route53
from constructs import Construct

from stacks.settings import DnsZone


class Name(Construct):
    """A name with its certificate, and the records that lead to what answers there."""

    def __init__(
        self, scope: Construct, construct_id: str, *, name: str, dns_zone: DnsZone
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        # Given by its id: nothing is looked up at synthesis.
        self._zone = route53.HostedZone.from_hosted_zone_attributes(
            self, "Zone", hosted_zone_id=dns_zone.zone_id, zone_name=dns_zone.name
        )
        self.certificate = acm.Certificate(
            self,
            "Certificate",
            domain_name=name,
            validation=acm.CertificateValidation.from_dns(self._zone),
        )

    def lead_to(self, target: route53.IAliasRecordTarget) -> None:
        """Point the name at what answers, for both versions of addresses."""
        address = route53.RecordTarget.from_alias(target)
        for construct_id, record in (("V4", route53.ARecord), ("V6", route53.AaaaRecord)):
            record(self, construct_id, record_name=f"{self.name}.", target=address, zone=self._zone)
