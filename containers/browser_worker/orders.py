"""Orders to a lane: log in, take a message back."""

import asyncio
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from botocore.exceptions import ClientError

from browser_worker.ledger import LaneLedger
from browser_worker.profile import SiteProfile
from browser_worker.site import Credentials, Site
from browser_worker.trouble import FanGone, MessageTooOld, Trouble
from browser_worker.workbench import Workbench
from huntaze import clients
from huntaze.domain.outbound.commands import Command
from huntaze.domain.outbound.lanes import Claim

# What is not there now will not be there later.
_FINAL = (FanGone, MessageTooOld)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Context:
    """What an order may use."""

    bench: Workbench
    claim: Claim
    ledger: LaneLedger
    profile: SiteProfile


class OrderError(Exception):
    """The order cannot be carried out; the text is stored as its result.

    Attributes:
        trouble: The code of what stands in the way, where there is one.
    """

    def __init__(self, detail: str, *, trouble: str | None = None) -> None:
        super().__init__(detail)
        self.trouble = trouble


async def obey(command: Command, context: Context) -> None:
    """Carry out one order and record how it ended; trouble with the page is a result, too.

    Raises:
        Trouble: What stood in the way of taking a message back. It would stay where it is: that is
            tried again. A person waits for a login and can ask for another.
    """
    if not await context.ledger.take_command(command):
        return
    carry_out = _ORDERS.get(command.kind, _unknown)
    try:
        result = await carry_out(command, context)
    except Trouble as trouble:
        log.warning(
            "an order met trouble",
            extra={"command_id": str(command.id), "kind": command.kind, "trouble": trouble.code},
        )
        if command.kind == "unsend" and not isinstance(trouble, _FINAL):
            raise
        if trouble.stops_creator:
            await context.ledger.stop(trouble.code)
        await context.ledger.finish_command(
            command, done=False, result={"trouble": trouble.code, "detail": str(trouble)}
        )
    except OrderError as error:
        told = {"trouble": error.trouble} if error.trouble else {}
        await context.ledger.finish_command(
            command, done=False, result={**told, "detail": str(error)}
        )
    else:
        await context.ledger.finish_command(command, done=True, result=result)


async def _connect(command: Command, context: Context) -> dict[str, Any]:
    """Log in with the stored credentials and keep the session; then the lane moves."""
    payload = command.payload
    secret = await asyncio.to_thread(_credentials, payload["secret_id"])
    site = await Site.open(context.bench.browser, context.profile, None)
    try:
        await site.login(
            Credentials(username=secret["username"], password=secret["password"]),
            payload.get("code"),
        )
        state = await site.storage_state()
    finally:
        await site.close()
    await asyncio.to_thread(
        context.bench.sessions.save, context.claim.workspace_id, context.claim.creator_id, state
    )
    if not await context.ledger.activate(command):
        # Disconnected meanwhile: nothing of the account is to be left.
        await asyncio.to_thread(context.bench.sessions.forget, context.claim.creator_id)
        raise OrderError("the creator was disconnected meanwhile")
    return {"connected": True}


def _credentials(secret_id: str) -> dict[str, str]:
    try:
        return clients.secret_json(secret_id)
    except ClientError as error:
        raise OrderError("the creator's credentials are not stored; connect again") from error


async def _unsend(command: Command, context: Context) -> dict[str, Any]:
    """Take one message back."""
    if command.waits_for is not None:
        raise OrderError("the creator has not logged in for a day", trouble=command.waits_for)
    send_id = UUID(command.payload["send_id"])
    message = await context.ledger.sent_message(send_id)
    if message is None:
        raise OrderError("the message is not there to take back")
    if message.unsent:
        # By a worker that died before it could say so of the order.
        return {"unsent": True}
    state = await asyncio.to_thread(
        context.bench.sessions.load, context.claim.workspace_id, context.claim.creator_id
    )
    site = await Site.open(context.bench.browser, context.profile, state)
    try:
        thread = await site.open_thread(
            message.fan_platform_id, message.fan_handle, for_reading=True
        )
        await thread.unsend(message.platform_message_id)
    finally:
        await site.close()
    await context.ledger.mark_unsent(send_id)
    return {"unsent": True}


async def _unknown(_command: Command, _context: Context) -> dict[str, Any]:
    raise OrderError("this worker does not know the order; it may be older than the API")


_ORDERS = {"connect": _connect, "unsend": _unsend}
