"""Shapes of what an operator orders of the sweep."""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict


class Restored(BaseModel):
    """Say that the database came back from a backup; an operator invokes the sweep with it."""

    model_config = ConfigDict(extra="forbid")

    action: Literal["restored"]
    # The moment that the backup goes back to.
    moment: AwareDatetime
