"""Many small bare arrays of one shape as scan sees them: what `scan_file` finds of each, worked out for all at once.

They need no decoder, so that there is nothing to find in them. What is asked of single images, as pixel operations are,
goes through `scan_file`; both give the same rows and the same bytes.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from datasets.image_codec import encode_image
from datasets.manifest import Status
from datasets.sources.arrays.raw_pixels import pnm_size_bytes
from tasks.imaging.block_measures import MAX_SIDE_PX, channel_sums_of_block, grey_block, measure_block
from tasks.imaging.operations.resize import resize
from tasks.imaging.verdicts import Rejected, check_size
from tasks.pixel_store import STORE_SCHEMA, Block
from tasks.scanning.file import ScanSettings


def fits_blocks(settings: ScanSettings, shape: Sequence[int]) -> bool:
    """Whether images of this shape [H, W, C] can be scanned many at once with these settings."""
    height_px, width_px, _ = shape
    if settings.before_resize or settings.after_resize or settings.frames != "first":
        return False
    if max(height_px, width_px) > MAX_SIDE_PX or pnm_size_bytes(*shape) > settings.limits.max_bytes:
        return False
    try:
        check_size(width_px, height_px, settings.limits)
    except Rejected:
        return False
    return True


def scan_block(settings: ScanSettings, images: np.ndarray, sha256s: Sequence[str], keeps_pixels: bool = True) -> Block:
    """uint8 [N, H, W, C] of a shape that fits, and the digests of their files -> their rows and prepared images."""
    count, height_px, width_px, channels = images.shape
    columns = {
        "sha256": sha256s,
        "frame": np.zeros(count, np.int32),
        "status": [Status.KEPT.value] * count,
        "format": ["pnm"] * count,
        "width_px": np.full(count, width_px),
        "height_px": np.full(count, height_px),
        "channels": np.full(count, channels),
        "bit_depth": np.full(count, 8),
        **measure_block(images),
        "findings": [[]] * count,
    }
    if not keeps_pixels:
        return Block(_table(columns, count), None)
    prepared = _prepared(settings, images, sha256s)
    sums = channel_sums_of_block(prepared)
    columns["channel_sums"], columns["channel_square_sums"] = map(_lists, sums)
    encoded = [encode_image(image, settings.encoding, settings.jpeg_quality) for image in prepared]
    return Block(_table(columns, count), encoded)


def _prepared(settings: ScanSettings, images: np.ndarray, sha256s: Sequence[str]) -> np.ndarray:
    """uint8 [N, H, W, C] -> uint8 [N, height_px, width_px, channels]."""
    if settings.channels != images.shape[3]:
        images = grey_block(images)[..., np.newaxis] if settings.channels == 1 else np.repeat(images, 3, axis=3)
    resized = [resize(image, settings.resize, sha256) for image, sha256 in zip(images, sha256s, strict=True)]
    return images if resized[0].shape == images.shape[1:] and resized[0].base is images else np.array(resized)


def _lists(values: np.ndarray) -> pa.ListArray:
    """int64 [N, C] -> N lists of C numbers."""
    offsets = np.arange(0, values.size + 1, values.shape[1], dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.ravel()))


def _table(columns: dict, count: int) -> pa.Table:
    """The columns in the store's types; those that are not there are null."""
    arrays = [
        _array(columns[field.name], field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in STORE_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=STORE_SCHEMA)


def _array(values: object, kind: pa.DataType) -> pa.Array:
    return values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, kind)
