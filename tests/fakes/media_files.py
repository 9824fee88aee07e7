"""Small files of each kind, made by hand so that tests know where everything in them is."""

import io
import struct
from typing import Any

from PIL import Image

PLACE = b"+48.8577+002.295/"
CAMERA = b"Canon of Alice"


def picture(written_as: str = "JPEG", *, size: tuple[int, int] = (120, 80), **more: Any) -> bytes:
    """A picture with a camera's name and a place in it, lying on its side."""
    image = Image.radial_gradient("L").convert("RGB").resize(size)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = CAMERA.decode()
    place = exif.get_ifd(0x8825)
    place[1], place[2] = "N", (48.0, 51.0, 29.6)
    target = io.BytesIO()
    image.save(target, written_as, **({"exif": exif} | more))
    return target.getvalue()


def animation(frames: int = 3) -> bytes:
    """An animated GIF with a comment."""
    first, *rest = [Image.new("RGB", (40, 30), (80 * n, 0, 0)) for n in range(frames)]
    target = io.BytesIO()
    first.save(target, "GIF", save_all=True, append_images=rest, duration=80, comment=CAMERA)
    return target.getvalue()


def box(name: bytes, *content: bytes) -> bytes:
    """A box of an MP4."""
    inside = b"".join(content)
    return struct.pack(">I", 8 + len(inside)) + name + inside


def _track(handler: bytes, samples: tuple[int, int], *, sides: tuple[int, int] = (0, 0)) -> bytes:
    offset, length = samples
    matrix = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    head = bytes(4) + struct.pack(">IIIII", 7, 7, 1, 0, 5000) + bytes(16) + matrix
    table = box(
        b"stbl",
        box(b"stsd", bytes(8)),
        box(b"stsz", bytes(4) + struct.pack(">II", length, 1)),
        box(b"stsc", bytes(4) + struct.pack(">IIII", 1, 1, 1, 1)),
        box(b"stco", bytes(4) + struct.pack(">II", 1, offset)),
    )
    return box(
        b"trak",
        box(b"tkhd", head + struct.pack(">II", sides[0] << 16, sides[1] << 16)),
        box(
            b"mdia",
            box(b"mdhd", bytes(4) + struct.pack(">IIII", 9, 9, 1000, 5000)),
            box(b"hdlr", bytes(8) + handler + bytes(13)),
            box(b"minf", table),
        ),
        box(b"udta", box(b"\xa9xyz", PLACE)),
    )


def movie(brand: bytes = b"isom", *, tracks: str = "video sound gps", tail: bytes = b"") -> bytes:
    """A movie of 320 x 240, shown upright, five seconds long, whose camera wrote places."""
    kinds = {"video": b"vide", "sound": b"soun", "gps": b"meta"}
    data = {"video": b"V" * 500, "sound": b"S" * 300, "gps": PLACE * 4}
    start = box(b"ftyp", brand, bytes(4), brand)
    free = box(b"free", b"#!/bin/sh")
    at, places = len(start) + len(free) + 8, {}
    for name in tracks.split():
        places[name] = (at, len(data[name]))
        at += len(data[name])
    header = bytes(4) + struct.pack(">IIII", 3_600_000_000, 3_600_000_000, 1000, 5000) + bytes(80)
    index = box(
        b"moov",
        box(b"mvhd", header),
        *(
            _track(kinds[name], places[name], sides=(320, 240) if name == "video" else (0, 0))
            for name in tracks.split()
        ),
        box(b"meta", bytes(4), PLACE, CAMERA),
    )
    contents = [data[name] for name in tracks.split()]
    return start + free + box(b"mdat", *contents) + index + box(b"uuid", PLACE) + tail


def element(number: int, *content: bytes) -> bytes:
    """An element of a WebM."""
    inside = b"".join(content)
    name = number.to_bytes((number.bit_length() + 7) // 8)
    return name + struct.pack(">Q", len(inside) | 1 << 56) + inside


def webm(doctype: bytes = b"webm") -> bytes:
    """A WebM of 320 x 240, two seconds long, with a title, a date, tags and an attachment."""
    info = element(
        0x1549A966,
        element(0x2AD7B1, (1_000_000).to_bytes(3)),
        element(0x4489, struct.pack(">d", 2000.0)),
        element(0x7BA9, CAMERA),
        element(0x4461, struct.pack(">q", 12345)),
    )
    video = element(0xE0, element(0xB0, b"\x01\x40"), element(0xBA, b"\xf0"))
    tracks = element(0x1654AE6B, element(0xAE, element(0x83, b"\x01"), video))
    return element(0x1A45DFA3, element(0x4282, doctype)) + element(
        0x18538067,
        info,
        tracks,
        element(0x1F43B675, b"\xa3" * 700),
        element(0x1254C367, PLACE * 20),
        element(0x1941A469, CAMERA),
    )


def mp3(frames: int = 100) -> bytes:
    """An MP3 with tags before and behind its frames."""
    frame = b"\xff\xfb\x90\x00".ljust(417, b"\x55")
    tag = b"TPE1" + struct.pack(">I", len(CAMERA)) + b"\0\0" + CAMERA
    head = b"ID3\x04\0\0\0\0\0" + bytes([len(tag)]) + tag
    return head + frame * frames + b"TAG" + CAMERA.ljust(125, b"\0")
