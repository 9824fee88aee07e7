"""Settings of the worker: its task's environment."""

from datetime import timedelta

from pydantic import Field, Json

from huntaze.settings import Settings


class WorkerSettings(Settings):
    """What a worker needs to know of its stage."""

    stage: str
    lanes_queue_url: str
    of_sessions_table: str
    sessions_key_arn: str
    screenshots_bucket: str
    # Where each site profile's pages are, when not where the profile says.
    site_base_urls: Json[dict[str, str]] = Field(default_factory=dict)
    # Whether X-Ray is there to take segments.
    traces: bool = False
    # How long a lane stays a dead worker's; a live one renews it three times as often.
    lease_seconds: float = 30
    most_lanes: int = 20
    # A lane goes back to the queue after this, so that a worker can be replaced.
    hand_over_seconds: float = 600

    @property
    def lease(self) -> timedelta:
        """The lease as a span."""
        return timedelta(seconds=self.lease_seconds)
