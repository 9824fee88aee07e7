"""HTTP door of operators: wiring and routes, no rules."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Depends

from functions.operators import service
from functions.operators.models import DetailedHealth
from functions.operators.repository import PostgresFigures
from huntaze.db import database
from huntaze.http import create_app, lambda_entry

app = create_app()


def stored_figures() -> service.Figures:
    """The figures in the database of this function."""
    return PostgresFigures(database())


@app.get("/api/health/hybrid-orchestrator", tags=["operators"])
def detailed_health(figures: Annotated[service.Figures, Depends(stored_figures)]) -> DetailedHealth:
    """Tell how the whole stage is: lanes, what waits and for how long, the schema.

    For operators of the platform, who need be in no workspace.
    """
    return service.health(figures)


handler = lambda_entry(app, operators_only=True)
