"""What a migration is, and what one run of them did."""

import hashlib

from pydantic import BaseModel, ConfigDict


class Migration(BaseModel):
    """One file of SQL, known by its name and by the hash of its text."""

    model_config = ConfigDict(frozen=True)

    name: str
    text: bytes

    @property
    def sha256(self) -> str:
        """The hash by which a changed text is noticed."""
        return hashlib.sha256(self.text).hexdigest()


class Outcome(BaseModel):
    """What a run changed."""

    applied: list[str]
    roles: list[str]
    # Set when the database turned out to come from a backup: how many lanes wait for that.
    held_lanes: int | None = None
