"""What files are, what is taken out of them, and which are refused: by their bytes alone."""

import io
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from functions.uploads import kinds, pictures
from functions.uploads.boxes import read_boxes
from functions.uploads.matroska import read_matroska
from functions.uploads.mp3 import read_mp3
from functions.uploads.pictures import read_picture
from functions.uploads.shapes import Edit, RefusedFileError, edited
from tests.fakes import media_files
from tests.fakes.media_files import CAMERA, PLACE


class Held:
    """A file in memory."""

    def __init__(self, data):
        self.data = data
        self.size = len(data)

    def read(self, start, end):
        """The bytes from ``start`` up to ``end``."""
        assert 0 <= start <= end <= self.size
        return self.data[start:end]


def kept(data, stream, piece=100):
    return b"".join(part for _, part in edited(Held(data), stream.edits, piece))


def png_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_bomb(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    packed = zlib.compress(bytes(10_000_000), 9)
    start = b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header)
    return start + png_chunk(b"IDAT", packed) + png_chunk(b"IEND", b"")


@pytest.mark.parametrize("written_as", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_turned_upright_and_tells_no_place(written_as):
    data = media_files.picture(written_as)
    assert CAMERA in data
    made = read_picture(data)
    assert (made.width, made.height) == (80, 120)
    assert {"exif", "location"} <= set(made.removed)
    for clean in (made.data, made.thumbnail):
        assert CAMERA not in clean
        with Image.open(io.BytesIO(clean)) as image:
            assert not image.getexif()
            assert not {"exif", "xmp", "comment"} & set(image.info)
    with Image.open(io.BytesIO(made.data)) as image:
        assert (image.format, image.size) == (written_as, (80, 120))
    with Image.open(io.BytesIO(made.thumbnail)) as image:
        assert (image.format, image.size) == ("WEBP", (80, 120))


def test_what_hides_behind_a_picture_does_not_come_along():
    made = read_picture(media_files.picture() + b"PK\x03\x04 <script>alert(1)</script>")
    assert b"<script>" not in made.data
    assert b"PK\x03\x04" not in made.data


def test_an_animation_stays_one():
    made = read_picture(media_files.animation())
    assert (made.content_type, made.duration_ms, made.removed) == ("image/gif", 240, ["comment"])
    assert CAMERA not in made.data
    with Image.open(io.BytesIO(made.data)) as image:
        assert image.n_frames == 3


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_every_mode_are_kept(mode):
    image = Image.radial_gradient("L")
    image = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
    target = io.BytesIO()
    image.save(target, "JPEG" if mode == "CMYK" else "PNG")
    assert read_picture(target.getvalue()).width == 256


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (png_bomb(50_000, 50_000), "too_large"),
        (png_bomb(2**31 - 1, 2**31 - 1), "too_large"),
        (media_files.picture()[:-300], "broken"),
        (media_files.picture("PNG")[:-300], "broken"),
        (b"\xff\xd8\xff\xe0<html><script>alert(1)</script>", "broken"),
        (b"GIF89a=1;alert(1)", "broken"),
    ],
)
def test_refuses_pictures_that_are_bombs_or_broken(data, reason):
    with pytest.raises(RefusedFileError) as refused:
        read_picture(data)
    assert refused.value.reason == reason


def test_refuses_animations_of_too_many_pixels(monkeypatch):
    monkeypatch.setattr(pictures, "MAX_ANIMATED_PIXELS", 40 * 30 * 2)
    with pytest.raises(RefusedFileError, match="as a video"):
        read_picture(media_files.animation())


def test_a_photo_looks_like_itself_saved_smaller():
    def bits_apart(one, two):
        return sum(a != b for a, b in zip(one, two, strict=True))

    first = Image.effect_mandelbrot((640, 480), (-2, -1.5, 1, 1.5), 60).convert("RGB")
    target = io.BytesIO()
    first.resize((320, 240)).save(target, "JPEG", quality=60)
    second = Image.open(io.BytesIO(target.getvalue()))
    other = first.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert bits_apart(pictures.looks_of(first), pictures.looks_of(second)) <= 6
    assert bits_apart(pictures.looks_of(first), pictures.looks_of(other)) > 12


@pytest.mark.parametrize(
    ("head", "named"),
    [
        (b"<!DOCTYPE html><title>x", "a web page"),
        (b"\xef\xbb\xbf \n<html>", "a web page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg">', "an SVG"),
        (b"<?xml version='1.0'?><svg>", "an SVG"),
        (b"%PDF-1.7", "a PDF"),
        (b"PK\x03\x04", "a ZIP"),
        (b"MZ\x90", "a program"),
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x18ftypavif", "HEIC"),
        (b"BM", "a BMP"),
        (b"hello", "something else"),
        (b"", "something else"),
    ],
)
def test_says_what_it_does_not_take(head, named):
    with pytest.raises(RefusedFileError, match=named):
        kinds.format_of(head)


@pytest.mark.parametrize(
    ("brand", "content_type"), [(b"isom", "video/mp4"), (b"qt  ", "video/quicktime")]
)
def test_a_movie_tells_neither_place_nor_time(brand, content_type):
    data = media_files.movie(brand)
    assert data.count(PLACE) == 9
    stream = read_boxes(Held(data))
    assert stream[:5] == ("video", content_type, 240, 320, 5000)
    assert stream.removed == ["metadata", "telemetry", "time"]
    clean = kept(data, stream)
    assert len(clean) == len(data)
    for trace in (PLACE, CAMERA, b"#!/bin/sh"):
        assert trace not in clean
    assert b"V" * 500 + b"S" * 300 in clean
    again = read_boxes(Held(clean))
    assert again[:5] == stream[:5]
    assert again.removed == []


def test_sound_alone_is_an_audio():
    stream = read_boxes(Held(media_files.movie(b"M4A ", tracks="sound")))
    assert stream[:5] == ("audio", "audio/mp4", None, None, 5000)


@pytest.mark.parametrize(
    "data",
    [
        media_files.movie()[:-1],
        media_files.movie()[:300],
        media_files.movie(tail=b"PK\x03\x04" + bytes(60)),
        media_files.movie(tail=b"<html>"),
        media_files.movie(tail=media_files.box(b"moov")),
        media_files.movie(tracks=""),
        media_files.movie(tracks="gps"),
        media_files.movie(b"xxxx"),
        media_files.box(b"ftyp", b"isom", bytes(4)),
        media_files.box(b"ftyp", b"isom") + media_files.box(b"mdat") + b"\0\0\0\1moov" + bytes(8),
        media_files.box(b"ftyp", b"isom") * 6000,
    ],
)
def test_refuses_movies_that_are_broken_or_more_than_a_movie(data):
    with pytest.raises(RefusedFileError):
        read_boxes(Held(data))


def test_refuses_telemetry_that_is_spread_over_fragments():
    fragment = media_files.box(b"moof") + media_files.box(b"mdat", PLACE)
    with pytest.raises(RefusedFileError) as refused:
        read_boxes(Held(media_files.movie(tail=fragment)))
    assert refused.value.reason == "unsupported"
    harmless = media_files.movie(tracks="video sound", tail=media_files.box(b"moof"))
    assert read_boxes(Held(harmless)).kind == "video"


def test_a_webm_tells_nobody():
    data = media_files.webm()
    stream = read_matroska(Held(data))
    assert stream[:5] == ("video", "video/webm", 320, 240, 2000)
    clean = kept(data, stream)
    assert len(clean) == len(data)
    for trace in (PLACE, CAMERA):
        assert trace not in clean
    assert read_matroska(Held(clean))[:5] == stream[:5]


@pytest.mark.parametrize(
    "data",
    [
        media_files.webm(b"matroska"),
        media_files.webm()[:-1],
        media_files.webm() + b"PK\x03\x04",
        b"\x1a\x45\xdf\xa3",
        b"\x1a\x45\xdf\xa3\xff",
        media_files.webm().replace(b"\x1f\x43\xb6\x75\x01", b"\x1f\x43\xb6\x75\xff"),
    ],
)
def test_refuses_what_is_no_whole_webm(data):
    with pytest.raises(RefusedFileError):
        read_matroska(Held(data))


def test_an_mp3_loses_its_tags_and_nothing_else():
    data = media_files.mp3(100)
    stream = read_mp3(Held(data))
    assert stream[:5] == ("audio", "audio/mpeg", None, None, 100 * 1152 * 1000 // 44_100)
    assert stream.removed == ["metadata"]
    clean = kept(data, stream)
    assert CAMERA not in clean
    assert len(clean) == 100 * 417


@pytest.mark.parametrize(
    "data",
    [
        b"ID3\x04\0\0\0\0\0\x05hello",
        b"\xff\xfb\x90\x00" + bytes(100),
        media_files.mp3(10) + bytes(20_000),
        b"\xff\xfb" + b"<script>" * 1000,
    ],
)
def test_refuses_what_is_no_mp3(data):
    with pytest.raises(RefusedFileError):
        read_mp3(Held(data))


_READERS = (
    (read_boxes, media_files.movie()),
    (read_matroska, media_files.webm()),
    (read_mp3, media_files.mp3(10)),
    (read_picture, media_files.picture()),
    (read_picture, media_files.animation()),
)


@given(st.sampled_from(_READERS), st.data())
def test_whatever_was_changed_is_read_or_refused(reader, draw):
    read, good = reader
    data = bytearray(good)
    for _ in range(draw.draw(st.integers(1, 6))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    changed = bytes(data[: draw.draw(st.integers(1, len(data)))])
    with suppress(RefusedFileError):
        read(changed if read is read_picture else Held(changed))


@given(
    st.binary(min_size=1, max_size=60),
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 30), st.binary(max_size=8), st.booleans()),
        max_size=4,
    ),
    st.integers(1, 70),
)
def test_edits_are_the_same_in_pieces_of_any_length(data, wanted, piece):
    edits = [
        Edit(start, min(start + length, len(data)), head, cut)
        for start, length, head, cut in wanted
        if start < len(data)
    ]
    parts = list(edited(Held(data), edits, piece))
    assert b"".join(original for original, _ in parts) == data
    whole = b"".join(part for _, part in edited(Held(data), edits, len(data)))
    assert b"".join(part for _, part in parts) == whole
    if not any(edit.cut for edit in edits):
        assert len(whole) == len(data)
    touched = {place for edit in edits for place in range(edit.start, edit.end)}
    untouched = bytes(byte for place, byte in enumerate(data) if place not in touched)
    if all(edit.cut for edit in edits):
        assert whole == untouched
