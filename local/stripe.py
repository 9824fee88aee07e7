"""Makes the deployed functions and Stripe, or its stand-in, known to each other.

What an operator does once for a stage on AWS: put Stripe's key and the endpoint's secret into the
stage's secrets, and tell Stripe where the endpoint is.
"""

import json
import os
import subprocess
import sys

from local import aws
from local.processes import LocalCloudError
from local.settings import ROOT, LocalSettings
from local.stripe_stand_in.client import StripeStandIn

_API = "huntaze/local/stripe/api"
_WEBHOOK = "huntaze/local/stripe/webhook"


def introduce(settings: LocalSettings, api_url: str) -> None:
    """Exchange key, secret and address; safe to repeat."""
    secrets = aws.secrets_client(settings)
    if settings.stripe_url is None:
        key = {"api_key": settings.stripe_api_key}
        secrets.put_secret_value(SecretId=_API, SecretString=json.dumps(key))
        if settings.stripe_webhook_secret:
            signing = {"current": settings.stripe_webhook_secret, "previous": ""}
            secrets.put_secret_value(SecretId=_WEBHOOK, SecretString=json.dumps(signing))
        return
    made = json.loads(secrets.get_secret_value(SecretId=_WEBHOOK)["SecretString"])
    stand_in = StripeStandIn(settings.stripe_url)
    stand_in.listen(f"{api_url.rstrip('/')}/api/webhooks/stripe", made["current"])
    stand_in.close()
    _offer_plans(settings.stripe_url)


def _offer_plans(url: str) -> None:
    """Fill the stand-in as an operator fills Stripe."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'layers' / 'common' / 'python'}",
        "STRIPE_API_KEY": "sk_test_stand_in",
        "STRIPE_API_BASE": url,
    }
    command = [sys.executable, "-m", "local.stripe_catalogue"]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise LocalCloudError(f"The plans could not be offered:\n{done.stderr}")
