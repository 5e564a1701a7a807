"""The structure of a GIF file: blocks and frame sizes, without decoding pixels."""

from dataclasses import dataclass

_SCREEN_BYTES = 13
_FRAME_BYTES = 10
_EXTENSION, _FRAME, _TRAILER = 0x21, 0x2C, 0x3B


@dataclass(frozen=True, slots=True)
class GifFile:
    """`frames` are the (width, height) up to which each frame reaches on the canvas, in px.

    `end` is the offset just behind the trailer, None where the blocks break off or turn to nonsense before it.
    """

    frames: tuple[tuple[int, int], ...]
    end: int | None


def read_gif_file(payload: bytes, max_frames: int) -> GifFile:
    """Walk all blocks, or those up to one frame more than `max_frames`."""
    frames: list[tuple[int, int]] = []
    position = _SCREEN_BYTES + _table_bytes(payload[10:11])
    while position < len(payload) and len(frames) <= max_frames:
        kind = payload[position]
        if kind == _TRAILER:
            return GifFile(tuple(frames), position + 1)
        if kind == _EXTENSION:
            behind = _behind_blocks(payload, position + 2)
        elif kind == _FRAME and position + _FRAME_BYTES < len(payload):
            left, top, width, height = (
                int.from_bytes(payload[position + at : position + at + 2], "little") for at in (1, 3, 5, 7)
            )
            frames.append((left + width, top + height))
            data = position + _FRAME_BYTES + _table_bytes(payload[position + 9 : position + 10])
            behind = _behind_blocks(payload, data + 1)
        else:
            break
        if behind is None:
            break
        position = behind
    return GifFile(tuple(frames), None)


def _table_bytes(flags: bytes) -> int:
    """Bytes of the colour table that the flags announce."""
    return 3 << ((flags[0] & 7) + 1) if flags and flags[0] & 0x80 else 0


def _behind_blocks(payload: bytes, position: int) -> int | None:
    """The offset behind a chain of data blocks, None where it is cut."""
    while position < len(payload):
        length = payload[position]
        position += 1 + length
        if not length:
            return position
    return None
