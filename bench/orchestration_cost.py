"""Orchestration cost of a million sends: at most 5 % of one Standard transition for each send.

python -m bench.orchestration_cost

Transitions are counted along the real definition, as the stage's template has it. A campaign costs
the same however many fans it has, so the size decides: below the break-even that is printed, a
campaign costs more than the bar for each of its sends, and next to nothing as a whole.
"""

import argparse
import math
import sys

from operations.costs.model import Month, price_list, usage
from operations.costs.templates import templates_of
from operations.costs.workflow import transitions_of

MILLION = 1_000_000
LIMIT = 0.05
CAMPAIGNS = (1, 1000)


def main() -> int:
    """Count, price and compare."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--long", action="store_true", help="the same; there is no longer form")
    options.parse_args()
    prices, months = price_list().prices, usage()
    month = Month(templates_of("local"), months.per_million_sends, months)
    machines = month.of_kind("AWS::StepFunctions::StateMachine")
    # As if models had prepared every campaign.
    each = sum(map(transitions_of, machines))
    transition = prices["stepfunctions.transition"].usd
    wake_ups = MILLION * months.assume("queue_requests_per_send") * prices["sqs.fifo"].usd
    yardstick = MILLION * transition
    print(
        f"orchestration_cost: {each} transitions a campaign, {transition * 1000:.3f} USD a thousand"
    )
    print(f"  yardstick: {MILLION:,} transitions, {yardstick:.2f} USD")
    worst = 0.0
    for campaigns in CAMPAIGNS:
        usd = campaigns * each * transition + wake_ups
        worst = max(worst, usd / yardstick)
        entered = campaigns * each
        print(
            f"  {campaigns:5,} campaigns of {MILLION // campaigns:9,}: {entered:7,} transitions"
            f" + wake-ups {wake_ups:.2f} USD = {usd:.2f} USD, {usd / yardstick:.2%} of it"
        )
    per_send = LIMIT * transition - wake_ups / MILLION
    print(f"  break-even: campaigns of {math.ceil(each * transition / per_send)} sends")
    print(f"  at most {LIMIT:.0%}: {'holds' if worst <= LIMIT else 'FALLS SHORT'}")
    return 0 if worst <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main())
