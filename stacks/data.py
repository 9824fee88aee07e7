"""What is stored outside the relational database: tables, buckets, keys and secrets."""

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import ArnFormat, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from stacks.acknowledge import NO_LOGS_LOCALLY, NO_TLS_LOCALLY, acknowledge
from stacks.generated_secret import GeneratedSecret
from stacks.layers import Layers
from stacks.media import MediaDelivery
from stacks.settings import Stage, StageSettings
from stacks.stage_stack import StageStack


@dataclass(frozen=True)
class TableShape:
    """The keys of a DynamoDB table."""

    partition: str
    sort: str | None = None
    expires: str | None = None


# Deployed as `huntaze-{name}`: the names are part of the design, one line a table.
TABLES = {
    "of-sessions": TableShape(partition="creator_id", expires="expires_at"),
    "ai-costs": TableShape(partition="workspace_id", sort="call", expires="expires_at"),
    "ai-cache": TableShape(partition="question", expires="expires_at"),
    "circuit-breakers": TableShape(partition="circuit"),
    "feature-flags": TableShape(partition="flag"),
    # Of a workspace, or a ticket; the owner says which.
    "connections": TableShape(partition="owner", sort="connection_id", expires="expires_at"),
}

# One key for each class of data, so that a permission for one opens nothing else. In dev, where
# idle keys cost more than what they seal, the keys of S3 and Secrets Manager seal the others.
DATA_KEYS = {
    "sessions": "The browser state with which the worker acts for a creator",
    "credentials": "The passwords with which the worker logs in for a creator",
    "exports": "The files in which a workspace or a fan is given everything that is theirs",
}

_SCREENSHOTS_KEPT = Duration.days(14)
_EXPORTS_KEPT = Duration.days(7)
_LOGS_KEPT = Duration.days(90)
# Long enough to take a mistake back, and gone within the month that a person's erasure may take.
_DELETED_MEDIA_KEPT = Duration.days(25)
# An uploaded file is imported within the day, or not at all; its copy lasts as long as an import
# that stopped may still go on.
_UPLOADS_KEPT = Duration.days(1)
_ACCEPTED_KEPT = Duration.days(7)


class Data(StageStack):
    """Tables, buckets, keys and secrets; removing it loses data."""

    def __init__(self, scope: Construct, settings: StageSettings) -> None:
        super().__init__(scope, "Data", settings, description="Huntaze: tables, buckets and keys")
        self._settings = settings
        self.tables = {name: self._table(name, shape) for name, shape in TABLES.items()}
        self.keys = {
            name: self._key(name, purpose)
            for name, purpose in DATA_KEYS.items()
            if name == "sessions" or settings.stage is not Stage.DEV
        }
        self._access_logs: s3.Bucket | None = None
        if settings.on_aws:
            # Where the other buckets write down who asked them for what.
            self._access_logs = self._log_bucket("AccessLogs")
        self.uploads = self._bucket(
            "Uploads",
            cors=[
                # The browser posts the file straight into the bucket with a signed form.
                s3.CorsRule(
                    allowed_headers=["*"],
                    allowed_methods=[s3.HttpMethods.POST],
                    allowed_origins=list(settings.allowed_origins),
                    exposed_headers=["ETag"],
                )
            ],
            kept_below={"incoming/": _UPLOADS_KEPT},
        )
        self.media_bucket = self._bucket("Media", versioned=True)
        # On one machine media are read from the bucket: the stand-in knows no CloudFront keys.
        self.media = self._media_delivery()
        self.imports = self._bucket(
            "Imports",
            cors=[
                # The browser posts the file straight into the bucket with a signed form.
                s3.CorsRule(
                    allowed_headers=["*"],
                    allowed_methods=[s3.HttpMethods.POST],
                    allowed_origins=list(settings.allowed_origins),
                    exposed_headers=["ETag"],
                )
            ],
            kept_below={"incoming/": _UPLOADS_KEPT, "accepted/": _ACCEPTED_KEPT},
        )
        self.exports = self._bucket("Exports", kept=_EXPORTS_KEPT)
        self.screenshots = self._bucket("Screenshots", kept=_SCREENSHOTS_KEPT)
        self.token_signing_keys = self._token_keys("signing")
        # A secret although it holds nothing secret: a thousand functions that start at once may
        # read it, which Parameter Store would not bear.
        self.token_public_keys = self._token_keys("public")
        # An operator puts what each provider gave into it: {"google": "…", "github": "…"}.
        self.oauth_clients = self._filled_later("OAuthClients", "oauth-clients")

        # An operator puts the keys of the providers in; one without a key is not asked. The third
        # seals kept answers.
        self.ai_keys = self._operators_secret(
            "AiKeys", "ai/keys", {"openai": "", "azure_openai": ""}, "answers"
        )

        # An operator puts Stripe's own in; until then nobody can sign, and no call is accepted.
        self.stripe_webhook = self._operators_secret(
            "StripeWebhook", "stripe/webhook", {"previous": ""}, "current"
        )
        self.stripe_api = self._operators_secret("StripeApi", "stripe/api", {}, "api_key")

    @property
    def credentials_prefix(self) -> str:
        """What the names of the secrets with the creators' logins begin with."""
        return f"huntaze/{self._settings.stage.value}/of/creds/"

    @property
    def credentials_arn(self) -> str:
        """All those secrets; a function makes one for each creator."""
        return self.format_arn(
            service="secretsmanager",
            resource="secret",
            resource_name=f"{self.credentials_prefix}*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    @property
    def names_the_owner(self) -> dict[str, dict[str, str]] | None:
        """The condition that an envelope is bound to its owner, so that a role opens no other kind.

        The stand-in for AWS checks the owner when it opens an envelope, not in a policy.
        """
        if not self._settings.on_aws:
            return None
        return {
            "Null": {
                "kms:EncryptionContext:workspace_id": "false",
                "kms:EncryptionContext:creator_id": "false",
            }
        }

    def _token_keys(self, kind: str) -> GeneratedSecret:
        """A secret that the rotation of the token keys fills."""
        return self._filled_later(f"Token{kind.title()}Keys", f"token-{kind}-keys")

    def _filled_later(self, construct_id: str, name: str) -> GeneratedSecret:
        """A secret without what it is for."""
        return GeneratedSecret(
            self,
            construct_id,
            name=f"huntaze/{self._settings.stage.value}/{name}",
            known={},
            random_field="made_at_deploy",
            length=32,
            removal_policy=self._settings.removal_policy,
        )

    def _operators_secret(
        self, construct_id: str, name: str, known: dict[str, object], field: str
    ) -> GeneratedSecret:
        return GeneratedSecret(
            self,
            construct_id,
            name=f"huntaze/{self._settings.stage.value}/{name}",
            known=known,
            random_field=field,
            length=40,
            removal_policy=self._settings.removal_policy,
        )

    def _table(self, name: str, shape: TableShape) -> dynamodb.Table:
        def key(attribute: str) -> dynamodb.Attribute:
            return dynamodb.Attribute(name=attribute, type=dynamodb.AttributeType.STRING)

        return dynamodb.Table(
            self,
            name.title().replace("-", ""),
            table_name=f"huntaze-{name}",
            partition_key=key(shape.partition),
            sort_key=key(shape.sort) if shape.sort else None,
            time_to_live_attribute=shape.expires,
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._settings.stage is Stage.PRODUCTION,
            removal_policy=self._settings.removal_policy,
        )

    def _key(self, name: str, purpose: str) -> kms.Key:
        return kms.Key(
            self,
            f"{name.title()}Key",
            alias=f"huntaze/{self._settings.stage.value}/{name}",
            description=purpose,
            enable_key_rotation=True,
            removal_policy=self._settings.removal_policy,
        )

    def _bucket(
        self,
        construct_id: str,
        *,
        kept: Duration | None = None,
        kept_below: Mapping[str, Duration] | None = None,
        cors: list[s3.CorsRule] | None = None,
        versioned: bool = False,
    ) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            cors=cors,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=self._settings.on_aws,
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                    expiration=kept,
                    noncurrent_version_expiration=_DELETED_MEDIA_KEPT if versioned else None,
                ),
                *(
                    s3.LifecycleRule(prefix=prefix, expiration=expiration)
                    for prefix, expiration in (kept_below or {}).items()
                ),
            ],
            removal_policy=self._settings.removal_policy,
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/" if self._access_logs else None,
            versioned=versioned,
        )
        if not self._settings.on_aws:
            acknowledge(bucket, "S1", NO_LOGS_LOCALLY)
            acknowledge(bucket, "S10", NO_TLS_LOCALLY)
        return bucket

    def _media_delivery(self) -> MediaDelivery | None:
        if not self._settings.on_aws:
            return None
        return MediaDelivery(
            self,
            "MediaDelivery",
            settings=self._settings,
            layers=Layers(self, "Layers", self._settings),
            bucket=self.media_bucket,
            # CloudFront writes its log with a grant of its own, which only such a bucket takes.
            logs=self._log_bucket("MediaLogs", ownership=s3.ObjectOwnership.BUCKET_OWNER_PREFERRED),
        )

    def _log_bucket(
        self, construct_id: str, *, ownership: s3.ObjectOwnership | None = None
    ) -> s3.Bucket:
        return s3.Bucket(
            self,
            construct_id,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            lifecycle_rules=[s3.LifecycleRule(expiration=_LOGS_KEPT)],
            object_ownership=ownership,
            removal_policy=self._settings.removal_policy,
            server_access_logs_bucket=self._access_logs,
            server_access_logs_prefix=f"{construct_id.lower()}/" if self._access_logs else None,
        )
