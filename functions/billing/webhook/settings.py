"""Settings of the webhook."""

from huntaze.settings import Settings


class WebhookSettings(Settings):
    """Which secret Stripe signs with, and where work is queued."""

    stripe_webhook_secret_arn: str
    webhooks_queue_url: str
