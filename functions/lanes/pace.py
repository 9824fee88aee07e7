"""How often creators are read without anybody asking for it: ``sync_pace.json``, in seconds.

A little less than whole minutes where a minute is meant: the sweep itself comes once a minute.
"""

from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

type Seconds = Annotated[int, Field(ge=30, le=7 * 86_400)]
type SyncKind = Literal["sync_threads", "sync_earnings", "sync_subscribers"]


class Pace(BaseModel):
    """How often one list is read.

    Args:
        active: Of a creator with messages in the last while.
        silent: Of any other, and of one whose last sync has failed.
        full: From its beginning to its end, and not just as far as it says something new; None is
            always.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    active: Seconds
    silent: Seconds
    full: Seconds | None = None

    @model_validator(mode="after")
    def _is_in_order(self) -> "Pace":
        if self.silent < self.active or (self.full or self.silent) < self.silent:
            raise ValueError("active comes more often than silent, and silent than full")
        return self


class Paces(BaseModel):
    """How often each list is read.

    Args:
        active_for: So long after a message a creator is active.
        kinds: The lists.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    active_for: Seconds
    kinds: dict[SyncKind, Pace]


@cache
def paces() -> Paces:
    """The paces in force."""
    text = files("functions.lanes").joinpath("sync_pace.json").read_bytes()
    return Paces.model_validate_json(text)
