"""WebM: a tree of elements, each with its id and its length (RFC 8794, RFC 9559)."""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from functions.uploads.shapes import Bytes, Edit, RefusedFileError, Stream

_HEADER, _SEGMENT, _INFO, _TRACKS, _CLUSTER = (
    *(0x1A45DFA3, 0x18538067, 0x1549A966),
    *(0x1654AE6B, 0x1F43B675),
)
_TAGS, _ATTACHMENTS, _CHAPTERS, _VOID = 0x1254C367, 0x1941A469, 0x1043A770, 0xEC
_SEEK, _CUES, _CHECKSUM = 0x114D9B74, 0x1C53BB6B, 0xBF
_DOCTYPE, _SCALE, _DURATION = 0x4282, 0x2AD7B1, 0x4489
# Title, date, file name and those of its neighbours: of no use to a player.
_PERSONAL = {0x7BA9, 0x4461, 0x7384, 0x3C83AB, 0x3E83BB}
_TRACK, _KIND, _VIDEO, _WIDTH, _HEIGHT = 0xAE, 0x83, 0xE0, 0xB0, 0xBA
_IN_A_SEGMENT = {
    *(_SEEK, _INFO, _TRACKS, _CLUSTER, _CUES, _TAGS, _ATTACHMENTS, _CHAPTERS, _VOID, _CHECKSUM),
}
_IS_VIDEO, _IS_AUDIO = 1, 2
_MOST_ELEMENTS = 20_000
_LARGEST = 8 * 1024 * 1024
_LONGEST_HEAD = 12


class _Element(NamedTuple):
    id: int
    start: int
    content: int
    end: int


def read_matroska(source: Bytes) -> Stream:
    """Read the elements of a file.

    Raises:
        RefusedFileError: It is broken, or no WebM.
    """
    header = _element(source, 0, source.size)
    _refuse_other_kinds(source, header)
    segment = _element(source, header.end, source.size, open_ended=True)
    if segment.id != _SEGMENT or segment.end != source.size:
        raise _broken()
    edits, removed = list[Edit](), set[str]()
    duration, kinds, sides, clusters = None, set[int](), None, 0
    for element in _children(source, segment):
        if element.id not in _IN_A_SEGMENT:
            raise _broken()
        if element.id in (_TAGS, _ATTACHMENTS, _CHAPTERS, _VOID):
            edits.append(_void(element))
            removed |= {"metadata"} - ({"metadata"} if element.id == _VOID else set())
        elif element.id == _INFO:
            duration, personal = _info(source, element)
            edits += personal
            removed |= {"metadata"} if personal else set()
        elif element.id == _TRACKS:
            kinds, sides = _tracks(source, element)
        clusters += element.id == _CLUSTER
    if not clusters or not kinds & {_IS_VIDEO, _IS_AUDIO}:
        raise _broken()
    is_video = _IS_VIDEO in kinds
    width, height = (sides or (None, None)) if is_video else (None, None)
    if not is_video:
        raise RefusedFileError("unsupported", "This WebM has sound only: save it as MP3 or M4A.")
    return Stream("video", "video/webm", width, height, duration, edits, sorted(removed))


def _broken() -> RefusedFileError:
    return RefusedFileError("broken", "This file is broken or not complete: save it again.")


def _refuse_other_kinds(source: Bytes, header: _Element) -> None:
    if header.id != _HEADER or header.end - header.start > 1024:
        raise _broken()
    kinds = [_bytes(source, one) for one in _children(source, header) if one.id == _DOCTYPE]
    if kinds != [b"webm"]:
        raise RefusedFileError("unsupported", "This is a Matroska file: save it as MP4 or WebM.")


def _element(source: Bytes, at: int, limit: int, *, open_ended: bool = False) -> _Element:
    head = source.read(at, min(at + _LONGEST_HEAD, limit))
    if not head or not head[0]:
        raise _broken()
    id_length = 9 - head[0].bit_length()
    rest = head[id_length:]
    if id_length > 4 or not rest or not rest[0]:
        raise _broken()
    length = 9 - rest[0].bit_length()
    if len(rest) < length:
        raise _broken()
    unknown = (1 << 7 * length) - 1
    size = int.from_bytes(rest[:length]) & unknown
    content = at + id_length + length
    if size == unknown:
        if not open_ended:
            raise RefusedFileError(
                "unsupported",
                "This file was recorded as it came and has no lengths: save it again as MP4 or"
                " WebM.",
            )
        size = limit - content
    if content + size > limit:
        raise _broken()
    return _Element(int.from_bytes(head[:id_length]), at, content, content + size)


def _children(source: Bytes, parent: _Element) -> Iterator[_Element]:
    at = parent.content
    for _ in range(_MOST_ELEMENTS):
        if at == parent.end:
            return
        child = _element(source, at, parent.end)
        yield child
        at = child.end
    raise RefusedFileError("too_large", "This file is in too many pieces: save it again.")


def _bytes(source: Bytes, element: _Element) -> bytes:
    if element.end - element.content > _LARGEST:
        raise _broken()
    return source.read(element.content, element.end)


def _number(source: Bytes, element: _Element) -> int:
    if element.end - element.content > 8:
        raise _broken()
    return int.from_bytes(_bytes(source, element))


def _void(element: _Element) -> Edit:
    """An element of the same length that is nothing."""
    length = element.end - element.start
    if length < 2 + 127:
        head = bytes((_VOID, 0x80 | (length - 2)))
    else:
        head = bytes((_VOID, 0x01)) + (length - 9).to_bytes(7)
    return Edit(element.start, element.end, head)


def _info(source: Bytes, info: _Element) -> tuple[int | None, list[Edit]]:
    scale, length, edits = 1_000_000, None, []
    for element in _children(source, info):
        if element.id == _SCALE:
            scale = _number(source, element)
        elif element.id == _DURATION:
            data = _bytes(source, element)
            if len(data) not in (4, 8):
                raise _broken()
            (length,) = struct.unpack(">f" if len(data) == 4 else ">d", data)
        elif element.id in _PERSONAL:
            edits.append(_void(element))
    if length is None or not 0 <= length * scale < 1e17:
        return None, edits
    return int(length * scale / 1_000_000), edits


def _tracks(source: Bytes, tracks: _Element) -> tuple[set[int], tuple[int, int] | None]:
    kinds, sides = set[int](), None
    for track in _children(source, tracks):
        if track.id != _TRACK:
            continue
        for element in _children(source, track):
            if element.id == _KIND:
                kinds.add(_number(source, element))
            elif element.id == _VIDEO:
                numbers = {
                    one.id: _number(source, one)
                    for one in _children(source, element)
                    if one.id in (_WIDTH, _HEIGHT)
                }
                width, height = numbers.get(_WIDTH, 0), numbers.get(_HEIGHT, 0)
                if 0 < width <= 16_384 and 0 < height <= 16_384:
                    sides = width, height
    return kinds, sides
