"""One file as scan sees it: its frames, what is found in each, and the prepared images."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.image_codec import encode_image
from datasets.manifest import Status
from tasks.imaging.decode import Decoded, DecodeLimits, Finding, MinSides, Undecodable, decode, decode_frames
from tasks.imaging.measures import MEASURED_SIDES, Sample, channel_sums, sample
from tasks.imaging.operations.channels import to_channels
from tasks.imaging.operations.registry import Operation, apply_all, check_fits_channels, check_levels_fit
from tasks.imaging.operations.resize import ResizeSettings, resize, whole_sides

Repair = Literal["alpha_composited", "bit_depth", "colour_space", "exif_orientation", "not_a_number", "salvaged"]
Row = dict[str, Any]


class ScanSettings(BaseModel):
    """How images are decoded and prepared. A change here decodes everything again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Literal[1, 3] = Field(3, description="1 = grey, 3 = RGB")
    resize: ResizeSettings = Field(default_factory=ResizeSettings, description="the one shape of all prepared images")
    before_resize: tuple[Operation, ...] = Field(
        (), description="operations in order, e.g. [{kind: denoise, method: auto}]; see docs/pixel-operations.md"
    )
    after_resize: tuple[Operation, ...] = Field((), description="the same, of the resized images")
    exact: bool = Field(False, description="decode large JPEGs at full size; false = at the nearest 1/2, 1/4 or 1/8")
    encoding: Literal["png", "jpeg", "raw"] = Field("png", description="png, jpeg (lossy) or raw, in packs and shards")
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality of jpeg encoding")
    frames: Literal["first", "all"] = Field(
        "first", description="of animations and TIFFs with pages: the first frame, or all (each an image of its own)"
    )
    refused_repairs: tuple[Repair, ...] = Field(
        (), description="repairs that reject an image instead of being made, e.g. [colour_space]"
    )
    limits: DecodeLimits = Field(default_factory=DecodeLimits, description="what is decoded at all")

    @cached_property
    def prepared_sides(self) -> MinSides:
        """What decoding has to leave of an image that is measured and prepared."""
        return self.resize.min_sides | MEASURED_SIDES

    @model_validator(mode="after")
    def _colours_fit_channels(self) -> Self:
        check_levels_fit(self.channels, "resize.border_levels", self.resize.border_levels)
        check_fits_channels(self.channels, (*self.before_resize, *self.after_resize))
        return self


class Scanned(NamedTuple):
    """A frame: its row of the store, and unless it was rejected, what measures come from and the prepared image.

    The image is in the shards' encoding; None also where nobody wants it.
    """

    row: Row
    sample: Sample | None = None
    prepared: bytes | None = None


def scan_payload(settings: ScanSettings, payload: bytes, sha256: str, keeps_pixels: bool = True) -> Iterator[Scanned]:
    """Bytes of a file -> its frames, one or more."""
    min_sides = None if settings.exact else settings.prepared_sides if keeps_pixels else MEASURED_SIDES
    if settings.frames == "first":
        yield _scanned(settings, decode(payload, settings.limits, min_sides), sha256, 0, keeps_pixels)
        return
    for frame, verdict in enumerate(decode_frames(payload, settings.limits, min_sides)):
        yield _scanned(settings, verdict, sha256, frame, keeps_pixels)


def _scanned(
    settings: ScanSettings, decoded: Decoded | Undecodable, sha256: str, frame: int, keeps_pixels: bool
) -> Scanned:
    if isinstance(decoded, Undecodable):
        return Scanned(rejected_row(sha256, decoded.code, decoded.detail, decoded.format, frame))
    repaired = next((finding for finding in decoded.findings if finding.severity == "repair"), None)
    refused = next((finding for finding in decoded.findings if finding.code in settings.refused_repairs), None)
    if refused is not None:
        detail = f"refused_repairs names it: {refused.detail}"
        return Scanned(rejected_row(sha256, refused.code, detail, decoded.format, frame))
    row = {
        "sha256": sha256,
        "frame": frame,
        "status": Status.REPAIRED if repaired else Status.KEPT,
        "reason": repaired.code if repaired else None,
        "detail": repaired.detail if repaired else None,
        "format": decoded.format,
        "width_px": decoded.width_px,
        "height_px": decoded.height_px,
        "channels": decoded.channels,
        "bit_depth": decoded.bit_depth,
        "findings": [finding_record(finding) for finding in decoded.findings],
    }
    if not keeps_pixels:
        return Scanned(row, sample(decoded.image))
    try:
        prepared = prepare_pixels(settings, decoded, sha256)
    except Exception as error:  # one image costs itself only, whatever a filter makes of it
        detail = f"a pixel operation failed ({type(error).__name__}: {' '.join(str(error).split())})"
        return Scanned(rejected_row(sha256, "operation_failed", detail, decoded.format, frame))
    row["channel_sums"], row["channel_square_sums"] = channel_sums(prepared)
    return Scanned(row, sample(decoded.image), encode_image(prepared, settings.encoding, settings.jpeg_quality))


def prepare_pixels(settings: ScanSettings, decoded: Decoded, sha256: str) -> Any:
    """Upright uint8 [H, W, C] -> uint8 [height_px, width_px, channels]: channels, operations, resize, operations."""
    image = apply_all(to_channels(decoded.image, settings.channels), settings.before_resize)
    whole_px = whole_sides(image, decoded.width_px, decoded.height_px)
    return apply_all(resize(image, settings.resize, sha256, whole_px), settings.after_resize)


def rejected_row(sha256: str, code: str, detail: str, format_name: str | None = None, frame: int = 0) -> Row:
    """The row of a file, or of one frame, that gives no image."""
    return {
        "sha256": sha256,
        "frame": frame,
        "status": Status.REJECTED,
        "reason": code,
        "detail": detail,
        "format": format_name,
        "findings": [finding_record(Finding(code, "reject", detail))],
    }


def finding_record(finding: Finding) -> dict[str, str]:
    """A finding in the columns of findings."""
    return {"finding": finding.code, "severity": finding.severity, "detail": finding.detail}
