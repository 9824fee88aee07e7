"""What every lane of a worker works with."""

from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.async_api import Browser

from browser_worker.profile import SiteProfile
from browser_worker.steps import Observer
from browser_worker.tracing import Tracer
from huntaze.domain.browser_sessions import SessionStore


@dataclass(frozen=True)
class Workbench:
    """What every lane of a worker shares."""

    browser: Browser
    sessions: SessionStore
    load_profile: Callable[[str], SiteProfile]
    observe: Observer
    # True once the worker has been told to go.
    leaving: Callable[[], bool]
    hand_over_seconds: float
    tracer: Tracer = field(default_factory=lambda: Tracer(None))
    # Where pictures of changed pages go; None keeps none.
    screenshots_bucket: str | None = None
