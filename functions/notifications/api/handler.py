"""HTTP door of a member's notifications: wiring and routes, no rules."""

from typing import Annotated
from uuid import UUID

from aws_lambda_powertools.event_handler import Depends, Request
from aws_lambda_powertools.event_handler.openapi.params import Query

from functions.notifications.api.models import Notification, Notifications, Read
from functions.notifications.api.repository import PostgresNotifications
from huntaze.auth import Right, current_principal
from huntaze.db import Tenant, database
from huntaze.domain.notices.kinds import kinds_for
from huntaze.errors import BadRequestError, NotFoundError
from huntaze.http import (
    PAGE_LIMIT,
    PAGE_LIMIT_MAX,
    create_app,
    decode_cursor,
    encode_cursor,
    lambda_entry,
)

app = create_app()


def own_notifications(request: Request) -> PostgresNotifications:
    """The notifications of the caller."""
    caller = current_principal(request)
    caller.require(Right.READ)
    tenant = Tenant(database(), caller.workspace_id, caller.creators, member=caller.user_id)
    kinds = kinds_for(caller.role, sees_every_creator=caller.creators is None)
    return PostgresNotifications(tenant, caller.user_id, kinds)


# Plain names: Powertools does not look behind a `type` statement.
Store = Annotated[PostgresNotifications, Depends(own_notifications)]
Limit = Annotated[int, Query(ge=1, le=PAGE_LIMIT_MAX)]
Cursor = Annotated[str | None, Query(max_length=200)]


@app.get("/api/notifications", tags=["notifications"])
def list_notifications(
    store: Store,
    unread: Annotated[bool, Query()] = False,
    limit: Limit = PAGE_LIMIT,
    cursor: Cursor = None,
) -> Notifications:
    """List the caller's own notifications, newest first; `unread=true` leaves out what is read."""
    before = _id_of(decode_cursor(cursor, 1)[0]) if cursor else None
    found = store.page(before, limit + 1, unread=unread)
    last = found[limit - 1] if len(found) > limit else None
    return Notifications(
        items=found[:limit],
        next_cursor=encode_cursor(last.id) if last else None,
        unread=store.count_unread(),
    )


@app.post("/api/notifications/read-all", tags=["notifications"])
def read_all_notifications(store: Store) -> Read:
    """Mark all of the caller's notifications as read."""
    return Read(read=store.mark_all_read())


@app.post("/api/notifications/<notification_id>/read", tags=["notifications"])
def read_notification(notification_id: UUID, store: Store) -> Notification:
    """Mark one of the caller's notifications as read; doing it again changes nothing."""
    notification = store.mark_read(notification_id)
    if notification is None:
        raise NotFoundError("There is no such notification of yours in this workspace.")
    return notification


def _id_of(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise BadRequestError("The cursor is not one that this list gave.") from None


handler = lambda_entry(app)
