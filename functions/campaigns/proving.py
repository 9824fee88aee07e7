"""Proof of which words of models a person let go to many fans; see `huntaze.domain.proofs`.

One entry of the log says what models wrote, another one what was made of it and who approved that.
"""

import string
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from functions.campaigns.models import StoredCampaign, Variant
from huntaze.db import Connection
from huntaze.domain import proofs
from huntaze.domain.audit import ActorKind, Target

_GENERATIONS = """
  SELECT id::text, task, model, prompt_version FROM ai_generations
   WHERE campaign_id = %s AND result = 'answered' ORDER BY started_at, id
"""


def keep_written(
    connection: Connection, campaign_id: UUID, values: dict[str, Any], *, by: UUID
) -> None:
    """Write down what a model wrote, before anybody changes it.

    Args:
        connection: In the transaction of the campaign's creation.
        campaign_id: Whose texts they are.
        values: The campaign's columns.
        by: Who asked for them.
    """
    variants: list[Variant] = values["variants"]
    proofs.record(
        connection,
        "campaign.texts_written",
        Target("campaign", campaign_id),
        _named("draft", variants),
        creator_id=values["creator_id"],
        fan_id=None,
        actor_id=by,
        actor_kind=ActorKind.WORKFLOW,
        facts={
            "generation_id": str(values["generation_id"]),
            "model": values["model"],
            "generations": _generations(connection, campaign_id),
        },
    )


def prove_approval(
    connection: Connection,
    campaign: StoredCampaign,
    approval_id: UUID,
    *,
    content_hash: str,
    disclosure: str | None,
    by: UUID,
) -> None:
    """Write down what a person lets go, and whether that is what a model wrote.

    Args:
        connection: In the transaction of the approval.
        campaign: As it is approved.
        approval_id: What the ledger's rows name.
        content_hash: Of texts, price, media, audience and time.
        disclosure: How the texts say that AI helped; None: they do not.
        by: The member.
    """
    sent = _named("sent", campaign.variants)
    written = proofs.kept(connection, campaign.id)
    proofs.record(
        connection,
        "campaign.texts_approved",
        Target("campaign_approval", approval_id),
        {**sent, "disclosure": disclosure},
        creator_id=campaign.creator_id,
        fan_id=None,
        actor_id=by,
        facts={
            "campaign_id": str(campaign.id),
            "version": campaign.version,
            "model": campaign.model,
            "generations": _generations(connection, campaign.id),
            "content_hash": content_hash,
            "edited": sorted(written.values()) != sorted(sent.values()),
            "disclosed": disclosure is not None,
        },
    )


def _named(kind: str, variants: list[Variant]) -> dict[str, str]:
    """The texts in the order of the variants: ``sent_a``, ``sent_b`` and so on."""
    return {
        f"{kind}_{letter}": variant.message
        for letter, variant in zip(string.ascii_lowercase, variants, strict=False)
    }


def _generations(connection: Connection, campaign_id: UUID) -> list[dict[str, Any]]:
    """Which answers of models led to a campaign, the checks of its texts among them."""
    with connection.cursor(row_factory=dict_row) as reading:
        return reading.execute(_GENERATIONS, (campaign_id,)).fetchall()
