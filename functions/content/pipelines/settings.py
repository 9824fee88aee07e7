"""Settings of pipelines."""

from huntaze.settings import Settings


class PipelineSettings(Settings):
    """Which state machine runs pipelines."""

    pipeline_state_machine_arn: str
