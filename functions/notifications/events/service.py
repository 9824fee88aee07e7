"""Rules of telling members of an event: of which, whom, and each of them once."""

from contextlib import AbstractContextManager
from typing import Protocol

from functions.notifications.events.models import BusEvent, Detail, News, Notice, Subject
from huntaze.domain.notices.kinds import kind_of

# Somebody of the workspace has done it, on purpose.
_OWN_DOING = "disconnected"


class Notices(Protocol):
    """Where the notifications of a workspace are kept."""

    def transaction(self) -> AbstractContextManager[object]:
        """Open the transaction that all calls share."""
        ...

    def subject(self, event: Detail) -> Subject | None:
        """Look up what an event is about; None when it is gone."""
        ...

    def add(self, news: News) -> list[Notice]:
        """Add a notification for each member who may see it and wants it, and has none of it."""
        ...

    def mail(self, news: News, notice: Notice) -> None:
        """Store the mail of a notification."""
        ...

    def announce(self, news: News, notice: Notice) -> None:
        """Add the event of a notification to the outbox."""
        ...


def tell(event: BusEvent, store: Notices) -> list[Notice]:
    """Tell members of an event; one that comes again tells nobody twice."""
    kind = kind_of(event.type, event.detail.payload)
    if kind is None or event.detail.payload.get("reason") == _OWN_DOING:
        return []
    with store.transaction():
        subject = store.subject(event.detail)
        if subject is None:
            return []
        news = News(kind, event.detail, subject)
        notices = store.add(news)
        for notice in notices:
            if notice.mailed:
                store.mail(news, notice)
            if notice.in_app:
                store.announce(news, notice)
    return notices
