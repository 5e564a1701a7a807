"""One file as scan sees it: its frames, what is found in each, and the prepared images."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from datasets.image_codec import encode_image
from datasets.manifest import Status
from tasks.imaging.decode import Decoded, DecodeLimits, Finding, Undecodable, decode, decode_frames
from tasks.imaging.measures import channel_sums, measure
from tasks.imaging.pixel_operations import DenoiseSettings, ResizeSettings, denoise, resize, to_channels

Repair = Literal["alpha_composited", "bit_depth", "colour_space", "exif_orientation", "not_a_number", "salvaged"]
Row = dict[str, Any]


class ScanSettings(BaseModel):
    """How images are decoded and prepared. A change here decodes everything again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channels: Literal[1, 3] = Field(3, description="1 = grey, 3 = RGB")
    resize: ResizeSettings = Field(default_factory=ResizeSettings, description="the one shape of all prepared images")
    denoise: DenoiseSettings = Field(default_factory=DenoiseSettings, description="noise removal before resizing")
    exact: bool = Field(False, description="decode large JPEGs at full size; false = at the nearest 1/2, 1/4 or 1/8")
    encoding: Literal["png", "jpeg"] = Field("png", description="png (lossless) or jpeg, in packs and shards")
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality of jpeg encoding")
    frames: Literal["first", "all"] = Field(
        "first", description="of animations and TIFFs with pages: the first frame, or all (each an image of its own)"
    )
    refused_repairs: tuple[Repair, ...] = Field(
        (), description="repairs that reject an image instead of being made, e.g. [colour_space]"
    )
    limits: DecodeLimits = Field(default_factory=DecodeLimits, description="what is decoded at all")


def scan_payload(settings: ScanSettings, payload: bytes, sha256: str) -> Iterator[tuple[Row, bytes | None]]:
    """Bytes of a file -> per frame a row of the store, and the image in the shards' encoding (None if rejected)."""
    target_px = None if settings.exact else 2 * max(settings.resize.width_px, settings.resize.height_px)
    if settings.frames == "first":
        yield _scanned(settings, decode(payload, settings.limits, target_px), sha256, 0)
        return
    for frame, verdict in enumerate(decode_frames(payload, settings.limits, target_px)):
        yield _scanned(settings, verdict, sha256, frame)


def _scanned(
    settings: ScanSettings, decoded: Decoded | Undecodable, sha256: str, frame: int
) -> tuple[Row, bytes | None]:
    if isinstance(decoded, Undecodable):
        return rejected_row(sha256, decoded.code, decoded.detail, decoded.format, frame), None
    repaired = next((finding for finding in decoded.findings if finding.severity == "repair"), None)
    refused = next((finding for finding in decoded.findings if finding.code in settings.refused_repairs), None)
    if refused is not None:
        detail = f"refused_repairs names it: {refused.detail}"
        return rejected_row(sha256, refused.code, detail, decoded.format, frame), None
    prepared = prepare_pixels(settings, decoded)
    sums, square_sums = channel_sums(prepared)
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
        "channel_sums": sums,
        "channel_square_sums": square_sums,
        "findings": [finding_record(finding) for finding in decoded.findings],
    }
    return row | measure(decoded.image), encode_image(prepared, settings.encoding, settings.jpeg_quality)


def prepare_pixels(settings: ScanSettings, decoded: Decoded) -> Any:
    """Upright uint8 [H, W, C] -> uint8 [height_px, width_px, channels] of the settings: channels, denoise, resize."""
    image = denoise(to_channels(decoded.image, settings.channels), settings.denoise)
    shape = settings.resize
    return resize(image, shape.width_px, shape.height_px, shape.mode, shape.pad_level)


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
