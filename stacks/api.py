"""The REST API and the WebSocket API in front of the features' functions."""

from aws_cdk import CfnOutput
from constructs import Construct

from stacks.functions import Functions
from stacks.rest_api import RestApi
from stacks.settings import StageSettings
from stacks.socket_api import SocketRoutes
from stacks.stage_stack import StageStack


class Api(StageStack):
    """What the gateway answers to; a stack of its own, because routes are many resources."""

    def __init__(self, scope: Construct, settings: StageSettings, *, functions: Functions) -> None:
        super().__init__(scope, "Api", settings, description="Huntaze: the APIs")
        self.add_stack_dependency(functions)
        self.rest = RestApi(
            self, "Routes", settings=settings, authorizer=functions.authorizer.slice_name
        )
        for route in functions.routes.all:
            self.rest.serve(route)
        sockets = SocketRoutes(self, "Sockets", settings=settings, sockets=functions.sockets)
        # The role with which an account lets API Gateway log comes with the REST API.
        sockets.node.add_dependency(self.rest)
        CfnOutput(self, "ApiUrl", value=self.rest.url)
        CfnOutput(self, "RealtimeUrl", value=functions.sockets.address.url)
