"""HTTP door of generations: wiring and routes, no rules."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request

from functions.content.generation import service
from functions.content.generation.models import (
    CaptionsOrder,
    Decided,
    Decision,
    Generation,
    HashtagsOrder,
    IdeasOrder,
    TextOrder,
)
from functions.content.generation.repository import PostgresDesk
from huntaze import ai, outbox
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.http import create_app, lambda_entry

app = create_app()


def desk_of(request: Request) -> PostgresDesk:
    """The caller's desk, for one who decides what is offered."""
    caller = current_principal(request)
    caller.require(Right.WRITE_CAMPAIGNS)
    tenant = Tenant(database(), caller.workspace_id, caller.creators)
    return PostgresDesk(tenant, caller.user_id)


def model_writer() -> ai.Writer:
    """Who answers the agents."""
    return ai.writer()


Desk = Annotated[PostgresDesk, Depends(desk_of)]
Writer = Annotated[ai.Writer, Depends(model_writer)]


@app.post("/api/content/generate", tags=["generation"])
def generate_text(order: TextOrder, desk: Desk, writer: Writer) -> Generation:
    """Write a post about a subject, or make a text better."""
    return _told(service.text(order, desk, writer))


@app.post("/api/content/ideas", tags=["generation"])
def generate_ideas(order: IdeasOrder, desk: Desk, writer: Writer) -> Generation:
    """Propose what to publish next, beside what is in the library."""
    return _told(service.ideas(order, desk, writer))


@app.post("/api/content/captions", tags=["generation"])
def generate_captions(order: CaptionsOrder, desk: Desk, writer: Writer) -> Generation:
    """Write captions for a subject."""
    return _told(service.captions(order, desk, writer))


@app.post("/api/content/hashtags", tags=["generation"])
def generate_hashtags(order: HashtagsOrder, desk: Desk, writer: Writer) -> Generation:
    """Find hashtags for a subject."""
    return _told(service.hashtags(order, desk, writer))


def _told(generation: Generation) -> Generation:
    outbox.nudge()
    return generation


@app.post("/api/content/drafts/<draft_id>/decide", tags=["generation"])
def decide_draft(draft_id: UUID, decision: Decision, desk: Desk) -> Decided:
    """Accept, edit or reject what was generated, once; texts that are taken join the library."""
    return desk.decide(draft_id, decision)


handler = lambda_entry(app)
