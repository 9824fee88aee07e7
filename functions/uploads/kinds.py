"""What a file is by its first bytes; its name and what was said of it count for nothing."""

from typing import Literal

from functions.uploads.shapes import RefusedFileError
from huntaze.domain.media import FileKind

type Format = Literal["jpeg", "png", "gif", "webp", "mp4", "webm", "mp3"]

MEGABYTE = 1024**2
MAX_BYTES: dict[FileKind, int] = {
    # A picture is unpacked in memory.
    "photo": 50 * MEGABYTE,
    "video": 2048 * MEGABYTE,
    "audio": 512 * MEGABYTE,
}
CONTENT_TYPES: dict[str, FileKind] = {
    "image/jpeg": "photo",
    "image/png": "photo",
    "image/webp": "photo",
    "image/gif": "photo",
    "video/mp4": "video",
    "video/quicktime": "video",
    "video/webm": "video",
    "audio/mpeg": "audio",
    "audio/mp4": "audio",
}
TAKEN = "JPEG, PNG, WebP, GIF, MP4, MOV, WebM, MP3 or M4A"
HEAD_BYTES = 1024

_STILLS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif", b"avis")
_KNOWN: tuple[tuple[bytes, Format], ...] = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"\x1a\x45\xdf\xa3", "webm"),
    (b"ID3", "mp3"),
)
_NAMED: tuple[tuple[bytes, str], ...] = (
    (b"%pdf", "a PDF"),
    (b"pk\x03\x04", "a ZIP archive"),
    (b"mz", "a program"),
    (b"\x7felf", "a program"),
    (b"#!", "a script"),
    (b"bm", "a BMP"),
    (b"ii*\0", "a TIFF"),
    (b"mm\0*", "a TIFF"),
)


def format_of(head: bytes) -> Format:
    """Tell what begins with ``head``.

    Raises:
        RefusedFileError: Nothing that the library takes.
    """
    for beginning, known in _KNOWN:
        if head.startswith(beginning):
            return known
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        if head[8:12] in _STILLS:
            raise RefusedFileError(
                "unsupported", "This is a HEIC or AVIF picture: save it as JPEG and upload that."
            )
        return "mp4"
    if len(head) > 1 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return "mp3"
    raise RefusedFileError("unsupported", f"This is {_named(head)}, not {TAKEN}.")


def _named(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<svg", b"<?xml")) or b"<svg" in text:
        return "an SVG, which may run scripts"
    if text.startswith((b"<!doctype", b"<html", b"<script", b"<head", b"<body")):
        return "a web page"
    for beginning, name in _NAMED:
        if text.startswith(beginning):
            return name
    return "something else"
