"""The plans as products, prices and meters at Stripe.

``STRIPE_API_KEY=… python -m local.stripe_catalogue`` adds what is missing and changes nothing: a
price that is sold already is changed in Stripe by a person, together with ``plans.json``. The
launcher fills the stand-in with the same code.
"""

import os
import sys

from stripe import StripeClient

from huntaze.domain.billing.metering import Meter
from huntaze.domain.billing.plans import Plan, catalogue


def offer_plans(client: StripeClient) -> list[str]:
    """Add the products, prices and meters that are missing; returns their names."""
    added = []
    for plan in catalogue().for_sale:
        added += _offer(client, plan)
    known = {meter.event_name for meter in client.v1.billing.meters.list({"limit": 100}).data}
    for meter in set(Meter) - known:
        client.v1.billing.meters.create(
            {
                "display_name": meter.value,
                "event_name": meter.value,
                "default_aggregation": {"formula": "sum"},
            }
        )
        added.append(meter.value)
    return added


def _offer(client: StripeClient, plan: Plan) -> list[str]:
    keys = [price.lookup_key for price in plan.prices.values()]
    found = client.v1.prices.list({"lookup_keys": keys, "limit": 100}).data
    known = {price.lookup_key: price for price in found}
    if set(keys) <= known.keys():
        return []
    product = next((price.product for price in known.values()), None) or _product(client, plan)
    added = []
    for interval, price in plan.prices.items():
        if price.lookup_key not in known:
            client.v1.prices.create(
                {
                    "product": product if isinstance(product, str) else product.id,
                    "currency": price.currency,
                    "unit_amount": price.amount_cents,
                    "recurring": {"interval": interval},
                    "lookup_key": price.lookup_key,
                    # The lookup key moves on to the next price; the plan stays with this one.
                    "metadata": {"plan": plan.name},
                }
            )
            added.append(price.lookup_key)
    return added


def _product(client: StripeClient, plan: Plan) -> str:
    return client.v1.products.create(
        {"name": f"Huntaze {plan.names['en']}", "metadata": {"plan": plan.name}},
        {"idempotency_key": f"huntaze-product-{plan.name}"},
    ).id


def main() -> int:
    """Add to the account of ``STRIPE_API_KEY``, at ``STRIPE_API_BASE`` if it is not Stripe's."""
    key = os.environ.get("STRIPE_API_KEY")
    if not key:
        print("Set STRIPE_API_KEY to the key of the account.", file=sys.stderr)
        return 1
    base = os.environ.get("STRIPE_API_BASE")
    client = StripeClient(
        key, base_addresses={"api": base} if base else None, max_network_retries=2
    )
    added = offer_plans(client)
    print("\n".join(added) or "Nothing was missing.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
