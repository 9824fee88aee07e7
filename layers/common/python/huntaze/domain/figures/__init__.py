"""Figures of a creator's business: what each one means, once for everything that shows it.

They are read under the caller's own policies; nothing here writes.
"""

from huntaze.domain.figures.reading import (
    Row,
    ended_and_begun,
    fans_by_creator,
    fans_now,
    inbox,
    revenue,
    revenue_by_creator,
    revenue_by_type,
    sends,
    top_fans,
)
from huntaze.domain.figures.scopes import Account, Scope, Window, change_of, scope_of
from huntaze.domain.figures.spans import PAST_PATTERN, Period, Span, span_of

__all__ = [
    "PAST_PATTERN",
    "Account",
    "Period",
    "Row",
    "Scope",
    "Span",
    "Window",
    "change_of",
    "ended_and_begun",
    "fans_by_creator",
    "fans_now",
    "inbox",
    "revenue",
    "revenue_by_creator",
    "revenue_by_type",
    "scope_of",
    "sends",
    "span_of",
    "top_fans",
]
