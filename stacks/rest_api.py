"""The REST API: routes to functions, the authorizer, CORS, and refusals in one shape."""

import json

from aws_cdk import Duration, Stack, Tags
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
from stacks.feature_function import function_arn
from stacks.routes import Route
from stacks.settings import LOCAL_API_ID, StageSettings

# A caller never waits longer in a queue than it would for an answer; per stage, all tenants.
_REQUESTS_PER_SECOND = 1000
_BURST = 2000

# Files that are bodies, whatever their encoding: the gateway passes these on byte for byte. Of all
# others it makes UTF-8, and what is not becomes question marks before a function sees it.
_FILES = ("text/csv", "text/tab-separated-values", "application/x-ndjson", "application/jsonl")

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
        authorizer: str,
    ) -> None:
        """Define the API without routes.

        Args:
            scope: The stack.
            construct_id: Its name in the stack.
            settings: The stage.
            authorizer: The slice of the function that says who calls.
        """
        super().__init__(scope, construct_id)
        self._settings = settings
        self._integrations: dict[str, apigateway.LambdaIntegration] = {}
        self.api = apigateway.RestApi(
            self,
            "Rest",
            rest_api_name=f"huntaze-{settings.stage.value}",
            deploy_options=self._stage_options(),
            endpoint_types=[apigateway.EndpointType.REGIONAL],
            binary_media_types=list(_FILES),
            cloud_watch_role=settings.on_aws,
            # With a name of its own the API answers under that name only.
            disable_execute_api_endpoint=settings.api_domain is not None,
        )
        self._authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=self._by_name(authorizer),
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
            # How the stand-in for AWS is told the id that `local_api_url` counts on.
            Tags.of(self.api).add("ms-custom-id", LOCAL_API_ID)
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
        return self._settings.local_api_url or self.api.url.rstrip("/")

    def serve(self, route: Route) -> None:
        """Send the requests for a path to its function."""
        resource = self.api.root.resource_for_path(route.path)
        integration = self._integration(route.slice_name)
        if route.public:
            open_method = resource.add_method(
                route.method, integration, authorization_type=apigateway.AuthorizationType.NONE
            )
            acknowledge(open_method, "APIG4", "a public route by design: strangers call it")
        else:
            resource.add_method(
                route.method,
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

    def _integration(self, slice_name: str) -> apigateway.LambdaIntegration:
        if slice_name not in self._integrations:
            # One permission a function for the whole API: the authorizer, not the function's
            # policy, tells the routes apart.
            self._integrations[slice_name] = apigateway.LambdaIntegration(
                self._by_name(slice_name), scope_permission_to_method=False
            )
        return self._integrations[slice_name]

    def _by_name(self, slice_name: str) -> lambda_.IFunction:
        # An export of the ARN would keep a function from going away before its routes have gone,
        # and they go after it.
        return lambda_.Function.from_function_attributes(
            self,
            f"Function-{slice_name}",
            function_arn=function_arn(Stack.of(self), self._settings, slice_name),
            same_environment=True,
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
            "Cache-Control": "'no-store'",
            # The gateway's own quotes leave no room for those of `'none'`: nothing runs, and
            # nothing is framed.
            "Content-Security-Policy": "'sandbox'",
            "Referrer-Policy": "'no-referrer'",
            "Strict-Transport-Security": "'max-age=63072000'",
            "X-Content-Type-Options": "'nosniff'",
            "X-Frame-Options": "'DENY'",
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
