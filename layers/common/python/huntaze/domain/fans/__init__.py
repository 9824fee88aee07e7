"""Fans, their tags and lists, and whom nobody may write to: the one writer of these tables.

``value_cents`` and ``last_purchase_at`` of a fan are the money module's to write.
"""

from huntaze.domain.creators import resolve_creator
from huntaze.domain.fans.bulk import (
    PLATFORM_VALUES,
    BulkOutcome,
    StagedFans,
    create_missing,
    leave_out,
    stage,
    upsert,
    upsert_staged,
)
from huntaze.domain.fans.caring import add_tag, assign, remove_tag, require_caretaker
from huntaze.domain.fans.chats import ChatRow, ChatsOutcome, record_chats
from huntaze.domain.fans.keys import Keyring, keyring
from huntaze.domain.fans.models import (
    MAX_TAGS,
    Fan,
    FanChanges,
    FanDraft,
    FanRow,
    FanStatus,
    Name,
    Tag,
)
from huntaze.domain.fans.presence import note_online
from huntaze.domain.fans.reading import NEWEST, VALUE, FanOrder, read_fans, require_fan
from huntaze.domain.fans.records import change, create, erase
from huntaze.domain.fans.searching import search_fans
from huntaze.domain.fans.stop_words import is_stop_word
from huntaze.domain.fans.suppressions import suppress, unsuppress
from huntaze.domain.fans.turns import take_turns

__all__ = [
    "MAX_TAGS",
    "NEWEST",
    "PLATFORM_VALUES",
    "VALUE",
    "BulkOutcome",
    "ChatRow",
    "ChatsOutcome",
    "Fan",
    "FanChanges",
    "FanDraft",
    "FanOrder",
    "FanRow",
    "FanStatus",
    "Keyring",
    "Name",
    "StagedFans",
    "Tag",
    "add_tag",
    "assign",
    "change",
    "create",
    "create_missing",
    "erase",
    "is_stop_word",
    "keyring",
    "leave_out",
    "note_online",
    "read_fans",
    "record_chats",
    "remove_tag",
    "require_caretaker",
    "require_fan",
    "resolve_creator",
    "search_fans",
    "stage",
    "suppress",
    "take_turns",
    "unsuppress",
    "upsert",
    "upsert_staged",
]
