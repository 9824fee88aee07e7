"""The WebSocket API: who is asked before anybody comes in, and who may send through it."""

import json

import pytest

from functions.realtime.service import HELD_FOR


def _statements(assembly):
    for policy in assembly.of_kind("AWS::IAM::Policy"):
        for statement in policy.properties["PolicyDocument"]["Statement"]:
            yield policy.logical_id, statement


def test_a_ticket_is_asked_for_before_anybody_comes_in(assembly):
    (authorizer,) = assembly.of_kind("AWS::ApiGatewayV2::Authorizer")
    assert authorizer.properties["AuthorizerType"] == "REQUEST"
    assert authorizer.properties["IdentitySource"] == ["route.request.querystring.ticket"]
    routes = {
        route.properties["RouteKey"]: route.properties["AuthorizationType"]
        for route in assembly.of_kind("AWS::ApiGatewayV2::Route")
    }
    assert routes == {"$connect": "CUSTOM", "$disconnect": "NONE", "$default": "NONE"}


def test_two_functions_send_through_this_api_and_no_other(assembly, rendered):
    senders = {
        owner.partition("Role")[0]: statement
        for owner, statement in _statements(assembly)
        if "execute-api:ManageConnections" in json.dumps(statement["Action"])
    }
    assert set(senders) == {"RealtimeSocket", "RealtimeFanout"}
    for statement in senders.values():
        assert statement["Action"] == "execute-api:ManageConnections"
        resources = [rendered(one) for one in statement["Resource"]]
        assert len(resources) == 2
        for resource, verb in zip(sorted(resources), ("DELETE", "POST"), strict=True):
            api, _, path = resource.rpartition(":")[2].partition("/")
            assert "*" not in api
            assert path.partition("/")[2] == f"{verb}/@connections/*"


def test_a_connection_is_held_for_longer_than_a_function_runs(assembly):
    for function in assembly.of_kind("AWS::Lambda::Function"):
        if function.properties["Handler"].startswith("functions.realtime."):
            assert function.properties["Timeout"] < HELD_FOR.total_seconds()


@pytest.mark.parametrize("stage", ["dev", "production"])
def test_clients_and_functions_meet_at_one_stage_over_tls(request, rendered, stage):
    assembly = request.getfixturevalue(stage)
    environments = [
        function.properties["Environment"]["Variables"]
        for function in assembly.of_kind("AWS::Lambda::Function")
    ]
    (told,) = {rendered(one["REALTIME_URL"]) for one in environments if "REALTIME_URL" in one}
    (used,) = {
        rendered(one["SOCKETS_ENDPOINT"]) for one in environments if "SOCKETS_ENDPOINT" in one
    }
    assert told.startswith("wss://")
    assert told.endswith(f"/{stage}")
    assert used == told.replace("wss://", "https://")


def test_what_clients_say_is_neither_logged_nor_unbounded(production):
    (stage,) = production.of_kind("AWS::ApiGatewayV2::Stage")
    settings = stage.properties["DefaultRouteSettings"]
    assert settings["DataTraceEnabled"] is False
    assert settings["ThrottlingRateLimit"] > 0
    # The query holds the ticket.
    assert "query" not in stage.properties["AccessLogSettings"]["Format"].lower()
