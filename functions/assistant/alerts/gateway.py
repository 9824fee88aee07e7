"""Where alerts are posted: a workspace's channel of Slack, and the topic of the operators."""

import json

from botocore.exceptions import ClientError

from functions.assistant import slack
from functions.assistant.alerts.models import Post
from functions.assistant.alerts.service import NotTakenError
from functions.assistant.alerts.settings import AlertsSettings
from functions.assistant.slack import NotPostedError, SlackSettings
from huntaze import clients
from huntaze.crypto import of_workspace, unseal_for
from huntaze.settings import load


def to_slack(post: Post) -> None:
    """Post to the channel that the workspace has named.

    Raises:
        NotTakenError: Slack has surely not taken it, or the workspace has forgotten the channel.
    """
    settings = load(SlackSettings)
    if post.slack is None:
        raise NotTakenError("the workspace has no channel any more")
    owner = of_workspace(post.workspace_id, slack.KIND)
    try:
        hook = unseal_for(owner, post.slack, key_arn=settings.sessions_key_arn).decode()
    except ClientError as error:
        raise NotTakenError(error.response["Error"]["Code"]) from None
    try:
        slack.post(hook, post.sentence, settings.slack_hooks_origin)
    except NotPostedError as error:
        raise NotTakenError(str(error)) from None


def to_operators(post: Post) -> None:
    """Publish to the topic whose subscribers get it by e-mail.

    The attributes let a subscription choose, e.g. the last thresholds of months only.

    Raises:
        NotTakenError: SNS has not taken it.
    """
    told = {
        "workspace_id": str(post.workspace_id),
        "alert_id": str(post.alert_id),
        "told": post.sentence,
    }
    try:
        clients.sns().publish(
            TopicArn=load(AlertsSettings).cost_alerts_topic_arn,
            Subject="Huntaze: a budget of models is being used up",
            Message=json.dumps(told),
            MessageAttributes={
                "period": {"DataType": "String", "StringValue": post.period},
                "threshold": {"DataType": "Number", "StringValue": str(post.threshold)},
            },
        )
    except ClientError as error:
        raise NotTakenError(error.response["Error"]["Code"]) from None
