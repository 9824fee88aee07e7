"""The library of a creator's content: the one writer of ``media`` and the tables around it.

An item is a text, or a photo, a video or an audio: a file that was uploaded, a reference to the
vault on the platform, or both. Only what is in the vault can be attached to a message.
"""

from huntaze.domain.media.files import (
    SameFileError,
    add_file,
    end_removal,
    find_same_file,
    find_similar_photos,
    request_removal,
)
from huntaze.domain.media.items import (
    MediaExistsError,
    MediaInUseError,
    MediaOfferedError,
    add_media,
    change_media,
    delete_media,
    lock_media,
    read_media,
    require_media,
)
from huntaze.domain.media.models import (
    FileFacts,
    FileKind,
    Media,
    MediaChanges,
    MediaDraft,
    MediaKind,
    ShortText,
    StoredFile,
    TagList,
    Usage,
)
from huntaze.domain.media.usage import read_usage

__all__ = [
    "FileFacts",
    "FileKind",
    "Media",
    "MediaChanges",
    "MediaDraft",
    "MediaExistsError",
    "MediaInUseError",
    "MediaKind",
    "MediaOfferedError",
    "SameFileError",
    "ShortText",
    "StoredFile",
    "TagList",
    "Usage",
    "add_file",
    "add_media",
    "change_media",
    "delete_media",
    "end_removal",
    "find_same_file",
    "find_similar_photos",
    "lock_media",
    "read_media",
    "read_usage",
    "request_removal",
    "require_media",
]
