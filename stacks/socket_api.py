"""The WebSocket API: an address that functions know before anything is behind it, and its routes.

The bare API is made with the functions, because they send through it and need its id; what leads to
functions is made with the routes, after them.
"""

import json
from dataclasses import dataclass

from aws_cdk import ArnFormat, Stack, Tags
from aws_cdk import aws_apigatewayv2 as gateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledge import NO_LOGS_LOCALLY, acknowledge
from stacks.feature_function import function_arn
from stacks.settings import LOCAL_SOCKETS_ID, StageSettings

_SLICE = "realtime.socket"
# Connections and what they say, of all tenants; a page that runs wild is stopped here.
_MESSAGES_PER_SECOND = 500
_BURST = 1000
# Before that no function is asked.
_PROOF = "route.request.querystring.ticket"

# Without the query, which holds the ticket.
_ACCESS_LOG = {
    "time": "$context.requestTime",
    "correlation_id": "$context.requestId",
    "connection": "$context.connectionId",
    "ip": "$context.identity.sourceIp",
    "event": "$context.eventType",
    "status": "$context.status",
    "workspace_id": "$context.authorizer.workspace_id",
    "error": "$context.error.responseType",
}


@dataclass(frozen=True)
class SocketAddress:
    """Where clients connect, and where functions send through."""

    url: str
    endpoint: str
    # Of all connections, to send to and to close.
    arns: tuple[str, ...]


class SocketApi(Construct):
    """The API without routes."""

    def __init__(self, scope: Construct, construct_id: str, settings: StageSettings) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.api = gateway.CfnApi(
            self,
            "Api",
            name=f"huntaze-{settings.stage.value}-realtime",
            protocol_type="WEBSOCKET",
            route_selection_expression="$request.body.action",
        )
        if not settings.on_aws:
            # How the stand-in for AWS is told the id that its address counts on.
            Tags.of(self.api).add("ms-custom-id", LOCAL_SOCKETS_ID)

    @property
    def address(self) -> SocketAddress:
        """Where it answers."""
        stack, stage = Stack.of(self), self._settings.stage.value
        arns = tuple(
            stack.format_arn(
                service="execute-api",
                resource=self.api.ref,
                resource_name=f"{stage}/{verb}/@connections/*",
            )
            for verb in ("POST", "DELETE")
        )
        local = self._settings.local_sockets_url
        if local is not None:
            return SocketAddress(local.replace("http", "ws", 1), local, arns)
        host = f"{self.api.ref}.execute-api.{stack.region}.{stack.url_suffix}/{stage}"
        return SocketAddress(f"wss://{host}", f"https://{host}", arns)


class SocketRoutes(Construct):
    """What leads from the API to its function."""

    def __init__(
        self, scope: Construct, construct_id: str, *, settings: StageSettings, sockets: SocketApi
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self._api_id = sockets.api.ref
        stack = Stack.of(self)
        function = lambda_.Function.from_function_attributes(
            self,
            "Function",
            function_arn=function_arn(stack, settings, _SLICE),
            same_environment=True,
        )
        call = (
            f"arn:{stack.partition}:apigateway:{stack.region}:lambda:path/2015-03-31/functions/"
            f"{function.function_arn}/invocations"
        )
        function.add_permission(
            "Called",
            principal=iam.ServicePrincipal("apigateway.amazonaws.com"),
            source_arn=stack.format_arn(
                service="execute-api", resource=self._api_id, resource_name="*"
            ),
            scope=self,
        )
        authorizer = gateway.CfnAuthorizer(
            self,
            "Authorizer",
            api_id=self._api_id,
            name="ticket",
            authorizer_type="REQUEST",
            authorizer_uri=call,
            identity_source=[_PROOF],
        )
        integration = gateway.CfnIntegration(
            self,
            "Integration",
            api_id=self._api_id,
            integration_type="AWS_PROXY",
            integration_uri=call,
        )
        routes = [
            self._route(name, integration, authorizer)
            for name in ("connect", "disconnect", "default")
        ]
        stage = self._stage()
        for route in routes:
            stage.add_resource_dependency(route)

    def _route(
        self, name: str, integration: gateway.CfnIntegration, authorizer: gateway.CfnAuthorizer
    ) -> gateway.CfnRoute:
        # Who is let in stays who they are: API Gateway knows no other authorization of messages.
        first = name == "connect"
        route = gateway.CfnRoute(
            self,
            name.title(),
            api_id=self._api_id,
            route_key=f"${name}",
            target=f"integrations/{integration.ref}",
            authorization_type="CUSTOM" if first else "NONE",
            authorizer_id=authorizer.ref if first else None,
        )
        if not first:
            acknowledge(route, "APIG4", "a ticket opens the connection; messages come through it")
        return route

    def _stage(self) -> gateway.CfnStage:
        on_aws = self._settings.on_aws
        access = None
        if on_aws:
            group = logs.LogGroup(
                self,
                "AccessLogs",
                retention=self._settings.log_retention,
                removal_policy=self._settings.removal_policy,
            )
            access = gateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=Stack.of(self).format_arn(
                    service="logs",
                    resource="log-group",
                    resource_name=group.log_group_name,
                    arn_format=ArnFormat.COLON_RESOURCE_NAME,
                ),
                format=json.dumps(_ACCESS_LOG),
            )
        stage = gateway.CfnStage(
            self,
            "Stage",
            api_id=self._api_id,
            stage_name=self._settings.stage.value,
            auto_deploy=True,
            access_log_settings=access,
            default_route_settings=gateway.CfnStage.RouteSettingsProperty(
                # What clients say and hear is theirs.
                data_trace_enabled=False,
                throttling_burst_limit=_BURST,
                throttling_rate_limit=_MESSAGES_PER_SECOND,
            )
            if on_aws
            else None,
        )
        if not on_aws:
            acknowledge(stage, "APIG1", NO_LOGS_LOCALLY)
            acknowledge(stage, "APIGWAccessLogging", NO_LOGS_LOCALLY, pack="Serverless")
            own = "a machine of one's own is throttled by its processor"
            acknowledge(stage, "APIGWDefaultThrottling", own, pack="Serverless")
        return stage
