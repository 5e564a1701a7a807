"""The structure of a BMP file: what the header claims against what is there, and whether its runs fit."""

from dataclasses import dataclass

from tasks.imaging.verdicts import Finding, Rejected

_BITS = (1, 2, 4, 8, 16, 24, 32)
_FILE_HEADER_BYTES = 14
_CORE_HEADER_BYTES = 12
_PLAIN, _RUNS_OF_8, _RUNS_OF_4, _BITFIELDS = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class BmpFile:
    """What the header claims; `colours` is the number of entries that the palette has room for."""

    width_px: int
    height_px: int
    is_top_down: bool
    planes: int
    bits: int
    compression: int
    pixels_at: int
    pixel_bytes: int
    colours: int


def read_bmp_file(payload: bytes) -> BmpFile | None:
    """The header, None where the decoder has to say what is wrong with it."""
    header_bytes = _number(payload, 14, 4)
    if len(payload) < _FILE_HEADER_BYTES + header_bytes or header_bytes < _CORE_HEADER_BYTES:
        return None
    is_core = header_bytes == _CORE_HEADER_BYTES
    side_bytes = 2 if is_core else 4
    after_sides = 18 + 2 * side_bytes
    height = _number(payload, 18 + side_bytes, side_bytes, signed=not is_core)
    has_rest = header_bytes >= 40
    pixels_at = _number(payload, 10, 4)
    entries = (pixels_at - _FILE_HEADER_BYTES - header_bytes) // (3 if is_core else 4)
    return BmpFile(
        width_px=_number(payload, 18, side_bytes, signed=not is_core),
        height_px=abs(height),
        is_top_down=height < 0,
        planes=_number(payload, after_sides, 2),
        bits=_number(payload, after_sides + 2, 2),
        compression=_number(payload, 30, 4) if has_rest else _PLAIN,
        pixels_at=pixels_at,
        pixel_bytes=_number(payload, 34, 4) if has_rest else 0,
        colours=(_number(payload, 46, 4) if has_rest else 0) or max(entries, 0),
    )


def check_bmp(payload: bytes, file: BmpFile, findings: list[Finding]) -> None:
    """Adds findings for what can be done without. Raises Rejected for rows that are not there and runs that misfit."""
    if file.planes != 1:
        findings.append(Finding("metadata_damaged", "note", f"the BMP header has {file.planes} planes, 1 is allowed"))
    announced = max(_number(payload, 2, 4), file.pixel_bytes)
    if announced > len(payload):
        detail = f"the BMP header announces {announced} bytes, the file has {len(payload)}"
        findings.append(Finding("metadata_damaged", "note", detail))
    if file.compression in (_PLAIN, _BITFIELDS) and file.bits in _BITS:
        _check_length(payload, file)
    elif file.compression in (_RUNS_OF_8, _RUNS_OF_4):
        if file.is_top_down:
            detail = "a BMP of runs must go from bottom to top, this one goes from top to bottom"
            findings.append(Finding("metadata_damaged", "note", detail))
        _check_runs(payload, file)


def _check_length(payload: bytes, file: BmpFile) -> None:
    """Raises Rejected where rows are missing, before room for them is made."""
    row_bytes = -(-file.width_px * file.bits // 8)
    least = (file.height_px - 1) * (-(-row_bytes // 4) * 4) + row_bytes
    if len(payload) - file.pixels_at < least:
        raise Rejected(
            "truncated",
            f"the BMP has {max(len(payload) - file.pixels_at, 0)} bytes of pixels, its size needs {least}",
        )


def _check_runs(payload: bytes, file: BmpFile) -> None:
    """Raises Rejected where runs reach beyond the image; what ends before its end is left to the decoder."""
    position, x, y = file.pixels_at, 0, 0
    while position + 1 < len(payload):
        count, value = payload[position], payload[position + 1]
        position += 2
        if count:
            x += count
        elif value == 1:
            return
        elif value == 0:
            x, y = 0, y + 1
            continue
        elif value == 2:
            x, y = x + _number(payload, position, 1), y + _number(payload, position + 1, 1)
            position += 2
        else:
            x += value
            stored = value if file.compression == _RUNS_OF_8 else -(-value // 2)
            position += stored + stored % 2
        # An even number of pixels is written for odd widths by some, in halves of bytes.
        if x > file.width_px + (file.compression == _RUNS_OF_4) or y >= file.height_px:
            raise Rejected("damaged", f"a run of the BMP reaches to {x}, {y} of {file.width_px}x{file.height_px} px")


def _number(payload: bytes, at: int, size: int, signed: bool = False) -> int:
    return int.from_bytes(payload[at : at + size], "little", signed=signed)
