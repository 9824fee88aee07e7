"""What a feature is built from: the stage, its stores, its schema and its routes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.data import Data
from stacks.database import Database, DatabaseRole
from stacks.feature_function import API_TIMEOUT, FeatureFunction
from stacks.layers import Layers
from stacks.messaging import Messaging
from stacks.migration import Migration
from stacks.network import Place
from stacks.routes import RouteTable
from stacks.settings import StageSettings
from stacks.socket_api import SocketApi
from stacks.token_keys import TokenKeys

_EVERY_MINUTE = events.Schedule.rate(Duration.minutes(1))


def below(*paths: str) -> list[str]:
    """Each path and everything below it."""
    return [route for path in paths for route in (path, f"{path}/{{proxy+}}")]


@dataclass(frozen=True)
class FunctionParts:
    """What every function that logs in to the database is built from."""

    scope: Construct
    settings: StageSettings
    database: Database
    layers: Layers
    migration: Migration
    network: Place | None

    def function(
        self,
        construct_id: str,
        slice_name: str,
        role: DatabaseRole = DatabaseRole.APP,
        *,
        environment: Mapping[str, str] | None = None,
        heavy_packages: Sequence[str] = (),
        extra_files: Sequence[Path] = (),
        memory_mb: int = 512,
        timeout: Duration = API_TIMEOUT,
    ) -> FeatureFunction:
        """Define a function that needs the migrated schema and one role in it.

        Args:
            construct_id: The function's name, without the stage.
            slice_name: Where its ``handler.py`` is below ``functions``, e.g. ``campaigns.api``.
            role: Its role in the database.
            environment: Its settings beside the database.
            heavy_packages: The packages with a layer of their own that it calls.
            extra_files: Files outside the feature's folder that it carries.
            memory_mb: Memory, and with it a share of a processor.
            timeout: How long one call may take.
        """
        function = FeatureFunction(
            self.scope,
            construct_id,
            settings=self.settings,
            layers=self.layers,
            handler=f"functions.{slice_name}.handler.handler",
            environment=environment,
            heavy_packages=heavy_packages,
            extra_files=extra_files,
            memory_mb=memory_mb,
            network=self.network,
            timeout=timeout,
        )
        self.database.admit(function, role)
        self.migration.precede(function)
        return function


@dataclass(frozen=True)
class FeatureParts(FunctionParts):
    """Everything that the features behind the routes share."""

    data: Data
    messaging: Messaging
    routes: RouteTable
    outbox_relay: FeatureFunction
    token_keys: TokenKeys
    sockets: SocketApi


def run_every_minute(construct_id: str, function: lambda_.Function) -> None:
    """Call a function once a minute, without an event of its own."""
    run_regularly(construct_id, function, _EVERY_MINUTE)


def run_regularly(construct_id: str, function: lambda_.Function, schedule: events.Schedule) -> None:
    """Call a function by the clock, without an event of its own."""
    rule = events.Rule(
        function.stack,
        construct_id,
        schedule=schedule,
        # The next time repeats the work: a late retry would only add to it.
        targets=[targets.LambdaFunction(function, retry_attempts=0)],
    )
    acknowledge(rule, "EventBusDLQ", "the next time repeats the work", pack="Serverless")
