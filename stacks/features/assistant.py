"""What models cost."""

from stacks.database import DatabaseRole
from stacks.feature_parts import FeatureParts, run_every_minute
from stacks.permissions.models import store_ai_costs


def add_assistant(parts: FeatureParts) -> None:
    """Define the sweep of the books of AI."""
    sweep = parts.function("CostSweep", "assistant.sweep", DatabaseRole.RELAY)
    store_ai_costs(sweep, parts.data)
    run_every_minute("CostSweepMinute", sweep)
