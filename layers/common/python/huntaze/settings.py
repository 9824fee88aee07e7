"""Settings of a function: its environment, read on first use and checked by a model."""

import os
from functools import cache
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen model of environment variables; field names are the variables in lower case."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class DatabaseSettings(Settings):
    """Where the database is and which role's secret opens it."""

    database_host: str
    database_port: int
    database_name: str
    # `disable` is for a server on this very machine.
    database_tls: Literal["disable", "verify-full"]
    database_secret_arn: str


@cache
def load[S: Settings](model: type[S]) -> S:
    """Read ``model`` from the environment, once for each execution environment."""
    return model.model_validate({name.lower(): value for name, value in os.environ.items()})
