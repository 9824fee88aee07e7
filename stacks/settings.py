"""What differs between the stages, read once from the context and passed down as arguments."""

import dataclasses
import json
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_network
from typing import Any

from aws_cdk import Environment, RemovalPolicy
from aws_cdk.aws_logs import RetentionDays
from pydantic import BaseModel

from stacks.stage_groups import NetworkSettings, PostgresSettings, WorkerSettings, read_group

ContextReader = Callable[[str], Any]
"""How a setting is looked up: ``node.try_get_context`` of the app."""

CERTIFICATES_OF_CLOUDFRONT = "us-east-1"
# Known beforehand, so that functions can be told the API's address before there is one.
LOCAL_API_ID = "huntaze"
LOCAL_SOCKETS_ID = "huntazelive"
# The name becomes part of a condition of trust: no character in it may mean more than itself.
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")


class Stage(StrEnum):
    """The places where Huntaze runs."""

    LOCAL = "local"
    DEV = "dev"
    PRODUCTION = "production"


@dataclass(frozen=True)
class DnsZone:
    """A public hosted zone of Route 53 that was there before the stage."""

    zone_id: str
    name: str

    def __contains__(self, domain: str) -> bool:
        """Whether ``domain`` is the zone or a name in it."""
        return domain == self.name or domain.endswith(f".{self.name}")


@dataclass(frozen=True)
class ModelProviders:
    """Where models answer; empty is where their providers say, Azure has no such place."""

    openai_base_url: str
    azure_openai_endpoint: str
    azure_openai_api_version: str

    @property
    def environment(self) -> tuple[tuple[str, str], ...]:
        """The environment of a function that asks models."""
        return tuple(
            (name.upper(), value) for name, value in dataclasses.asdict(self).items() if value
        )


@dataclass(frozen=True)
class StageSettings:
    """The facts of one stage. Stacks take these instead of asking for the stage's name."""

    stage: Stage
    account: str | None
    region: str
    allowed_origins: tuple[str, ...]
    log_retention: RetentionDays
    # Where the database is on one machine; on AWS its own stack knows.
    database_host: str | None
    database_port: int
    # What only AWS can run; None on one machine.
    network: NetworkSettings | None
    postgres: PostgresSettings | None
    worker: WorkerSettings | None
    aws_endpoint_url: str | None
    fan_platform_url: str | None
    # Where Stripe answers when it is a stand-in; None is Stripe itself.
    stripe_api_base: str | None
    model_providers: ModelProviders
    # Where webhooks of Slack are taken when something stands in for it; None is Slack itself.
    slack_hooks_origin: str | None
    # Off on one machine: its functions run on the interpreter that holds the same locked packages,
    # and the stand-in for AWS unpacks every layer for every worker it starts (0.4 s become 1.1 s).
    dependencies_layer: bool
    # Whether creators are read without anybody asking for it. Off where workers come only for work
    # that is due: there would always be some.
    periodic_sync: bool
    # The operator's own limits of lanes, as JSON by platform; None is what the profiles say.
    lane_limits: str | None
    # The firewall of the API costs as much as all else of an idle stage but its database.
    firewall: bool
    # Networks of front ends that proxy `/api`: they speak for many people, so what they say of
    # whom they speak for is believed, and they are not counted as one caller.
    trusted_proxies: tuple[str, ...]
    # Names of our own for the API, and the zone that they are in.
    dns_zone: DnsZone | None
    api_domain: str | None
    media_domain: str | None
    # Whose workflows may deploy (`owner/name`), and GitHub's provider if the account has one.
    github_repository: str | None
    github_oidc_provider_arn: str | None
    # What stands behind the @ of the address that mails come from.
    mail_domain: str
    # Who hears of alarms, what a month may cost, and whether figures are watched that warn early.
    operators_email: str | None
    monthly_budget_usd: int
    watches_closely: bool
    # Who we are to the providers through which people log in, and what stands in for providers.
    google_client_id: str | None
    github_client_id: str | None
    oauth_stand_ins: dict[str, Any]

    @classmethod
    def from_context(cls, context: ContextReader) -> "StageSettings":
        """Read the settings of the stage named by the context.

        A value given with ``-c name=value`` wins over the one in ``cdk.json``.

        Raises:
            ValueError: The stage is unknown, or one of its settings is missing or does not fit.
        """
        stage = Stage(context("stage"))
        of_stage: dict[str, Any] = (context("stages") or {}).get(stage.value, {})

        def optional(name: str) -> str | None:
            value = context(name)
            value = of_stage.get(name) if value is None else value
            return None if value is None else str(value)

        def required(name: str) -> str:
            value = optional(name)
            if not value:
                raise ValueError(f"Stage {stage.value} needs a value: cdk deploy -c {name}=…")
            return value

        def listed(name: str) -> tuple[str, ...]:
            parts = (part.strip() for part in (optional(name) or "").split(","))
            return tuple(part for part in parts if part)

        zone = (
            DnsZone(required("dns_zone_id"), required("dns_zone_name"))
            if optional("dns_zone_id") or optional("dns_zone_name")
            else None
        )

        def domain(name: str) -> str | None:
            value = optional(name)
            if value and (zone is None or value not in zone):
                raise ValueError(f"{name} {value} is not in the zone that dns_zone_name names.")
            return value or None

        if optional("media_domain") and optional("region") != CERTIFICATES_OF_CLOUDFRONT:
            raise ValueError(
                f"media_domain needs region {CERTIFICATES_OF_CLOUDFRONT}: CloudFront takes the"
                " certificate of a name from there only."
            )

        repository = optional("github_repository")
        if repository and not _REPOSITORY.fullmatch(repository):
            raise ValueError(f"github_repository {repository} is not of the form owner/name.")

        def group[G: BaseModel](model: type[G], name: str) -> G | None:
            on_aws = stage is not Stage.LOCAL
            return read_group(model, name, of_stage, context) if on_aws else None

        return cls(
            stage=stage,
            account=optional("account"),
            # The zones of the network and the certificates of the database are a region's.
            region=required("region"),
            allowed_origins=tuple(required("allowed_origins").split(",")),
            log_retention=RetentionDays[required("log_retention")],
            database_host=required("database_host") if stage is Stage.LOCAL else None,
            database_port=int(required("database_port")),
            network=group(NetworkSettings, "network"),
            postgres=group(PostgresSettings, "postgres"),
            worker=group(WorkerSettings, "worker"),
            aws_endpoint_url=optional("aws_endpoint_url"),
            fan_platform_url=optional("fan_platform_url"),
            stripe_api_base=optional("stripe_api_base") or None,
            model_providers=ModelProviders(
                *(optional(field.name) or "" for field in dataclasses.fields(ModelProviders))
            ),
            slack_hooks_origin=optional("slack_hooks_origin") or None,
            periodic_sync=(optional("periodic_sync") or "false").lower() == "true",
            lane_limits=optional("lane_limits"),
            firewall=(optional("firewall") or "true").lower() == "true",
            trusted_proxies=tuple(str(ip_network(part)) for part in listed("trusted_proxies")),
            dns_zone=zone,
            api_domain=domain("api_domain"),
            media_domain=domain("media_domain"),
            github_repository=repository,
            github_oidc_provider_arn=optional("github_oidc_provider_arn"),
            mail_domain=required("mail_domain"),
            operators_email=optional("operators_email"),
            monthly_budget_usd=int(optional("monthly_budget_usd") or 60),
            watches_closely=(optional("watches_closely") or "false").lower() == "true",
            google_client_id=optional("google_client_id"),
            github_client_id=optional("github_client_id"),
            oauth_stand_ins=json.loads(optional("oauth_stand_ins") or "{}"),
            dependencies_layer=(optional("dependencies_layer") or "true").lower() == "true",
        )

    @property
    def local_api_url(self) -> str | None:
        """Where the API of one machine answers; None on AWS, whose names come with it."""
        if self.aws_endpoint_url is None:
            return None
        return f"{self.aws_endpoint_url}/_aws/execute-api/{LOCAL_API_ID}/{self.stage.value}"

    @property
    def local_sockets_url(self) -> str | None:
        """Where the WebSocket API of one machine is managed; None on AWS."""
        if self.aws_endpoint_url is None:
            return None
        return f"{self.aws_endpoint_url}/_aws/execute-api/{LOCAL_SOCKETS_ID}/{self.stage.value}"

    @property
    def on_aws(self) -> bool:
        """False where one machine stands in for AWS and speaks plain HTTP."""
        return self.stage is not Stage.LOCAL

    @property
    def app_url(self) -> str:
        """Where the pages of the front end are, which links in mails lead to."""
        return self.allowed_origins[0]

    @property
    def arm64(self) -> bool:
        """Graviton on AWS; on one machine the wheels must fit that machine."""
        return self.on_aws or platform.machine() in {"arm64", "aarch64"}

    @property
    def removal_policy(self) -> RemovalPolicy:
        """Production's data outlives its stack."""
        if self.stage is Stage.PRODUCTION:
            return RemovalPolicy.RETAIN
        return RemovalPolicy.DESTROY

    @property
    def environment(self) -> Environment:
        """Where the stacks go; without an account, the credentials decide at deploy."""
        return Environment(account=self.account, region=self.region)

    def stack_name(self, name: str) -> str:
        """The name under which a stack is deployed: ``Huntaze-{stage}-{name}``."""
        return f"Huntaze-{self.stage.value}-{name}"
