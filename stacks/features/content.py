"""The media library and its calendar, and the sweep of what is due."""

from stacks.feature_parts import FeatureParts, below, run_every_minute
from stacks.permissions import calls, files
from stacks.step_machine import Machine


def add_content(parts: FeatureParts) -> None:
    """Define the function behind ``/api/content``, and the sweep."""
    content = parts.function("Content", "content")
    files.show_media(content, parts.data)
    calls.nudge_outbox(content, parts.outbox_relay)
    calls.start_executions(content, parts.settings, Machine.PIPELINE)
    calls.stop_executions(content, parts.settings, Machine.PIPELINE)
    parts.routes.serve(content, below("/api/content"))
    sweep = parts.function("DueContent", "content.sweep", memory_mb=256)
    calls.start_executions(sweep, parts.settings, Machine.PIPELINE)
    run_every_minute("DueContentMinute", sweep)
