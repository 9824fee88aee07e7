"""The deployment: picks a stage and builds its stacks. Needs no AWS account to synthesise."""

from aws_cdk import App

from stacks.alerts import Alerts
from stacks.api import Api
from stacks.campaigns import Campaigns
from stacks.data import Data
from stacks.database import Database
from stacks.delivery import Delivery
from stacks.edge import Edge
from stacks.functions import Functions
from stacks.messaging import Messaging
from stacks.network import Network
from stacks.observability import Observability
from stacks.settings import StageSettings
from stacks.stage_stack import StageStack
from stacks.watched import watch
from stacks.worker import Worker


def build(app: App) -> None:
    """Add the stacks of the stage that the context names."""
    settings = StageSettings.from_context(app.node.try_get_context)
    alerts = Alerts(app, settings)
    network = None
    if settings.network and settings.postgres:
        network = Network(app, settings, settings.network, pooled=settings.postgres.proxy)
    database = Database(app, settings, network)
    data = Data(app, settings)
    messaging = Messaging(app, settings)
    functions = Functions(
        app, settings, database=database, data=data, messaging=messaging, network=network
    )
    api = Api(app, settings, functions=functions)
    Campaigns(
        app,
        settings,
        database=database,
        data=data,
        messaging=messaging,
        outbox_relay=functions.outbox_relay,
        network=network,
    )
    if settings.on_aws:
        if settings.firewall or settings.api_domain:
            Edge(app, settings, rest=api.rest)
        if settings.github_repository is not None:
            Delivery(app, settings, repository=settings.github_repository)
    Worker(
        app,
        settings,
        database=database,
        data=data,
        messaging=messaging,
        outbox_relay=functions.outbox_relay,
        network=network,
    )
    Observability(app, settings)
    for stack in app.node.children:
        if isinstance(stack, StageStack) and stack is not alerts:
            watch(stack, settings)
            # Who is to hear of an alarm is there before it.
            stack.add_stack_dependency(alerts)


if __name__ == "__main__":
    app = App(analytics_reporting=False)
    build(app)
    app.synth()
