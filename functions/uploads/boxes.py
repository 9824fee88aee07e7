"""MP4, MOV and M4A: a tree of boxes, each with its length and its name (ISO 14496-12, QuickTime).

What tells of people and places is overwritten where it stands, as free space: nothing moves, so
that every address inside the file stays right.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

from functions.uploads.shapes import Bytes, Edit, RefusedFileError, Stream

_BRANDS = (b"isom", b"iso", b"mp4", b"avc1", b"M4V ", b"M4A ", b"qt  ", b"MSNV", b"dash", b"mmp4")
_TOP = {
    *(b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"uuid", b"moof", b"mfra", b"sidx"),
    *(b"styp", b"meta", b"udta", b"pdin", b"emsg", b"prft", b"ssix", b"pnot"),
}
# Free space may hold anything, too.
_BLANKED = {
    b"free",
    b"skip",
    b"uuid",
    b"meta",
    b"udta",
    b"emsg",
    b"pnot",
    b"gps ",
    b"GPS ",
    b"loci",
}
_HOLDING = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"mvex"}
_MOMENTS = {b"mvhd", b"tkhd", b"mdhd"}
# Pictures, sound, text and the clock of the frames; other tracks tell where a camera was.
_TRACKS = {b"vide", b"soun", b"text", b"sbtl", b"subt", b"clcp", b"tmcd"}
_MOST_TOP_BOXES = 5000
_LARGEST_INDEX = 48 * 1024 * 1024
_DEEPEST = 12
# A box of 1 is as long as eight further bytes say, one of 0 ends with the file.
_LONG, _TO_THE_END = 1, 0


class _Box(NamedTuple):
    name: bytes
    start: int
    content: int
    end: int


class _Found:
    """What the walk through the index has met."""

    def __init__(self) -> None:
        self.edits = list[Edit]()
        self.removed = set[str]()
        self.duration_ms: int | None = None
        self.sides: tuple[int, int] | None = None
        self.kinds = set[bytes]()


def read_boxes(source: Bytes) -> Stream:
    """Read the boxes of a file.

    Raises:
        RefusedFileError: It is broken, or made so that it cannot be looked through.
    """
    found = _Found()
    brand = _brand(source)
    has_data = in_fragments = False
    index: _Box | None = None
    for box in _top_boxes(source):
        has_data |= box.name == b"mdat"
        in_fragments |= box.name == b"moof"
        if box.name == b"moov":
            if index is not None:
                raise _broken()
            index = box
        elif box.name in _BLANKED:
            _blank(box, found)
    if index is None or not has_data:
        raise _broken()
    if index.end - index.start > _LARGEST_INDEX:
        raise RefusedFileError("too_large", "The index of this file is too large: save it again.")
    data = source.read(index.start, index.end)
    try:
        _walk(data, index, found, depth=0)
    # A box that is shorter than what it should hold.
    except (struct.error, IndexError):
        raise _broken() from None
    if in_fragments and "telemetry" in found.removed:
        # Each fragment has a table of its own that says where in the file a camera was.
        raise _untakeable()
    is_video = b"vide" in found.kinds
    if not is_video and b"soun" not in found.kinds:
        raise RefusedFileError("unsupported", "There is neither picture nor sound in this file.")
    width, height = found.sides or (None, None)
    movie = "video/quicktime" if brand == b"qt  " else "video/mp4"
    return Stream(
        "video" if is_video else "audio",
        movie if is_video else "audio/mp4",
        width if is_video else None,
        height if is_video else None,
        found.duration_ms,
        [edit for edit in found.edits if edit.start < edit.end],
        sorted(found.removed),
    )


def _broken() -> RefusedFileError:
    return RefusedFileError("broken", "This file is broken or not complete: save it again.")


def _untakeable() -> RefusedFileError:
    return RefusedFileError(
        "unsupported",
        "This file has a track of telemetry that cannot be taken out: save it again without.",
    )


def _brand(source: Bytes) -> bytes:
    head = source.read(0, min(16, source.size))
    brand = head[8:12]
    if head[4:8] != b"ftyp" or not brand.startswith(_BRANDS):
        raise RefusedFileError(
            "unsupported", "This kind of MP4 is not taken: save it as a common MP4, MOV or M4A."
        )
    return brand


def _top_boxes(source: Bytes) -> Iterator[_Box]:
    at = 0
    for _ in range(_MOST_TOP_BOXES):
        if at == source.size:
            return
        head = source.read(at, min(at + 16, source.size))
        box = _box_of(head, at, source.size)
        if box.name not in _TOP:
            raise RefusedFileError(
                "broken", "There is something else at the end of this file, or it is broken."
            )
        yield box
        at = box.end
    raise RefusedFileError("too_large", "This file is in too many pieces: save it again.")


def _box_of(head: bytes, start: int, limit: int) -> _Box:
    if len(head) < 8:
        raise _broken()
    length, content = int.from_bytes(head[:4]), start + 8
    if length == _LONG:
        if len(head) < 16:
            raise _broken()
        length, content = int.from_bytes(head[8:16]), start + 16
    elif length == _TO_THE_END:
        length = limit - start
    if start + length > limit or start + length < content:
        raise _broken()
    return _Box(bytes(head[4:8]), start, content, start + length)


def _children(data: bytes, box: _Box, base: int) -> Iterator[_Box]:
    at = box.content
    while at + 8 <= box.end:
        child = _box_of(data[at - base : at - base + 16], at, box.end)
        yield child
        at = child.end


def _walk(data: bytes, box: _Box, found: _Found, *, depth: int, base: int | None = None) -> None:
    base = box.start if base is None else base
    if depth > _DEEPEST:
        raise _broken()
    for child in _children(data, box, base):
        if child.name in _BLANKED:
            _blank(child, found)
        elif child.name in _MOMENTS:
            _moments(data, child, base, found)
        elif child.name == b"trak":
            _track(data, child, base, found, depth)
        elif child.name in _HOLDING:
            _walk(data, child, found, depth=depth + 1, base=base)


def _blank(box: _Box, found: _Found) -> None:
    found.edits.append(
        Edit(box.start, box.end, (box.end - box.start).to_bytes(4) + b"free")
        if box.content - box.start == 8 and box.end - box.start < 2**32
        else Edit(
            box.start,
            box.end,
            _LONG.to_bytes(4) + b"free" + (box.end - box.start).to_bytes(8),
        )
    )
    if box.name not in (b"free", b"skip"):
        found.removed.add("metadata")


def _moments(data: bytes, box: _Box, base: int, found: _Found) -> None:
    """Take out when it was made; of the whole, note how long it is."""
    at = box.content - base
    version = data[at]
    wide = 8 if version == 1 else 4
    moments = 2 * wide
    if at + 4 + moments + 4 + wide > box.end - base:
        raise _broken()
    if any(data[at + 4 : at + 4 + moments]):
        found.edits.append(Edit(box.content + 4, box.content + 4 + moments))
        found.removed.add("time")
    if box.name == b"mvhd":
        scale = int.from_bytes(data[at + 4 + moments : at + 8 + moments])
        length = int.from_bytes(data[at + 8 + moments : at + 8 + moments + wide])
        if scale and length != 2 ** (8 * wide) - 1:
            found.duration_ms = length * 1000 // scale


def _track(data: bytes, track: _Box, base: int, found: _Found, depth: int) -> None:
    boxes = {b"/".join(path): box for path, box in _deep(data, track, base, ())}
    handler = boxes.get(b"mdia/hdlr")
    if handler is None:
        raise _broken()
    kind = data[handler.content - base + 8 : handler.content - base + 12]
    if kind not in _TRACKS:
        _blank(track, found)
        found.removed.add("telemetry")
        found.edits += _samples(data, boxes, base)
        return
    found.kinds.add(kind)
    header = boxes.get(b"tkhd")
    if kind == b"vide" and header is not None:
        sides = struct.unpack(">II", data[header.end - base - 8 : header.end - base])
        matrix = struct.unpack(">9i", data[header.end - base - 44 : header.end - base - 8])
        width, height = (side >> 16 for side in sides)
        # A quarter turn: what lies is shown upright.
        turned = matrix[0] == 0 and matrix[1] != 0
        if width and height:
            found.sides = (height, width) if turned else (width, height)
    _walk(data, track, found, depth=depth + 1, base=base)


def _deep(
    data: bytes, box: _Box, base: int, path: tuple[bytes, ...]
) -> Iterator[tuple[tuple[bytes, ...], _Box]]:
    if len(path) > _DEEPEST:
        raise _broken()
    for child in _children(data, box, base):
        yield (*path, child.name), child
        if child.name in _HOLDING:
            yield from _deep(data, child, base, (*path, child.name))


def _samples(data: bytes, boxes: dict[bytes, _Box], base: int) -> list[Edit]:
    """The stretches of a track's data in the file."""
    table = b"mdia/minf/stbl/"

    def entries(name: bytes, layout: str, skip: int = 4) -> list[tuple[int, ...]]:
        box = boxes.get(table + name)
        if box is None:
            return []
        start = box.content - base + skip
        (count,) = struct.unpack_from(">I", data, start)
        size = struct.calcsize(layout)
        if start + 4 + count * size > box.end - base:
            raise _broken()
        return list(struct.iter_unpack(layout, data[start + 4 : start + 4 + count * size]))

    sizes = _sizes(data, boxes.get(table + b"stsz"), base)
    chunks = entries(b"stco", ">I") or entries(b"co64", ">Q")
    runs = entries(b"stsc", ">III")
    if not chunks:
        return []
    if sizes is None or not runs:
        raise _untakeable()
    edits, sample, run = [], 0, 0
    for number, (offset,) in enumerate(chunks, start=1):
        while run + 1 < len(runs) and runs[run + 1][0] <= number:
            run += 1
        length = sum(sizes[sample : sample + runs[run][1]])
        sample += runs[run][1]
        edits.append(Edit(offset, offset + length))
    return edits


def _sizes(data: bytes, box: _Box | None, base: int) -> list[int] | None:
    if box is None:
        return None
    start = box.content - base + 4
    same, count = struct.unpack_from(">II", data, start)
    if count > _LARGEST_INDEX // 4:
        raise _broken()
    if same:
        return [same] * count
    if start + 8 + 4 * count > box.end - base:
        raise _broken()
    return list(struct.unpack_from(f">{count}I", data, start + 8))
