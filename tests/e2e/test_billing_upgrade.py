"""A plan bought and changed on the hosted pages of a deployed cloud, with signed events."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import demo_billing

pytestmark = pytest.mark.e2e


def test_an_upgrade_counts_and_opens_what_it_includes(cloud: Mapping[str, Any]) -> None:
    seconds = asyncio.run(demo_billing.upgrade(dict(cloud)))
    assert set(seconds) == {"starter", "pro"}


def test_a_forged_event_is_refused_at_the_gateway(cloud: Mapping[str, Any]) -> None:
    event = {"id": "evt_forged", "type": "invoice.paid", "data": {"object": {"id": "in_1"}}}
    answer = httpx.post(
        f"{cloud['api_url']}/api/webhooks/stripe",
        content=json.dumps(event),
        headers={"Stripe-Signature": f"t=1,v1={'0' * 64}", "Content-Type": "application/json"},
        timeout=60,
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "NotFromStripe")


def test_no_secret_of_stripes_is_logged(cloud: Mapping[str, Any]) -> None:
    stripe = json.loads((Path(cloud["data_dir"]) / "stripe" / "stripe.json").read_text())
    secret = stripe["endpoint"]["secret"]
    assert len(secret) >= 32
    for log in Path(cloud["log_dir"]).glob("*.log"):
        assert secret not in log.read_text(errors="replace"), log.name
