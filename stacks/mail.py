"""The domain that mails come from: how it proves itself, and what becomes of its mails."""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_ses as ses
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from stacks.settings import StageSettings

_NAME = "Huntaze"
_TTL = "3600"
_EVENTS = (
    *(ses.EmailSendingEvent.BOUNCE, ses.EmailSendingEvent.COMPLAINT),
    *(ses.EmailSendingEvent.DELIVERY, ses.EmailSendingEvent.REJECT),
    ses.EmailSendingEvent.DELIVERY_DELAY,
)


class MailIdentity(Construct):
    """An identity of SES with DKIM, SPF by a MAIL FROM of its own, DMARC and BIMI."""

    def __init__(
        self, scope: Construct, construct_id: str, settings: StageSettings, *, events: sqs.Queue
    ) -> None:
        """Define the identity.

        Args:
            scope: The stack.
            construct_id: Its name.
            settings: The stage, which names the domain.
            events: Learns of deliveries, bounces and complaints.
        """
        super().__init__(scope, construct_id)
        self._settings = settings
        self.domain = settings.mail_domain
        self._mail_from = f"mail.{self.domain}"
        self.configuration_set = self._configuration_set(events) if settings.on_aws else None
        self._identity = ses.EmailIdentity(
            self,
            "Identity",
            identity=ses.Identity.domain(self.domain),
            configuration_set=self.configuration_set,
            dkim_signing=True,
            mail_from_domain=self._mail_from,
            # Better no mail than one that receivers cannot align with its sender.
            mail_from_behavior_on_mx_failure=ses.MailFromBehaviorOnMxFailure.REJECT_MESSAGE,
        )
        if settings.on_aws:
            self._publish()

    @property
    def address(self) -> str:
        """The address that mails come from."""
        return f"no-reply@{self.domain}"

    @property
    def sender(self) -> str:
        """Name and address that mails come from."""
        return f"{_NAME} <{self.address}>"

    @property
    def arn(self) -> str:
        """What a sender must be allowed to send as."""
        return Stack.of(self).format_arn(
            service="ses", resource="identity", resource_name=self.domain
        )

    @property
    def configuration_set_arn(self) -> str | None:
        """What a sender must be allowed to send by; None where there is none."""
        if self.configuration_set is None:
            return None
        return Stack.of(self).format_arn(
            service="ses",
            resource="configuration-set",
            resource_name=self.configuration_set.configuration_set_name,
        )

    def _configuration_set(self, events: sqs.Queue) -> ses.ConfigurationSet:
        topic = sns.Topic(self, "Events", enforce_ssl=True)
        dead = events.dead_letter_queue
        topic.add_subscription(
            subscriptions.SqsSubscription(
                events, raw_message_delivery=True, dead_letter_queue=dead.queue if dead else None
            )
        )
        topic.add_to_resource_policy(
            iam.PolicyStatement(
                actions=["sns:Publish"],
                principals=[iam.ServicePrincipal("ses.amazonaws.com")],
                resources=[topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": Stack.of(self).account}},
            )
        )
        configuration_set = ses.ConfigurationSet(
            self,
            "ConfigurationSet",
            reputation_metrics=True,
            # A mail with a login link travels encrypted or not at all.
            tls_policy=ses.ConfigurationSetTlsPolicy.REQUIRE,
            # Who complained of one mail still gets what their account needs; what else they get is
            # decided by our own list, not by the account's.
            suppression_reasons=ses.SuppressionReasons.BOUNCES_ONLY,
        )
        configuration_set.add_event_destination(
            "ToTopic", destination=ses.EventDestination.sns_topic(topic), events=list(_EVENTS)
        )
        return configuration_set

    def _publish(self) -> None:
        """Write the records into the zone; tell them where the zone is not ours to write."""
        records = [
            *(("CNAME", dkim.name, dkim.value) for dkim in self._identity.dkim_records),
            ("MX", self._mail_from, f"10 feedback-smtp.{Stack.of(self).region}.amazonses.com"),
            ("TXT", self._mail_from, '"v=spf1 include:amazonses.com -all"'),
            (
                "TXT",
                f"_dmarc.{self.domain}",
                f'"v=DMARC1; p=quarantine; adkim=s; aspf=r; rua=mailto:dmarc@{self.domain}"',
            ),
            ("TXT", f"default._bimi.{self.domain}", f'"v=BIMI1; l={self._logo_url}; a="'),
        ]
        zone = self._settings.dns_zone
        if zone is None or self.domain not in zone:
            told = [{"type": kind, "name": name, "value": value} for kind, name, value in records]
            text = Stack.of(self).to_json_string(told)
            CfnOutput(self, "Records", value=text, description="DNS records for the mail domain")
            return
        for number, (kind, name, value) in enumerate(records):
            # By hand: CDK would append the zone to names that only the deployment knows.
            route53.CfnRecordSet(
                self,
                f"Record{number}",
                hosted_zone_id=zone.zone_id,
                name=name,
                type=kind,
                ttl=_TTL,
                resource_records=[value],
            )

    @property
    def _logo_url(self) -> str:
        # docs/brand/logo.svg, which the front end serves.
        return f"{self._settings.app_url}/brand/logo.svg"
