"""What the user says that every image is like, compared with the properties of the stored files."""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tasks.curation.finding_list import Action, Findings, usable
from tasks.imaging.formats import SUPPORTED

Row = dict[str, Any]
_OTHER_NAMES = {"jpg": "jpeg", "tif": "tiff", "pgm": "pnm", "ppm": "pnm", "pbm": "pnm"}
SINGLE_VALUES = ("width_px", "height_px", "channels", "bit_depth")


class Expectations(BaseModel):
    """What every image must be like, as its file is stored. null: anything."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width_px: int | None = Field(None, ge=1, description="width of every stored image, e.g. 28; null = any")
    height_px: int | None = Field(None, ge=1, description="height of every stored image")
    channels: int | None = Field(None, ge=1, le=4, description="stored channels: 1 grey, 3 colour, 4 with alpha")
    bit_depth: int | None = Field(None, ge=1, le=64, description="bits of a stored sample, e.g. 8")
    range: tuple[float, float] | None = Field(
        None, description="[least, most] grey level of 8 bits, at the 5th and 95th percentile of an image"
    )
    formats: tuple[str, ...] | None = Field(None, description=f"allowed formats, of {', '.join(SUPPORTED)}")
    action: Action = Field("reject", description="what becomes of images that are otherwise: reject or note")

    @field_validator("formats")
    @classmethod
    def _be_known(cls, formats: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if formats is None:
            return None
        names = [_OTHER_NAMES.get(name.lower().lstrip("."), name.lower().lstrip(".")) for name in formats]
        unknown = [name for name in names if name not in SUPPORTED]
        if unknown or not names:
            raise ValueError(f"got {', '.join(unknown) or 'no format'}; allowed are {', '.join(SUPPORTED)}")
        return tuple(sorted(set(names)))

    @field_validator("range")
    @classmethod
    def _ascend(cls, levels: tuple[float, float] | None) -> tuple[float, float] | None:
        if levels is not None and not 0 <= levels[0] < levels[1] <= 255:
            raise ValueError(f"got {list(levels)}; allowed is [least, most] with 0 <= least < most <= 255")
        return levels


def check_expectations(rows: Iterable[Row], expected: Expectations, findings: Findings) -> None:
    """Reject or note what is not as the user says that every image is."""
    if all(getattr(expected, name) is None for name in (*SINGLE_VALUES, "range", "formats")):
        return
    for row in usable(rows):
        faults = list(_faults(row, expected))
        if faults:
            findings.act(expected.action, row, "unexpected", "; ".join(faults))


def _faults(row: Row, expected: Expectations) -> Iterable[str]:
    for name in SINGLE_VALUES:
        wanted = getattr(expected, name)
        if wanted is not None and row[name] != wanted:
            yield f"{name} is {row[name]}, expected {wanted}"
    if expected.formats is not None and row["format"] not in expected.formats:
        yield f"format is {row['format']}, expected {' or '.join(expected.formats)}"
    if expected.range is not None:
        least, most = expected.range
        low, high = row["brightness_p05"], row["brightness_p95"]
        if low < least or high > most:
            yield f"grey levels are {low:g} to {high:g} (5th to 95th percentile), expected {least:g} to {most:g}"
