"""Pictures: unpacked within limits, turned upright, and written anew without what they carried.

What is kept is made from the pixels alone, so that nothing that hid in the file comes along.
"""

import io
from typing import NamedTuple

from PIL import Image, ImageOps, ImageSequence

from functions.uploads.shapes import RefusedFileError

# Four bytes each, and up to three copies at once, in the memory of the function.
MAX_PIXELS = 64_000_000
# Of all pictures of an animation together, which are held until the last one is written.
MAX_ANIMATED_PIXELS = 160_000_000
MAX_FRAMES = 1000
THUMBNAIL_SIDE = 400

_FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif", "WEBP": "image/webp"}
# Two pictures in one JPEG, as some phones write them: the first one is the picture.
_AS_JPEG = "MPO"
_GPS = 0x8825
_SAVED: dict[str, dict[str, object]] = {
    "JPEG": {"quality": 92, "optimize": True},
    "PNG": {},
    "GIF": {},
    "WEBP": {"quality": 92},
}


class Picture(NamedTuple):
    """A picture as it is kept."""

    content_type: str
    width: int
    height: int
    duration_ms: int | None
    data: bytes
    thumbnail: bytes
    looks: str
    removed: list[str]


def read_picture(data: bytes) -> Picture:
    """Unpack a picture and write it anew.

    Raises:
        RefusedFileError: It is broken, or larger than any picture has to be.
    """
    try:
        with Image.open(io.BytesIO(data), formats=list(_FORMATS)) as image:
            _refuse_bombs(image)
            return _read(image, data)
    except RefusedFileError:
        raise
    except Image.DecompressionBombError:
        raise _too_large() from None
    # Broken files make its readers fail in every way that Python has; only memory is not theirs.
    except Exception as error:
        if isinstance(error, MemoryError):
            raise
        raise RefusedFileError(
            "broken", "This picture is broken or not complete: save it again and upload that."
        ) from error


def _refuse_bombs(image: Image.Image) -> None:
    # The size is known before anything is unpacked.
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()
    if image.format == _AS_JPEG:
        return
    frames = getattr(image, "n_frames", 1)
    if frames > MAX_FRAMES or (
        frames > 1 and frames * image.width * image.height > MAX_ANIMATED_PIXELS
    ):
        raise RefusedFileError(
            "too_large",
            f"This animation has {frames:,} pictures of {image.width:,} x {image.height:,}: upload"
            " it as a video.",
        )


def _too_large() -> RefusedFileError:
    return RefusedFileError(
        "too_large", f"This picture has more than {MAX_PIXELS:,} pixels: save it smaller."
    )


def _read(image: Image.Image, data: bytes) -> Picture:
    written_as = "JPEG" if image.format in (None, _AS_JPEG) else str(image.format)
    animated = image.format != _AS_JPEG and getattr(image, "is_animated", False)
    removed = _carried(image, data)
    if animated:
        kept, size, duration = _animation(image, written_as)
        image.seek(0)
    else:
        duration = None
    upright = ImageOps.exif_transpose(image)
    if not animated:
        kept, size = _still(upright, written_as), upright.size
    width, height = size
    return Picture(
        _FORMATS[written_as],
        width,
        height,
        duration,
        kept,
        _thumbnail(upright),
        looks_of(upright),
        removed,
    )


def _still(image: Image.Image, written_as: str) -> bytes:
    if written_as == "JPEG" and image.mode not in ("RGB", "L"):
        image = image.convert("RGB")
    return _written(image, written_as)


def _animation(image: Image.Image, written_as: str) -> tuple[bytes, tuple[int, int], int]:
    frames, durations = [], []
    for frame in ImageSequence.Iterator(image):
        frames.append(frame.copy())
        # Known once the picture is unpacked.
        durations.append(int(frame.info.get("duration") or 100))
    loop = image.info.get("loop", 0)
    for frame in frames:
        frame.info.clear()
    kept = _written(
        frames[0],
        written_as,
        save_all=True,
        append_images=frames[1:],
        duration=durations,
        loop=loop,
    )
    return kept, frames[0].size, sum(durations)


def _written(image: Image.Image, written_as: str, **more: object) -> bytes:
    # The profile says what the colours mean; everything else that came along stays behind.
    profile = image.info.get("icc_profile")
    options = {**_SAVED[written_as], **more, "exif": b"", "xmp": b""}
    if written_as in ("PNG", "GIF") and "transparency" in image.info:
        options["transparency"] = image.info["transparency"]
    target = io.BytesIO()
    clean = image
    clean.info = {}
    if written_as == "GIF":
        options.pop("exif")
        options.pop("xmp")
    elif profile and len(profile) < 64 * 1024:
        options["icc_profile"] = profile
    clean.save(target, written_as, **options)
    return target.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.convert("RGBA") if image.mode in ("P", "LA", "PA") else image
    scale = min(1, THUMBNAIL_SIDE / max(small.size))
    width, height = (max(1, round(side * scale)) for side in small.size)
    small = small.resize((width, height), Image.Resampling.LANCZOS, reducing_gap=3)
    if small.mode not in ("RGB", "RGBA"):
        small = small.convert("RGB")
    target = io.BytesIO()
    small.info = {}
    small.save(target, "WEBP", quality=80)
    return target.getvalue()


def looks_of(image: Image.Image) -> str:
    """How a picture looks as 64 bits: whether each point of a small copy is darker than the next.

    Saved again, or in another size, a picture keeps nearly all of them.
    """
    small = image.convert("L").resize((9, 8), Image.Resampling.LANCZOS, reducing_gap=3)
    grey = small.tobytes()
    return "".join(
        "1" if grey[row * 9 + column] < grey[row * 9 + column + 1] else "0"
        for row in range(8)
        for column in range(8)
    )


def _carried(image: Image.Image, data: bytes) -> list[str]:
    """What the file carries beside its pixels."""
    exif = image.getexif()
    found = []
    if exif:
        found.append("exif")
    if exif.get_ifd(_GPS):
        found.append("location")
    if image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b"<x:xmpmeta" in data:
        found.append("xmp")
    if image.info.get("comment") or getattr(image, "text", None):
        found.append("comment")
    return found
