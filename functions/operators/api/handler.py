"""HTTP door of operators: wiring and routes, no rules."""

import logging
from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler import Depends

from functions.operators import service
from functions.operators.api.settings import OperatorsSettings
from functions.operators.models import Breaker, DetailedHealth, FeatureFlag, FeatureFlags, FlagDraft
from functions.operators.repository import PostgresFigures, PostgresFlagLog
from huntaze import clients, flags
from huntaze.ai.catalogue import catalogue
from huntaze.ai.circuits import DynamoCircuits
from huntaze.auth import Person, current_person
from huntaze.db import database
from huntaze.http import create_app, lambda_entry
from huntaze.settings import load

app = create_app()
log = logging.getLogger(__name__)


def stored_figures() -> service.Figures:
    """The figures in the database of this function."""
    return PostgresFigures(database())


def stored_flags() -> service.FlagStore:
    """The flags of the stage."""
    return flags.flags()


def flag_log() -> service.FlagLog:
    """Where it is written down who changed what."""
    return PostgresFlagLog(database())


def told_breakers() -> list[Breaker] | None:
    """The breakers of the stage's models; None while their table is away."""
    circuits = DynamoCircuits(load(OperatorsSettings).circuit_breakers_table)
    try:
        return service.breakers(circuits, catalogue(), datetime.now(UTC))
    except clients.aws_errors():
        log.warning("the circuit breakers cannot be read", exc_info=True)
        return None


Flags = Annotated[service.FlagStore, Depends(stored_flags)]
FlagLog = Annotated[service.FlagLog, Depends(flag_log)]


@app.get("/api/health/hybrid-orchestrator", tags=["operators"])
def detailed_health(
    figures: Annotated[service.Figures, Depends(stored_figures)],
    breakers: Annotated[list[Breaker] | None, Depends(told_breakers)],
) -> DetailedHealth:
    """Tell how the whole stage is: what waits and for how long, models, budgets, the schema.

    For operators of the platform, who need be in no workspace.
    """
    return service.health(figures, breakers)


@app.get("/api/admin/feature-flags", tags=["operators"])
def list_feature_flags(store: Flags, changes: FlagLog) -> FeatureFlags:
    """Tell which features can be held back, how far each has come, and who changed that."""
    return service.list_flags(store, changes)


@app.put("/api/admin/feature-flags", tags=["operators"])
def change_feature_flag(
    draft: FlagDraft,
    store: Flags,
    changes: FlagLog,
    caller: Annotated[Person, Depends(current_person)],
) -> FeatureFlag:
    """Change how far a feature has come.

    Functions follow within seconds. Who ordered it and why is written down before it is done.
    """
    return service.change_flag(draft, store, changes, by=caller.user_id)


handler = lambda_entry(app, operators_only=True)
