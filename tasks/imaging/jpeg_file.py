"""The structure of a JPEG file: markers and segments, without decoding pixels."""

import re
import struct
from dataclasses import dataclass

from tasks.imaging.orientation import is_whole, orientation_in_exif
from tasks.imaging.verdicts import Rejected

_START_OF_FRAME = frozenset({*range(0xC0, 0xC4), *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})
# Whose rows are complete one after another; the others get finer from scan to scan.
_SEQUENTIAL = frozenset({0xC0, 0xC1})
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
# In entropy-coded data, 0xff is followed by 0x00, a restart marker, or a fill byte; anything else ends the scan.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_MAX_SCANS = 500
# All that decoding needs: frame, Huffman and quantisation tables, restart interval, arithmetic conditioning, Adobe.
_ESSENTIAL = _START_OF_FRAME | {0xC4, 0xCC, 0xDB, 0xDD, 0xEE}


@dataclass(frozen=True, slots=True)
class JpegFile:
    """What the segments say.

    `essential` are the (start, end) offsets of the segments before the first scan without which nothing decodes,
    `scan` is the offset of that scan, `end` the offset just behind the end-of-image marker, None without one.
    """

    width_px: int
    height_px: int
    components: int
    bit_depth: int
    orientation: int
    has_whole_exif: bool
    icc_profile: bytes | None
    has_adobe_marker: bool
    is_sequential: bool
    essential: tuple[tuple[int, int], ...]
    scan: int
    end: int | None


class _Walk:
    """Collects what is wanted from the segments as they pass."""

    def __init__(self) -> None:
        self.frame: tuple[int, int, int, int] | None = None
        self.is_sequential = False
        self.orientation = 1
        self.has_whole_exif = True
        self.icc_parts: dict[int, bytes] = {}
        self.has_adobe_marker = False
        self.essential: list[tuple[int, int]] = []
        self.scan = 0
        self.scans = 0

    def segment(self, marker: int, body: bytes, start: int) -> None:
        """Take in one segment; `start` is the offset of its marker."""
        if marker in _ESSENTIAL and not self.scans:
            self.essential.append((start, start + 4 + len(body)))
        if marker in _START_OF_FRAME and self.frame is None and len(body) >= 6:
            depth, height, width, components = struct.unpack_from(">BHHB", body)
            self.frame = (width, height, components, depth)
            self.is_sequential = marker in _SEQUENTIAL
        elif marker == 0xE1 and body.startswith(b"Exif\x00\x00") and self.orientation == 1:
            self.orientation = orientation_in_exif(body)
            self.has_whole_exif = is_whole(body)
        elif marker == 0xE2 and body.startswith(b"ICC_PROFILE\x00") and len(body) > 14:
            self.icc_parts[body[12]] = body[14:]
        elif marker == 0xEE and body.startswith(b"Adobe"):
            self.has_adobe_marker = True
        elif marker == _START_OF_SCAN:
            self.scan = self.scan or start
            self.scans += 1

    def result(self, end: int | None) -> JpegFile:
        if self.frame is None:
            raise Rejected("damaged", "JPEG without a frame header")
        if self.scans > _MAX_SCANS:
            raise Rejected(
                "damaged", f"JPEG with {self.scans} scans; more than {_MAX_SCANS} only serve to stall readers"
            )
        width, height, components, depth = self.frame
        profile = b"".join(self.icc_parts[part] for part in sorted(self.icc_parts)) or None
        return JpegFile(
            width_px=width,
            height_px=height,
            components=components,
            bit_depth=depth,
            orientation=self.orientation,
            has_whole_exif=self.has_whole_exif,
            icc_profile=profile,
            has_adobe_marker=self.has_adobe_marker,
            is_sequential=self.is_sequential,
            essential=tuple(self.essential),
            scan=self.scan,
            end=end,
        )


def read_jpeg_file(payload: bytes) -> JpegFile:
    """Walk all markers of the first image in the payload.

    Raises Rejected without a frame header, and for more scans than any real file has.
    """
    walk = _Walk()
    position = 2
    while (found := _next_marker(payload, position)) is not None:
        marker, position = found
        if marker == _END_OF_IMAGE:
            return walk.result(position)
        if marker in _STANDALONE:
            continue
        length = int.from_bytes(payload[position : position + 2], "big")
        if length < 2 or position + length > len(payload):
            break
        walk.segment(marker, payload[position + 2 : position + length], position - 2)
        position += length
    return walk.result(None)


def without_metadata(payload: bytes, file: JpegFile) -> bytes:
    """The same pixels from the essential segments only; what lies between or beside them is left out."""
    parts = [b"\xff\xd8", *(payload[start:end] for start, end in file.essential), payload[file.scan :]]
    return b"".join(parts)


def _next_marker(payload: bytes, position: int) -> tuple[int, int] | None:
    """Next marker at or behind the position, and the offset behind it."""
    found = _NEXT_MARKER.search(payload, position)
    return (payload[found.end() - 1], found.end()) if found else None
