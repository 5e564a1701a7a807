"""JPEG through libjpeg-turbo, strictly: what other readers only warn of is a finding here."""

import re

import numpy as np
import simplejpeg

from tasks.imaging.colour import to_srgb
from tasks.imaging.jpeg_file import JpegFile, read_jpeg_file, without_metadata
from tasks.imaging.jpeg_rows import whole_rows
from tasks.imaging.orientation import upright
from tasks.imaging.verdicts import Decoded, DecodeLimits, Finding, MinSides, Rejected, check_size, salvaged

_STRAY_BYTES = re.compile(r"extraneous bytes before marker 0x([0-9a-f]{2})")


def decode_jpeg(payload: bytes, limits: DecodeLimits, min_sides: MinSides | None) -> Decoded:
    """JPEG payload -> Decoded. Raises Rejected."""
    file = read_jpeg_file(payload)
    check_size(file.width_px, file.height_px, limits)
    findings: list[Finding] = []
    if not file.has_whole_exif:
        findings.append(Finding("metadata_damaged", "note", "the EXIF data are cut or point outside themselves"))
    try:
        stored = _pixels(payload, file, min_sides, findings)
    except Rejected as rejected:
        if rejected.code != "truncated" or limits.salvage_min_fraction is None:
            raise
        stored = _first_rows(payload, file, limits, rejected, findings)
    image = _colours(stored, file, findings)
    if file.orientation != 1:
        findings.append(
            Finding("exif_orientation", "repair", f"turned upright from EXIF orientation {file.orientation}")
        )
    if file.end is not None and file.end < len(payload):
        behind = len(payload) - file.end
        findings.append(Finding("trailing_bytes", "note", f"{behind} bytes behind the end of the image"))
    return Decoded(
        image=upright(image, file.orientation),
        format="jpeg",
        width_px=file.width_px,
        height_px=file.height_px,
        channels=file.components,
        bit_depth=file.bit_depth,
        findings=tuple(findings),
    )


def _pixels(payload: bytes, file: JpegFile, min_sides: MinSides | None, findings: list[Finding]) -> np.ndarray:
    """Stored colours, uint8 [H, W, 1 | 3 | 4]: grey, RGB, or CMYK as stored."""
    try:
        return _strictly(payload, file, min_sides)
    except ValueError as error:
        if not _concerns_metadata(str(error)):
            raise _rejection(str(error)) from error
        findings.append(Finding("metadata_damaged", "note", f"damage beside the pixels ({error})"))
    try:
        return _strictly(without_metadata(payload, file), file, min_sides)
    except ValueError as error:
        raise _rejection(str(error)) from error


def _strictly(payload: bytes, file: JpegFile, min_sides: MinSides | None) -> np.ndarray:
    """Decode; raises ValueError for whatever libjpeg-turbo would warn of."""
    colourspace = {1: "GRAY", 4: "CMYK"}.get(file.components, "RGB")
    factor = _reduction(file, min_sides)
    if factor == 1:
        return simplejpeg.decode_jpeg(payload, colourspace, strict=True)
    # libjpeg-turbo rounds sides up, so these minima name exactly that reduction.
    min_height, min_width = -(-file.height_px // factor), -(-file.width_px // factor)
    return simplejpeg.decode_jpeg(payload, colourspace, False, False, min_height, min_width, factor, strict=True)


def _first_rows(
    payload: bytes, file: JpegFile, limits: DecodeLimits, rejected: Rejected, findings: list[Finding]
) -> np.ndarray:
    """The rows of a truncated JPEG that are there; adds the repair. Raises the rejection where they are too few."""
    if not file.is_sequential or file.components not in (1, 3) or file.bit_depth != 8:
        raise rejected
    rows = whole_rows(payload)
    findings.append(salvaged(len(rows), file.height_px, limits, rejected))
    return rows


def _reduction(file: JpegFile, min_sides: MinSides | None) -> int:
    """Largest of 8, 4, 2, 1 that leaves both sides at least so long."""
    if min_sides is None:
        return 1
    shorter_px, longer_px = sorted((file.width_px, file.height_px))
    for factor in (8, 4, 2):
        if longer_px // factor >= min_sides.longer_px and shorter_px // factor >= max(min_sides.shorter_px, 1):
            return factor
    return 1


def _concerns_metadata(message: str) -> bool:
    """Whether the complaint is of bytes between header segments or of a colour profile, not of pixel data."""
    stray = _STRAY_BYTES.search(message)
    if stray is not None:
        return not 0xD0 <= int(stray[1], 16) <= 0xD9
    return "ICC" in message


def _rejection(message: str) -> Rejected:
    """The reject code for a message of libjpeg-turbo."""
    if "Premature end" in message:
        return Rejected("truncated", f"the JPEG data stop early ({message})")
    if any(word in message for word in ("Unsupported", "not supported", "precision", "Sorry")):
        return Rejected("unsupported", f"a JPEG of a kind that is not decoded ({message})")
    return Rejected("damaged", f"the JPEG data are damaged ({message})")


def _colours(image: np.ndarray, file: JpegFile, findings: list[Finding]) -> np.ndarray:
    """Stored colours -> uint8 [H, W, 1 | 3], sRGB."""
    if file.components == 4 and not file.has_adobe_marker:
        # Adobe writes inks inverted, 255 for none; others do not.
        image = 255 - image
    return to_srgb(image, file.icc_profile, findings)
