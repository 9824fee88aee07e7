"""The keys of access tokens: made at deploy, looked after every day."""

from aws_cdk import CustomResource, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from stacks.acknowledge import acknowledge
from stacks.data import Data
from stacks.feature_function import FeatureFunction
from stacks.layers import Layers
from stacks.permissions import keys
from stacks.settings import StageSettings

_TIMEOUT = Duration.seconds(60)


class TokenKeys(Construct):
    """Fills the two secrets before a function reads them, and rotates them from then on."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        layers: Layers,
        data: Data,
    ) -> None:
        super().__init__(scope, construct_id)
        self.function = FeatureFunction(
            self,
            "Rotation",
            settings=settings,
            layers=layers,
            handler="functions.token_keys.handler.handler",
            timeout=_TIMEOUT,
        )
        keys.rotate_token_keys(self.function, data)
        self._first_keys = CustomResource(
            self,
            "Keys",
            resource_type="Custom::TokenKeys",
            service_token=self.function.function_arn,
            service_timeout=_TIMEOUT,
        )
        # Most days find nothing to do; the function knows when a key's time has come.
        daily = events.Rule(
            self,
            "Daily",
            schedule=events.Schedule.rate(Duration.days(1)),
            targets=[targets.LambdaFunction(self.function)],
        )
        acknowledge(daily, "EventBusDLQ", "the next day repeats the work", pack="Serverless")

    def precede(self, function: FeatureFunction) -> None:
        """Let there be keys before ``function`` is first called."""
        function.node.add_dependency(self._first_keys)
