"""What platforms push: which secrets sign it, the journal of it, and the fence against the past."""

from huntaze.domain.pushes.fence import Kind, is_gone, is_newest, note_gone, told_since
from huntaze.domain.pushes.journal import (
    Outcome,
    PushedEvent,
    TakenPush,
    finish,
    forget_fan,
    note_failure,
    queue,
    queue_again,
    take,
    to_work_on,
)
from huntaze.domain.pushes.secrets import (
    Webhook,
    WebhookSecrets,
    forget_secret,
    keep_secret,
    seal_secret,
    secrets_of,
    webhook_of,
)

__all__ = [
    "Kind",
    "Outcome",
    "PushedEvent",
    "TakenPush",
    "Webhook",
    "WebhookSecrets",
    "finish",
    "forget_fan",
    "forget_secret",
    "is_gone",
    "is_newest",
    "keep_secret",
    "note_failure",
    "note_gone",
    "queue",
    "queue_again",
    "seal_secret",
    "secrets_of",
    "take",
    "to_work_on",
    "told_since",
    "webhook_of",
]
