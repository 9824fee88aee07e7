"""How media leave their bucket: through CloudFront, at addresses that are signed and expire."""

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_cloudfront_origins as origins
from aws_cdk import aws_route53_targets as route53_targets
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.feature_function import FeatureFunction
from stacks.generated_secret import GeneratedSecret
from stacks.layers import Layers
from stacks.names import Name
from stacks.settings import StageSettings

# The pairs whose signatures count; the last one signs. To rotate: add one and deploy, and once no
# address of the old one is out any more, take the old one away and deploy.
_GENERATIONS = ("1",)
_TIMEOUT = Duration.seconds(60)
_YEARS = Duration.days(2 * 365)
# An upload may be a page or a picture with a script inside: shown on its own it runs nothing.
_POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; sandbox"


class MediaDelivery(Construct):
    """A distribution in front of the bucket of media, and the key that signs for it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        bucket: s3.Bucket,
        logs: s3.Bucket,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._key_maker = FeatureFunction(
            self,
            "KeyMaker",
            settings=settings,
            layers=layers,
            handler="functions.media_keys.handler.handler",
            timeout=_TIMEOUT,
        )
        pairs = [self._pair(generation) for generation in _GENERATIONS]
        self.signing_secret, signing_key = pairs[-1]
        self.key_id = signing_key.public_key_id
        distribution = self._distribution(
            bucket, logs, cloudfront.KeyGroup(self, "Signers", items=[key for _, key in pairs])
        )
        self.domain = settings.media_domain or distribution.distribution_domain_name

    def _pair(self, generation: str) -> tuple[GeneratedSecret, cloudfront.PublicKey]:
        """A key pair: the private half in a secret, the public one known to CloudFront.

        A function makes it at deploy, so that the private half is in no template and on no one's
        machine.
        """
        secret = GeneratedSecret(
            self,
            f"Key{generation}",
            name=f"huntaze/{self._settings.stage.value}/media-key-{generation}",
            known={},
            random_field="made_at_deploy",
            length=32,
            removal_policy=self._settings.removal_policy,
        )
        secret.grant_filling(self._key_maker)
        made = CustomResource(
            self,
            f"Pair{generation}",
            resource_type="Custom::MediaKey",
            service_token=self._key_maker.function_arn,
            service_timeout=_TIMEOUT,
            properties={"SecretArn": secret.arn},
        )
        key = cloudfront.PublicKey(
            self,
            f"PublicKey{generation}",
            encoded_key=made.get_att_string("PublicKey"),
            public_key_name=f"huntaze-{self._settings.stage.value}-media-{generation}",
        )
        return secret, key

    def _distribution(
        self, bucket: s3.Bucket, logs: s3.Bucket, signers: cloudfront.KeyGroup
    ) -> cloudfront.Distribution:
        name = self._name()
        distribution = cloudfront.Distribution(
            self,
            "Distribution",
            comment=f"Huntaze {self._settings.stage.value}: media",
            default_behavior=cloudfront.BehaviorOptions(
                origin=origins.S3BucketOrigin.with_origin_access_control(bucket),
                allowed_methods=cloudfront.AllowedMethods.ALLOW_GET_HEAD_OPTIONS,
                cache_policy=cloudfront.CachePolicy.CACHING_OPTIMIZED,
                response_headers_policy=self._headers(),
                trusted_key_groups=[signers],
                viewer_protocol_policy=cloudfront.ViewerProtocolPolicy.HTTPS_ONLY,
            ),
            certificate=name.certificate if name else None,
            domain_names=[name.name] if name else None,
            http_version=cloudfront.HttpVersion.HTTP2_AND_3,
            log_bucket=logs,
            log_file_prefix="media/",
            log_includes_cookies=False,
            minimum_protocol_version=(
                cloudfront.SecurityPolicyProtocol.TLS_V1_2_2021 if name else None
            ),
        )
        if name is None:
            acknowledge(distribution, "CFR4", "the certificate of AWS's own name sets the version")
        else:
            name.lead_to(route53_targets.CloudFrontTarget(distribution))
        acknowledge(distribution, "CFR1", "creators and their fans live in every country")
        acknowledge(distribution, "CFR2", "nothing but signed reads of a bucket is behind it")
        return distribution

    def _name(self) -> Name | None:
        settings = self._settings
        if settings.media_domain is None or settings.dns_zone is None:
            return None
        return Name(self, "Name", name=settings.media_domain, dns_zone=settings.dns_zone)

    def _headers(self) -> cloudfront.ResponseHeadersPolicy:
        return cloudfront.ResponseHeadersPolicy(
            self,
            "Headers",
            cors_behavior=cloudfront.ResponseHeadersCorsBehavior(
                access_control_allow_credentials=False,
                access_control_allow_headers=["*"],
                access_control_allow_methods=["GET", "HEAD"],
                access_control_allow_origins=list(self._settings.allowed_origins),
                access_control_max_age=Duration.hours(1),
                origin_override=True,
            ),
            custom_headers_behavior=cloudfront.ResponseCustomHeadersBehavior(
                custom_headers=[
                    # Pages of the front end show media; they are of another site without a domain.
                    cloudfront.ResponseCustomHeader(
                        header="Cross-Origin-Resource-Policy", value="cross-origin", override=True
                    )
                ]
            ),
            security_headers_behavior=cloudfront.ResponseSecurityHeadersBehavior(
                content_security_policy=cloudfront.ResponseHeadersContentSecurityPolicy(
                    content_security_policy=_POLICY, override=True
                ),
                content_type_options=cloudfront.ResponseHeadersContentTypeOptions(override=True),
                frame_options=cloudfront.ResponseHeadersFrameOptions(
                    frame_option=cloudfront.HeadersFrameOption.DENY, override=True
                ),
                # An address is its own permission: no other page learns it from a click.
                referrer_policy=cloudfront.ResponseHeadersReferrerPolicy(
                    referrer_policy=cloudfront.HeadersReferrerPolicy.NO_REFERRER, override=True
                ),
                strict_transport_security=cloudfront.ResponseHeadersStrictTransportSecurity(
                    access_control_max_age=_YEARS, include_subdomains=True, override=True
                ),
            ),
        )
