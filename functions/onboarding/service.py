"""Rules of onboarding: any order, any number of times, complete once nothing is missing."""

from functions.onboarding.models import Onboarding, Step
from huntaze.errors import ConflictError


class StepsMissingError(ConflictError):
    """Onboarding is not complete."""


def missing(*, profile: bool, ai_config: bool, platform: bool) -> list[Step]:
    """The steps that are to be done."""
    done = {Step.PROFILE: profile, Step.AI_CONFIG: ai_config, Step.PLATFORM: platform}
    return [step for step in Step if not done[step]]


def require_complete(onboarding: Onboarding) -> None:
    """Let nothing be called complete that is not.

    Raises:
        StepsMissingError: A step is missing.
    """
    if onboarding.missing:
        raise StepsMissingError(
            "These steps come first: " + ", ".join(onboarding.missing) + ".",
            fields=dict.fromkeys(onboarding.missing, "not done yet"),
        )
