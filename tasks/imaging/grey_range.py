"""Grey levels of more than 8 bits to uint8, by the range that the file declares."""

import numpy as np

from tasks.imaging.verdicts import Finding, Rejected


def from_16_bit(values: np.ndarray, white: int, findings: list[Finding]) -> np.ndarray:
    """Unsigned integers [H, W], 0 black, `white` white -> uint8 [H, W], rounded; adds a finding."""
    levels = values.astype(np.uint32)
    findings.append(Finding("bit_depth", "repair", f"grey levels 0..{white} scaled to 0..255"))
    note_narrow_range(int(levels.max()), white, findings)
    return ((np.minimum(levels, white) * 255 + white // 2) // white).astype(np.uint8)


def note_narrow_range(brightest: int, white: int, findings: list[Finding]) -> None:
    """Add a finding where samples seem to hold fewer bits than the file says, such as 12 of 16."""
    if brightest <= white // 16:
        findings.append(Finding("narrow_range", "note", f"brightest level {brightest} of {white}: nearly all black"))


def from_numbers(values: np.ndarray, declared: tuple[float, float] | None, findings: list[Finding]) -> np.ndarray:
    """Floats or integers [H, W] -> uint8 [H, W]; adds a finding that names the range.

    The range is the declared one; else the smallest of 0..1 (floats), 0..255 and 0..65535 that holds all values;
    else their own minimum to maximum. Values that are no numbers become black. Raises Rejected if all are.
    """
    finite = np.isfinite(values)
    if not finite.any():
        raise Rejected("damaged", "no pixel holds a number")
    low, high = declared or _range_of(values[finite], values.dtype.kind == "f")
    findings.append(Finding("bit_depth", "repair", f"values {low:g}..{high:g} scaled to 0..255"))
    if not finite.all():
        findings.append(Finding("not_a_number", "repair", f"{int((~finite).sum())} pixels without a number made black"))
    scaled = (np.where(finite, values, low).astype(np.float64) - low) * (255.0 / (high - low))
    return np.clip(np.rint(scaled), 0, 255).astype(np.uint8)


def _range_of(values: np.ndarray, is_float: bool) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    if low >= 0:
        for white in (1.0, 255.0, 65535.0) if is_float else (255.0, 65535.0):
            if high <= white:
                return 0.0, white
    return (low, high) if high > low else (low, low + 1.0)
