"""One Lambda of a feature: its own zip, its own role, its own log group."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledge import NO_TRACES_LOCALLY, acknowledge, acknowledge_wildcard
from stacks.build import feature_asset
from stacks.layers import Layers, architecture
from stacks.network import Place
from stacks.permissions import interfaces
from stacks.settings import StageSettings

# API Gateway gives up after 29 seconds; a function that works longer only costs.
API_TIMEOUT = Duration.seconds(29)


def function_name(settings: StageSettings, slice_name: str) -> str:
    """What the function of a slice is called, e.g. ``huntaze-dev-campaigns-api``."""
    return f"huntaze-{settings.stage.value}-{slice_name.replace('.', '-')}"


def function_arn(stack: Stack, settings: StageSettings, slice_name: str) -> str:
    """The ARN of a slice's function in the stage, from its name."""
    return stack.format_arn(
        service="lambda",
        resource="function",
        resource_name=function_name(settings, slice_name),
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )


class FeatureFunction(lambda_.Function):
    """A function that may do nothing but log until something is granted to it."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        handler: str,
        environment: Mapping[str, str] | None = None,
        extra_files: Sequence[Path] = (),
        heavy_packages: Sequence[str] = (),
        memory_mb: int = 512,
        network: Place | None = None,
        timeout: Duration = API_TIMEOUT,
    ) -> None:
        """Define the function.

        Args:
            scope: The stack.
            construct_id: The function's name, without the stage.
            settings: The stage.
            layers: The layers of the stack.
            handler: ``functions.<feature>.….handler.handler``; names the feature too.
            environment: Its settings beside the stage.
            extra_files: Files outside the feature's folder that it carries.
            heavy_packages: The packages with a layer of their own that it calls.
            memory_mb: Memory, and with it a share of a processor.
            network: Where it meets the database; None is outside of any network.
            timeout: How long one call may take.
        """
        feature = handler.split(".")[1]
        # As its log lines, its part of a trace and its alarms call it.
        self.slice_name = handler.removeprefix("functions.").removesuffix(".handler.handler")
        asset = feature_asset(feature, tuple(extra_files))
        log_group = logs.LogGroup(
            scope,
            f"{construct_id}Logs",
            retention=settings.log_retention,
            removal_policy=settings.removal_policy,
        )
        # The managed policy that CDK attaches otherwise may write to every log group.
        role = iam.Role(
            scope, f"{construct_id}Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        log_group.grant_write(role)
        if network is not None:
            interfaces.join_network(role, network)
        super().__init__(
            scope,
            construct_id,
            architecture=architecture(settings),
            code=lambda_.Code.from_asset(str(asset.path), asset_hash=asset.digest),
            environment={
                "STAGE": settings.stage.value,
                "SERVICE": self.slice_name,
                **(environment or {}),
            },
            function_name=function_name(settings, self.slice_name),
            handler=handler,
            layers=layers.versions(*heavy_packages),
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            memory_size=memory_mb,
            role=role,
            runtime=lambda_.Runtime.PYTHON_3_13,
            security_groups=[network.group] if network else None,
            timeout=timeout,
            tracing=lambda_.Tracing.ACTIVE if settings.on_aws else lambda_.Tracing.DISABLED,
            vpc=network.vpc if network else None,
            vpc_subnets=network.selection if network else None,
        )
        for pack, rule in (("AwsSolutions", "L1"), ("Serverless", "LambdaLatestVersion")):
            acknowledge(self, rule, "Python 3.14 starts slower today than 3.13", pack=pack)
        # A test looks for functions that an event calls and that no schedule calls again.
        acknowledge(
            self,
            "LambdaDLQ",
            "its caller waits for it and tries again, or a schedule repeats its work",
            pack="Serverless",
        )
        if settings.on_aws:
            acknowledge_wildcard(role, "*", "X-Ray has no resource level")
        else:
            acknowledge(self, "LambdaTracing", NO_TRACES_LOCALLY, pack="Serverless")
