"""Campaigns that are to be launched without a person: asked for once, and launched once.

The one writer of ``campaign_launches``: whoever comes to launch a campaign writes the row with what
makes it so; whoever launches it takes the row away with the launch.
"""

from uuid import UUID

from huntaze.db import Connection


def ask(connection: Connection, *, workspace_id: UUID, creator_id: UUID, campaign_id: UUID) -> bool:
    """Ask for a launch; return whether nobody had asked before."""
    asked = connection.execute(
        "INSERT INTO campaign_launches (workspace_id, creator_id, campaign_id)"
        " VALUES (%s, %s, %s) ON CONFLICT (workspace_id, campaign_id) DO NOTHING",
        (workspace_id, creator_id, campaign_id),
    )
    return asked.rowcount > 0


def take(connection: Connection, campaign_id: UUID) -> bool:
    """Take what was asked for, in the transaction that launches; False: nobody asks any more."""
    taken = connection.execute(
        "DELETE FROM campaign_launches WHERE campaign_id = %s", (campaign_id,)
    )
    return taken.rowcount > 0
