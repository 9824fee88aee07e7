"""Incoming webhooks of Slack: which addresses are theirs, and how something is posted there.

An address comes from a member and is called from inside: only Slack's own host is ever called, by
name, over TLS, without following where it points on.
"""

import re

import urllib3

from huntaze.errors import InvalidInputError
from huntaze.settings import Settings

# What the sealed address is, in the eyes of KMS.
KIND = "slack_webhook"
_HOOK = re.compile(r"/services/[A-Za-z0-9]{1,40}/[A-Za-z0-9]{1,40}/[A-Za-z0-9]{1,80}")
_TIMEOUT = urllib3.Timeout(connect=3, read=7)


class SlackSettings(Settings):
    """Where Slack is, and the key that seals what workspaces say of it."""

    # Another only on one machine, where something stands in for Slack.
    slack_hooks_origin: str = "https://hooks.slack.com"
    sessions_key_arn: str


class WebhookError(InvalidInputError):
    """The address is no incoming webhook of Slack."""


class NotPostedError(Exception):
    """Slack has surely not taken it."""


def hook_of(url: str, origin: str) -> str:
    """The path of a webhook.

    Nothing but the path is kept of what somebody gives: no port, no name, no question can make it
    another host's.

    Raises:
        WebhookError: It is not Slack's.
    """
    given = url.strip()
    path = given.removeprefix(origin)
    if given != f"{origin}{path}" or not _HOOK.fullmatch(path):
        raise WebhookError(
            f"Give the address of an incoming webhook, {origin}/services/…, as Slack shows it.",
            fields={"slack_webhook_url": "is not Slack's"},
        )
    return path


def post(hook: str, text: str, origin: str) -> None:
    """Post a text.

    Raises:
        NotPostedError: Slack has surely not taken it: it said so, or was not reached.
        urllib3.exceptions.HTTPError: Nobody knows.
    """
    address = f"{origin}{hook_of(f'{origin}{hook}', origin)}"
    with urllib3.PoolManager(timeout=_TIMEOUT, retries=False) as pool:
        try:
            answer = pool.request("POST", address, json={"text": text}, redirect=False)
        except (
            urllib3.exceptions.NewConnectionError,
            urllib3.exceptions.ConnectTimeoutError,
            urllib3.exceptions.SSLError,
        ) as error:
            raise NotPostedError(type(error).__name__) from None
    if answer.status != 200:
        raise NotPostedError(f"status {answer.status}")
