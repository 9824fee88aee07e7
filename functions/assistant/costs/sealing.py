"""The address of a workspace's Slack channel, sealed before it is stored."""

from uuid import UUID

from functions.assistant import slack
from functions.assistant.slack import SlackSettings
from huntaze.crypto import Envelope, of_workspace, seal_for
from huntaze.settings import load


def sealed_hook(url: str, workspace_id: UUID) -> Envelope:
    """Seal the path of a webhook; nothing else of the address is kept.

    Raises:
        WebhookError: The address is not Slack's.
    """
    settings = load(SlackSettings)
    hook = slack.hook_of(url, settings.slack_hooks_origin)
    owner = of_workspace(workspace_id, slack.KIND)
    return seal_for(owner, hook.encode(), key_arn=settings.sessions_key_arn)
