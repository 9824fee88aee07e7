"""What the steps of a run do to its fan, in the run's own transaction; and what they would do."""

import re
from functools import cache
from typing import NamedTuple
from uuid import UUID

from psycopg import sql
from psycopg.rows import class_row

from functions.automations.models import StepOutcome
from functions.automations.service import Did
from functions.automations.steps import (
    Action,
    AddTag,
    AddToList,
    Assign,
    Notify,
    RemoveFromList,
    RemoveTag,
    SendMessage,
    StartCampaign,
)
from huntaze import outbox
from huntaze.db import Connection
from huntaze.domain import compliance, fans, launches
from huntaze.domain.audience import SegmentRules, compile_rules
from huntaze.domain.fans import lists
from huntaze.domain.outbound import planning
from huntaze.domain.outbound.offers import require_media
from huntaze.domain.outbound.states import Priority
from huntaze.domain.outbound.texts import parse, render
from huntaze.errors import ConflictError, InvalidInputError, NotFoundError

type OfFan = AddTag | RemoveTag | AddToList | RemoveFromList | Assign


class NotCompliantError(InvalidInputError):
    """The rules of the platform forbid a text."""


class FanGoneError(ConflictError):
    """The fan is not there any more."""


class Whose(NamedTuple):
    """For whom a step is taken, and on whose word."""

    workspace_id: UUID
    creator_id: UUID
    automation_id: UUID
    fan_id: UUID
    author_id: UUID


class Facts(NamedTuple):
    """What a message needs to know of a fan."""

    platform: str
    display_name: str | None
    handle: str
    platform_id: str | None
    suppressed: bool
    blocked: bool
    refused: bool


_FACTS = """
  SELECT k.platform, f.display_name, f.handle, f.platform_id,
         EXISTS (SELECT FROM suppressions x WHERE x.workspace_id = f.workspace_id
                    AND x.platform_key = f.platform_key) AS suppressed,
         f.blocked_at IS NOT NULL AS blocked, f.consent IS FALSE AS refused
    FROM fans f JOIN creators k ON k.workspace_id = f.workspace_id AND k.id = f.creator_id
   WHERE f.id = %s AND f.erased_at IS NULL
"""


def fulfils(connection: Connection, fan_id: UUID, rules: SegmentRules) -> bool:
    """Whether a fan fulfils rules now."""
    condition, values = compile_rules(rules)
    query = sql.SQL("SELECT FROM fans f WHERE f.id = %(fan)s AND {}").format(condition)
    return connection.execute(query, {**values, "fan": fan_id}).fetchone() is not None


def check_message(platform: str, text: str, step: SendMessage) -> None:
    """Refuse a text that may not be sent.

    Raises:
        NotCompliantError: The rules of the platform forbid it.
    """
    verdict = compliance.check(
        text, platform=platform, price_cents=step.price_cents, media_count=len(step.media_ids)
    )
    if not verdict.passed:
        raise NotCompliantError(
            f"The rules of the platform forbid the message of “{step.id}”: "
            + "; ".join(verdict.reasons)
            + ".",
            fields={"steps": f"{step.id}: {'; '.join(verdict.reasons)}"},
        )


@cache
def _unfit(platform: str) -> re.Pattern[str]:
    return re.compile(compliance.unfit_name_pattern(platform))


class _Desk:
    """What both desks know.

    Args:
        connection: In the transaction that everything belongs to.
        whose: The fan and the automation.
    """

    def __init__(self, connection: Connection, whose: Whose) -> None:
        self._connection = connection
        self._whose = whose

    def fulfils(self, rules: SegmentRules) -> bool:
        """Whether the fan fulfils rules now."""
        return fulfils(self._connection, self._whose.fan_id, rules)

    def _facts(self) -> Facts:
        with self._connection.cursor(row_factory=class_row(Facts)) as reading:
            found = reading.execute(_FACTS, (self._whose.fan_id,)).fetchone()
        if found is None:
            raise FanGoneError("The fan is not there any more.")
        return found

    def _text(self, step: SendMessage, facts: Facts) -> str:
        names = {"display_name": facts.display_name, "handle": facts.handle}
        text = render(parse(step.text), names, unfit=_unfit(facts.platform))
        check_message(facts.platform, text, step)
        return text

    def _is_on(self, list_id: UUID) -> bool:
        row = self._connection.execute(
            "SELECT FROM fan_list_members WHERE fan_id = %s AND list_id = %s",
            (self._whose.fan_id, list_id),
        ).fetchone()
        return row is not None

    def _change(self, action: OfFan) -> tuple[bool, str]:
        """Change the fan; return whether there was anything to change, and what to say if not."""
        connection, fan_id = self._connection, self._whose.fan_id
        match action:
            case AddTag(tag=tag):
                return fans.add_tag(connection, fan_id, tag), "the fan had the tag"
            case RemoveTag(tag=tag):
                return fans.remove_tag(connection, fan_id, tag), "the fan had no such tag"
            case AddToList(list_id=list_id):
                before = self._is_on(list_id)
                lists.add_to_list(connection, list_id, [fan_id])
                return not before, "the fan was on the list"
            case RemoveFromList(list_id=list_id):
                before = self._is_on(list_id)
                lists.remove_from_list(connection, list_id, [fan_id])
                return before, "the fan was not on the list"
            case Assign(member_id=member_id):
                if member_id is not None:
                    fans.require_caretaker(connection, self._whose.creator_id, member_id)
                return fans.assign(connection, fan_id, member_id), "it was so before"


class PostgresDesk(_Desk):
    """Does what steps say. A refusal leaves nothing of its step behind."""

    def act(self, action: Action) -> Did:
        """Do it."""
        with self._connection.transaction():
            return self._do(action)

    def _do(self, action: Action) -> Did:
        match action:
            case SendMessage():
                return self._send(action)
            case Notify():
                self._tell("automation.notified", ("automation", self._whose.automation_id))
                return Did(StepOutcome.DONE, "members are told")
            case StartCampaign(campaign_id=campaign_id):
                return self._start(campaign_id)
        changed, otherwise = self._change(action)
        return Did(StepOutcome.DONE, "changed") if changed else Did(StepOutcome.NOTHING, otherwise)

    def _send(self, step: SendMessage) -> Did:
        whose = self._whose
        text = self._text(step, self._facts())
        require_media(self._connection, whose.creator_id, step.media_ids)
        send_id = planning.plan_direct(
            self._connection,
            planning.DirectSend(
                workspace_id=whose.workspace_id,
                creator_id=whose.creator_id,
                fan_id=whose.fan_id,
                text=text,
                # A member wrote it; the automation says to whom and when.
                authorship=planning.Authorship("person", author_id=whose.author_id),
                priority=Priority.AUTOMATION,
                price_cents=step.price_cents,
                media_ids=step.media_ids,
            ),
        )
        return Did(StepOutcome.DONE, "planned for the lane", send_id)

    def _start(self, campaign_id: UUID) -> Did:
        status = campaign_status(self._connection, self._whose.creator_id, campaign_id)
        if status != "draft":
            return Did(StepOutcome.NOTHING, f"the campaign is {status}; only a draft is launched")
        is_first = launches.ask(
            self._connection,
            workspace_id=self._whose.workspace_id,
            creator_id=self._whose.creator_id,
            campaign_id=campaign_id,
        )
        if not is_first:
            return Did(StepOutcome.NOTHING, "the campaign is about to be launched")
        # The row is what counts: this makes it quick.
        self._tell("automation.campaign_due", ("campaign", campaign_id))
        return Did(StepOutcome.DONE, "the campaign is to be launched")

    def _tell(self, event: str, aggregate: tuple[str, UUID]) -> None:
        payload = {"creator_id": str(self._whose.creator_id), "fan_id": str(self._whose.fan_id)}
        outbox.add(
            self._connection,
            event,
            workspace_id=self._whose.workspace_id,
            aggregate=aggregate,
            payload={**payload, "automation_id": str(self._whose.automation_id)},
        )


def campaign_status(connection: Connection, creator_id: UUID, campaign_id: UUID) -> str:
    """How far a campaign of the creator is.

    Raises:
        NotFoundError: The creator has no such campaign.
    """
    row = connection.execute(
        "SELECT status FROM campaigns WHERE id = %s AND creator_id = %s", (campaign_id, creator_id)
    ).fetchone()
    if row is None:
        raise NotFoundError("The campaign is not there any more.")
    status: str = row[0]
    return status


class RehearsalDesk(_Desk):
    """Tells what steps would do. What they change of the fan, later steps find so.

    Whoever rehearses takes all of it back.
    """

    def act(self, action: Action) -> Did:
        """Tell it."""
        match action:
            case SendMessage():
                return self._would_send(action)
            case Notify():
                return Did(StepOutcome.DONE, "members would be told")
            case StartCampaign(campaign_id=campaign_id):
                status = campaign_status(self._connection, self._whose.creator_id, campaign_id)
                if status != "draft":
                    return Did(StepOutcome.NOTHING, f"the campaign is {status}")
                return Did(StepOutcome.DONE, "the campaign would be launched")
        what = self._what(action)
        with self._connection.transaction():
            changed, otherwise = self._change(action)
        if not changed:
            return Did(StepOutcome.NOTHING, f"there is nothing to do: {otherwise}")
        return Did(StepOutcome.DONE, f"would {what}")

    def _what(self, action: OfFan) -> str:
        match action:
            case AddTag(tag=tag):
                return f"add the tag {tag}"
            case RemoveTag(tag=tag):
                return f"remove the tag {tag}"
            case AddToList(list_id=list_id):
                name = lists.require_list(self._connection, list_id).name
                return f"put the fan on the list {name}"
            case RemoveFromList(list_id=list_id):
                name = lists.require_list(self._connection, list_id).name
                return f"take the fan off the list {name}"
            case Assign():
                return "assign the fan"

    def _would_send(self, step: SendMessage) -> Did:
        facts = self._facts()
        text = self._text(step, facts)
        require_media(self._connection, self._whose.creator_id, step.media_ids)
        obstacles = {
            "the fan is not matched with the platform": facts.platform_id is None,
            "the fan wants no messages": facts.suppressed or facts.refused,
            "the fan has blocked the creator": facts.blocked,
        }
        if found := [why for why, holds in obstacles.items() if holds]:
            return Did(StepOutcome.NOTHING, f"would be skipped: {found[0]}")
        return Did(StepOutcome.DONE, f"would send: {text}")
