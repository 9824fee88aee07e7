"""The REST API in front of the features' functions."""

from aws_cdk import CfnOutput
from constructs import Construct

from stacks.functions import Functions
from stacks.rest_api import RestApi
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack


class Api(StageStack):
    """What the gateway answers to; a stack of its own, because routes are many resources."""

    def __init__(self, scope: Construct, settings: StageSettings, *, functions: Functions) -> None:
        super().__init__(scope, "Api", settings, description="Huntaze: the REST API")
        self.add_stack_dependency(functions)
        self.rest = RestApi(
            self, "Routes", settings=settings, authorizer=functions.authorizer.slice_name
        )
        for route in functions.routes.all:
            self.rest.serve(route)
        CfnOutput(self, "ApiUrl", value=self.rest.url)
