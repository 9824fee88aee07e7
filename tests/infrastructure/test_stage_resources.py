"""Queues, data, routes and outputs of the stages."""

import json

from browser_worker.settings import WorkerSettings
from functions.fans.handler import RAW_FORMATS
from huntaze.outbox import RelaySettings
from huntaze.settings import DatabaseSettings

_PUBLIC = {
    ("GET", "/api/auth/jwks.json"),
    ("GET", "/api/billing/plans"),
    ("GET", "/api/auth/oauth/{provider}/callback"),
    ("GET", "/api/auth/oauth/{provider}/start"),
    ("GET", "/api/docs"),
    ("GET", "/api/health"),
    ("GET", "/api/openapi.json"),
    ("POST", "/api/auth/forgot-password"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/magic-link"),
    ("POST", "/api/auth/magic-link/consume"),
    ("POST", "/api/auth/accept-invitation"),
    ("POST", "/api/auth/refresh"),
    ("POST", "/api/auth/register"),
    ("POST", "/api/auth/resend-verification"),
    ("POST", "/api/auth/reset-password"),
    ("POST", "/api/auth/verify-email"),
    ("POST", "/api/webhooks/platforms/{name}"),
    ("POST", "/api/webhooks/stripe"),
}


def _routes(assembly):
    """Each method of the API: (verb, path) and its properties."""
    parts = {
        resource.logical_id: resource.properties
        for resource in assembly.of_kind("AWS::ApiGateway::Resource")
    }

    def path(reference):
        if "Ref" not in reference:
            return ""
        part = parts[reference["Ref"]]
        return f"{path(part['ParentId'])}/{part['PathPart']}"

    for method in assembly.of_kind("AWS::ApiGateway::Method"):
        properties = method.properties
        yield (properties["HttpMethod"], path(properties["ResourceId"])), properties


def test_strangers_reach_the_public_routes_and_no_others(assembly):
    public = {
        route
        for route, properties in _routes(assembly)
        if properties["AuthorizationType"] != "CUSTOM" and route[0] != "OPTIONS"
    }
    assert public == _PUBLIC


def test_every_route_answers_the_preflight_of_the_front_end(assembly):
    routes = {route for route, _ in _routes(assembly)}
    without = {path for verb, path in routes if verb != "OPTIONS"} - {
        path for verb, path in routes if verb == "OPTIONS"
    }
    assert not without


def test_a_session_that_ended_stops_working_at_once(assembly):
    (authorizer,) = assembly.of_kind("AWS::ApiGateway::Authorizer")
    assert authorizer.properties["AuthorizerResultTtlInSeconds"] == 0
    assert authorizer.properties["Type"] == "REQUEST"


def test_refusals_of_the_gateway_look_like_ours(assembly):
    refusals = assembly.of_kind("AWS::ApiGateway::GatewayResponse")
    kinds = {refusal.properties["ResponseType"] for refusal in refusals}
    assert {"DEFAULT_4XX", "DEFAULT_5XX", "UNAUTHORIZED", "ACCESS_DENIED"} <= kinds
    for refusal in refusals:
        template = refusal.properties["ResponseTemplates"]["application/json"]
        body = json.loads(template.replace("$context.error.messageString", '"…"'))
        assert set(body) == {"error", "detail"}, refusal
        told = refusal.properties["ResponseParameters"]
        assert told["gatewayresponse.header.X-Content-Type-Options"] == "'nosniff'", refusal
        assert "gatewayresponse.header.Strict-Transport-Security" in told, refusal
        assert told["gatewayresponse.header.Content-Security-Policy"] == "'sandbox'", refusal
        assert told["gatewayresponse.header.X-Frame-Options"] == "'DENY'", refusal
        assert told["gatewayresponse.header.Referrer-Policy"] == "'no-referrer'", refusal
        assert told["gatewayresponse.header.Cache-Control"] == "'no-store'", refusal


def test_files_in_bodies_come_byte_for_byte(assembly):
    (api,) = assembly.of_kind("AWS::ApiGateway::RestApi")
    assert set(api.properties["BinaryMediaTypes"]) == set(RAW_FORMATS)


def test_every_queue_has_a_dead_letter_queue(assembly):
    queues = assembly.of_kind("AWS::SQS::Queue")
    dead = {
        queue.properties["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
        for queue in queues
        if "RedrivePolicy" in queue.properties
    }
    unguarded = {
        queue.logical_id for queue in queues if "RedrivePolicy" not in queue.properties
    } - dead
    assert not unguarded


def test_lanes_wake_up_in_order_and_come_back_often(assembly):
    (lanes,) = [
        queue.properties
        for queue in assembly.of_kind("AWS::SQS::Queue")
        if queue.properties["QueueName"] == "huntaze-rate-limiter-queue.fifo"
    ]
    assert lanes["FifoQueue"] is True
    assert lanes["VisibilityTimeout"] == 120
    assert lanes["RedrivePolicy"]["maxReceiveCount"] == 500


def test_data_is_kept_safe(assembly):
    for table in assembly.of_kind("AWS::DynamoDB::Table"):
        recovery = table.properties["PointInTimeRecoverySpecification"]
        assert recovery["PointInTimeRecoveryEnabled"] is True, table
    for key in assembly.of_kind("AWS::KMS::Key"):
        assert key.properties["EnableKeyRotation"] is True, key
    for bucket in assembly.of_kind("AWS::S3::Bucket"):
        assert all(bucket.properties["PublicAccessBlockConfiguration"].values()), bucket
        assert bucket.properties["BucketEncryption"], bucket


def test_queues_and_buckets_refuse_plain_http_on_aws(production):
    for kind, policy in (
        ("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        ("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
    ):
        policies = [json.dumps(found.properties) for found in production.of_kind(policy)]
        assert len(policies) == len(production.of_kind(kind))
        assert all("aws:SecureTransport" in found for found in policies)


def test_the_launcher_finds_the_outputs_that_it_needs(local):
    outputs = {
        name: output["Value"]
        for template in local.templates.values()
        for name, output in template.get("Outputs", {}).items()
    }
    assert {"ApiUrl", "WorkerEnvironment", "WorkerTaskRoleArn"} <= set(outputs)
    assert outputs["ApiUrl"] == "http://localhost:4566/_aws/execute-api/huntaze/local"


def test_the_worker_starts_with_the_settings_that_it_reads(assembly, rendered):
    (outputs,) = [
        template["Outputs"]
        for stack, template in assembly.templates.items()
        if stack.endswith("-Worker")
    ]
    environment = json.loads(rendered(outputs["WorkerEnvironment"]["Value"]))
    variables = {name.lower(): value for name, value in environment.items()}
    for model in (WorkerSettings, DatabaseSettings, RelaySettings):
        model.model_validate(variables)


def test_stages_share_no_stack(local, dev, production):
    here = {
        *("Alerts", "Api", "Campaigns", "Data", "Database", "Functions", "Messaging"),
        *("Observability", "Worker"),
    }
    assert set(local.templates) == {f"Huntaze-local-{name}" for name in here}
    assert set(dev.templates) >= {f"Huntaze-dev-{name}" for name in here | {"Network"}}
    assert "Huntaze-production-Edge" in production.templates
    # See ADR 0009.
    assert "Huntaze-dev-Edge" not in dev.templates
    assert not set(dev.templates) & set(production.templates)


def test_an_erasure_empties_each_table_that_holds_something_of_a_workspace(local):
    (erasures,) = [
        function
        for function in local.of_kind("AWS::Lambda::Function")
        if function.properties["Handler"] == "functions.management.erasures.handler.handler"
    ]
    told = json.dumps(erasures.properties["Environment"]["Variables"])
    # Whether a provider answers; sealed answers that name nobody and expire.
    of_nobody = {"huntaze-circuit-breakers", "huntaze-ai-cache"}
    for table in local.of_kind("AWS::DynamoDB::Table"):
        reached = table.logical_id in told
        assert reached != (table.properties["TableName"] in of_nobody), table
