"""What is told live: the WebSocket, the polling route, and the fan-out between."""

from aws_cdk import Duration
from aws_cdk import aws_lambda_event_sources as sources

from stacks.acknowledge import acknowledge
from stacks.feature_parts import FeatureParts
from stacks.permissions import calls, queues, tables

# Below the time for which a connection is held.
_TIMEOUT = Duration.seconds(29)
# Several at once, so that a workspace whose clients hang holds up no other; few enough for the
# database's connections.
_AT_ONCE = 5


def add_realtime(parts: FeatureParts) -> None:
    """Define who gives tickets, who answers connections, and who sends to them."""
    address = parts.sockets.address
    pages = {"ALLOWED_ORIGINS": ",".join(parts.settings.allowed_origins)}
    api = parts.function(
        "Realtime", "realtime.api", environment={**pages, "REALTIME_URL": address.url}
    )
    tables.give_tickets(api, parts.data)
    parts.routes.serve(api, ["/api/realtime/{proxy+}", "/api/events"])
    socket = parts.function(
        "RealtimeSocket", "realtime.socket", environment=pages, timeout=_TIMEOUT
    )
    tables.take_tickets(socket, parts.data)
    calls.talk_to_connections(socket, address)
    fanout = parts.function("RealtimeFanout", "realtime.fanout", timeout=_TIMEOUT)
    tables.find_connections(fanout, parts.data)
    queues.come_back_later(fanout, parts.messaging)
    calls.talk_to_connections(fanout, address)
    fanout.add_event_source(
        sources.SqsEventSource(
            parts.messaging.queues["realtime"],
            batch_size=10,
            max_concurrency=_AT_ONCE,
            report_batch_item_failures=True,
        )
    )
    acknowledge(
        fanout,
        "LambdaEventSourceMappingDestination",
        "a queue's own dead letters are where failures go",
        pack="Serverless",
    )
