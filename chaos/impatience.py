"""The fan platform's profile with short times: faults are waited for, so waits decide the length.

The times keep the order that the guarantee rests on: T2 is longer than T1 and the longest click.
"""

from functools import cache

from browser_worker.profile import SiteProfile, load_profile

SUBMIT_SECONDS = 1.5
CLICK_SECONDS = 1.0
ACCEPTED_SECONDS = 3.0
LEASE_SECONDS = 3

_TIMES = {
    "submit_deadline_seconds": SUBMIT_SECONDS,
    "longest_click_seconds": CLICK_SECONDS,
    "acceptance_within_seconds": ACCEPTED_SECONDS,
    "rate_page_pause_seconds": 2,
    "navigation_seconds": 4,
}


@cache
def load_impatient_profile(name: str, *, base_url: str | None = None) -> SiteProfile:
    """Return a profile as the worker loads it, with the short times."""
    facts = load_profile(name, base_url=base_url).model_dump()
    return SiteProfile.model_validate({**facts, **_TIMES})
