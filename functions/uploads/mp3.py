"""MP3: frames one after the other, with tags before and behind them (ISO 11172-3, ID3)."""

from functions.uploads.shapes import Bytes, Edit, RefusedFileError, Stream

_RATES = (*(32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),)
_RATES_OF_2 = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_SAMPLES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_AT_ONCE = 4 * 1024 * 1024
# Players and encoders leave a little behind the last frame.
_LEFT_OVER = 8192
_FEWEST_FRAMES = 4


def read_mp3(source: Bytes) -> Stream:
    """Read the frames of a file, all of them.

    Raises:
        RefusedFileError: It is broken.
    """
    start, end = _between_tags(source)
    at, samples, frames, rate = start, 0, 0, 44_100
    held, held_from = b"", start
    while at + 4 <= end:
        if at + 4 > held_from + len(held):
            held, held_from = source.read(at, min(at + _AT_ONCE, end)), at
        frame = _frame(held[at - held_from : at - held_from + 4])
        if frame is None or at + frame[0] > end:
            break
        length, count, rate = frame
        at, samples, frames = at + length, samples + count, frames + 1
    if frames < _FEWEST_FRAMES or end - at > _LEFT_OVER:
        raise RefusedFileError("broken", "This MP3 is broken, or is no MP3: save it again.")
    edits = [Edit(*cut, cut=True) for cut in ((0, start), (at, source.size)) if cut[0] < cut[1]]
    removed = ["metadata"] if start > 0 or end < source.size else []
    return Stream("audio", "audio/mpeg", None, None, samples * 1000 // rate, edits, removed)


def _between_tags(source: Bytes) -> tuple[int, int]:
    start, end = 0, source.size
    for _ in range(4):
        head = source.read(start, min(start + 10, end))
        if head[:3] != b"ID3" or len(head) < 10:
            break
        if any(byte & 0x80 for byte in head[6:10]):
            break
        length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        start += 10 + length + (10 if head[5] & 0x10 else 0)
        if start >= end:
            break
    if end - start >= 128 and source.read(end - 128, end - 125) == b"TAG":
        end -= 128
    if end - start >= 32 and source.read(end - 32, end - 24) == b"APETAGEX":
        footer = source.read(end - 32, end)
        length = int.from_bytes(footer[12:16], "little") + (32 if footer[23] & 0x80 else 0)
        end = max(start, end - length)
    return min(start, end), end


def _frame(head: bytes) -> tuple[int, int, int] | None:
    """Length, samples and samples a second of the frame that begins so."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate, sampling = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version not in _SAMPLES or not 0 < rate < 15 or sampling == 3:
        return None
    is_first = version == 3
    bits = (_RATES if is_first else _RATES_OF_2)[rate - 1] * 1000
    samples = 1152 if is_first else 576
    per_second = _SAMPLES[version][sampling]
    return samples // 8 * bits // per_second + (head[2] >> 1 & 1), samples, per_second
