"""What an automation names must be there: lists, campaigns, media, members; its texts must pass."""

from uuid import UUID

from psycopg import sql

from functions.automations.desk import campaign_status, check_message
from functions.automations.models import Definition
from functions.automations.steps import (
    AddToList,
    Assign,
    Condition,
    RemoveFromList,
    SendMessage,
    StartCampaign,
    Step,
)
from huntaze.db import Connection
from huntaze.domain import compliance, fans
from huntaze.domain.audience import compile_rules
from huntaze.domain.fans import lists
from huntaze.domain.outbound.offers import require_media
from huntaze.domain.outbound.texts import parse, render
from huntaze.errors import NotFoundError


def check_references(connection: Connection, creator_id: UUID, definition: Definition) -> None:
    """Refuse what no run could do.

    Raises:
        NotFoundError: A list or a campaign is not this creator's.
        InvalidInputError: A member, a medium or a list of the rules is not, or a text may not be
            sent.
    """
    (platform,) = connection.execute(
        "SELECT platform FROM creators WHERE id = %s", (creator_id,)
    ).fetchone() or ("",)
    for step in definition.steps:
        _check(connection, creator_id, platform, step)
    if definition.audience is not None:
        lists.require_lists(connection, creator_id, definition.audience.lists)
        # Planned and not asked: what cannot be asked is found now and not when it happens.
        condition, values = compile_rules(definition.audience)
        query = sql.SQL("SELECT FROM fans f WHERE false AND {}").format(condition)
        connection.execute(query, values)


def _check(connection: Connection, creator_id: UUID, platform: str, step: Step) -> None:
    match step:
        case SendMessage():
            sample = render(parse(step.text), {}, unfit=compliance.no_name())
            check_message(platform, sample, step)
            require_media(connection, creator_id, step.media_ids)
        case AddToList(list_id=list_id) | RemoveFromList(list_id=list_id):
            if lists.require_list(connection, list_id).creator_id != creator_id:
                raise NotFoundError("The list is another creator's.")
        case Condition(rules=rules):
            lists.require_lists(connection, creator_id, rules.lists)
        case Assign(member_id=UUID() as member_id):
            fans.require_caretaker(connection, creator_id, member_id)
        case StartCampaign(campaign_id=campaign_id):
            campaign_status(connection, creator_id, campaign_id)
