"""The REST API: routes to functions, the authorizer, CORS, and refusals in one shape."""

import json
from collections.abc import Iterable

from aws_cdk import Duration
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from stacks.acknowledge import (
    NO_LOGS_LOCALLY,
    NO_TRACES_LOCALLY,
    acknowledge,
    acknowledge_managed_policy,
)
from stacks.settings import StageSettings

# A caller never waits longer in a queue than it would for an answer; per stage, all tenants.
_REQUESTS_PER_SECOND = 1000
_BURST = 2000

# What the gateway itself refuses reads like a refusal by a feature. The sentence is JSON text;
# `$context.error.messageString` brings its own quotes.
_REFUSALS = (
    (apigateway.ResponseType.UNAUTHORIZED, "401", "Unauthorized", '"Log in first."'),
    (apigateway.ResponseType.ACCESS_DENIED, "403", "Forbidden", '"This is not yours to do."'),
    # The gateway's word for an unknown route.
    (
        apigateway.ResponseType.MISSING_AUTHENTICATION_TOKEN,
        "404",
        "NotFound",
        '"There is no such route; see /api/docs."',
    ),
    (apigateway.ResponseType.THROTTLED, "429", "TooManyRequests", '"Try again in a second."'),
    (
        apigateway.ResponseType.REQUEST_TOO_LARGE,
        "413",
        "TooLarge",
        "$context.error.messageString",
    ),
    (
        apigateway.ResponseType.WAF_FILTERED,
        "403",
        "Filtered",
        '"The firewall took this request for an attack and did not pass it on."',
    ),
    (apigateway.ResponseType.DEFAULT_4_XX, None, "BadRequest", "$context.error.messageString"),
    (
        apigateway.ResponseType.DEFAULT_5_XX,
        None,
        "InternalError",
        '"Something failed on our side; the request can be repeated."',
    ),
)


# One line a request: its id is the correlation id of everything that follows from it. The route
# as it is declared, not the path, which may hold what somebody typed.
_ACCESS_LOG = {
    "time": "$context.requestTime",
    "correlation_id": "$context.requestId",
    "trace_id": "$context.xrayTraceId",
    "ip": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "route": "$context.resourcePath",
    "protocol": "$context.protocol",
    "status": "$context.status",
    "duration_ms": "$context.responseLatency",
    "function_ms": "$context.integration.latency",
    "authorizer_ms": "$context.authorizer.latency",
    "bytes": "$context.responseLength",
    "workspace_id": "$context.authorizer.workspace_id",
    # Why the gateway itself refused.
    "error": "$context.error.responseType",
}


class RestApi(Construct):
    """The routes of the features under ``/api``."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        settings: StageSettings,
        authorizer: lambda_.IFunction,
    ) -> None:
        super().__init__(scope, construct_id)
        self._settings = settings
        self.api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"huntaze-{settings.stage.value}",
            deploy_options=self._stage_options(),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            cloud_watch_role=settings.on_aws,
            # With a name of its own the API answers under that name only.
            disable_execute_api_endpoint=settings.api_domain is not None,
        )
        self._authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=authorizer,
            # Without identity sources and cache every request is judged anew: a session that was
            # ended stops working at once, and cookie and bearer are both accepted.
            identity_sources=[],
            results_cache_ttl=Duration.seconds(0),
        )
        self._add_refusals()
        acknowledge(self.api, "COG4", "sessions are Huntaze's own; the authorizer checks them")
        acknowledge(self.api, "APIG2", "each function validates, and says which field is wrong")
        if settings.on_aws:
            guarded = "the firewall of the Edge stack guards the stage"
            bare = "this stage does without by its settings; the gateway throttles it"
            acknowledge(self.api, "APIG3", guarded if settings.firewall else bare)
            acknowledge_managed_policy(
                self.api,
                "service-role/AmazonAPIGatewayPushToCloudWatchLogs",
                "what API Gateway asks of the one role with which an account lets it log",
            )
        else:
            acknowledge(self.api, "APIG1", NO_LOGS_LOCALLY)
            acknowledge(self.api, "APIG3", "a firewall guards the stages that the web can reach")
            acknowledge(self.api, "APIG6", NO_LOGS_LOCALLY)
            for rule, reason in (
                ("APIGWAccessLogging", NO_LOGS_LOCALLY),
                ("APIGWDefaultThrottling", "a machine of one's own is throttled by its processor"),
                ("APIGWXrayEnabled", NO_TRACES_LOCALLY),
            ):
                acknowledge(self.api, rule, reason, pack="Serverless")

    @property
    def url(self) -> str:
        """The address under which ``/api/…`` answers."""
        if self._settings.api_domain is not None:
            return f"https://{self._settings.api_domain}"
        if self._settings.aws_endpoint_url is None:
            return self.api.url.rstrip("/")
        stage = self.api.deployment_stage.stage_name
        base = f"{self._settings.aws_endpoint_url}/_aws/execute-api"
        return f"{base}/{self.api.rest_api_id}/{stage}"

    def serve(
        self,
        function: lambda_.IFunction,
        paths: Iterable[str],
        *,
        method: str = "ANY",
        public: bool = False,
    ) -> None:
        """Send the requests for ``paths`` to ``function``.

        Args:
            function: The feature.
            paths: From the root, e.g. ``/api/content/{proxy+}``.
            method: The one HTTP method, or ``ANY``.
            public: Whether strangers may call it; otherwise the authorizer decides.
        """
        # One permission a function for the whole API: the authorizer, not the function's
        # policy, tells the routes apart.
        integration = apigateway.LambdaIntegration(function, scope_permission_to_method=False)
        for path in paths:
            resource = self.api.root.resource_for_path(path)
            if public:
                open_method = resource.add_method(
                    method, integration, authorization_type=apigateway.AuthorizationType.NONE
                )
                acknowledge(open_method, "APIG4", "a public route by design: strangers call it")
            else:
                resource.add_method(
                    method,
                    integration,
                    authorization_type=apigateway.AuthorizationType.CUSTOM,
                    authorizer=self._authorizer,
                )
            resource.add_cors_preflight(
                allow_origins=list(self._settings.allowed_origins),
                allow_credentials=True,
                allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "X-CSRF-Token"],
                allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
                max_age=Duration.hours(1),
            )

    def _stage_options(self) -> apigateway.StageOptions:
        if not self._settings.on_aws:
            return apigateway.StageOptions(stage_name=self._settings.stage.value)
        access = logs.LogGroup(
            self,
            "AccessLogs",
            retention=self._settings.log_retention,
            removal_policy=self._settings.removal_policy,
        )
        return apigateway.StageOptions(
            stage_name=self._settings.stage.value,
            access_log_destination=apigateway.LogGroupLogDestination(access),
            access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LOG)),
            # Bodies carry what fans and creators wrote: requests are never traced into the log.
            data_trace_enabled=False,
            logging_level=apigateway.MethodLoggingLevel.ERROR,
            metrics_enabled=True,
            throttling_burst_limit=_BURST,
            throttling_rate_limit=_REQUESTS_PER_SECOND,
            tracing_enabled=True,
        )

    def _add_refusals(self) -> None:
        # A refusal can name one origin only; the front end proxies `/api` on its own, so this
        # serves the first origin's tools.
        headers = {
            "Access-Control-Allow-Origin": f"'{self._settings.allowed_origins[0]}'",
            "Access-Control-Allow-Credentials": "'true'",
            "Strict-Transport-Security": "'max-age=63072000'",
            "X-Content-Type-Options": "'nosniff'",
            "X-Correlation-Id": "context.requestId",
        }
        for kind, status, error, detail in _REFUSALS:
            extra = {"Retry-After": "'1'"} if error == "TooManyRequests" else {}
            self.api.add_gateway_response(
                error,
                type=kind,
                status_code=status,
                response_headers={**headers, **extra},
                templates={"application/json": f'{{"error":"{error}","detail":{detail}}}'},
            )
