"""What changed in the data against the last published version: images, classes, and how the measures are spread."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

DRIFT_MEASURES = {  # name of the metric -> column of the manifest and what it is called
    "drift_brightness": ("mean", "brightness"),
    "drift_contrast": ("std", "contrast"),
    "drift_entropy": ("entropy_bits", "entropy"),
    "drift_sharpness": ("sharpness", "sharpness"),
    "drift_width": ("width_px", "width"),
    "drift_height": ("height_px", "height"),
}
COPY_REASONS = ("duplicate_exact", "duplicate_near")
STOOD_FOR = (*COPY_REASONS, "over_class_size")
_KEYS = ("sha256", "pixel_sha256")
_BINS = 10


def gone_images(used: pa.Table, table: pa.Table, old: pa.Table) -> int:
    """Images of the last version that are there neither by their bytes nor by their pixels.

    `used` are the rows of `table` in use. Not gone are those that another copy, or the balance of classes, stands for.
    """
    stood_for = table.filter(pc.is_in(table["reason"], pa.array(STOOD_FOR)))
    there = {key for rows in (used, stood_for) for name in _KEYS for key in rows[name].to_pylist()} - {None}
    return sum(there.isdisjoint(keys) for keys in zip(*(old[name].to_pylist() for name in _KEYS), strict=True))


def moved_images(used: pa.Table, old: pa.Table) -> int:
    """How many images, by bytes or pixels, are now in another split than in the last version."""
    count = 0
    columns = [table[name].to_pylist() for table in (old, used) for name in ("sha256", "pixel_sha256", "split")]
    before = {key: split for keys in columns[:2] for key, split in zip(keys, columns[2], strict=True) if key}
    for sha256, pixel_sha256, split in zip(*columns[3:], strict=True):
        count += any(before.get(key, split) != split for key in (sha256, pixel_sha256))
    return count


def classes_without(table: pa.Table, other: pa.Table) -> list[str]:
    """Classes of one table that the other lacks."""
    return sorted(
        name for name in set(table["label"].to_pylist()) - set(other["label"].to_pylist()) if name is not None
    )


def drifts(used: pa.Table, old: pa.Table) -> Iterator[tuple[str, float, float]]:
    """Per measure: name, population stability index, and about what chance alone would give with so many images."""
    chance = (_BINS - 1) * (1 / max(len(old), 1) + 1 / max(len(used), 1))
    for name, (column, _) in DRIFT_MEASURES.items():
        yield name, population_stability(_numbers(old, column), _numbers(used, column)), chance
    yield "drift_classes", share_stability(_shares(old), _shares(used)), chance


def population_stability(old: np.ndarray, new: np.ndarray, bins: int = _BINS) -> float:
    """Population stability index of two samples over the old one's deciles; 0 = alike, 0.25 = a clear shift.

    A value that fills a bin alone, such as the one width of all images, has a bin of its own: what is above it is a
    shift, too. Half an image is added to each bin, so that an empty one does not count without end. nan where a sample
    is empty.
    """
    old, new = np.sort(np.asarray(old, np.float64)), np.asarray(new, np.float64)
    if not len(old) or not len(new):
        return float("nan")
    deciles = np.unique(old[[len(old) * step // bins for step in range(1, bins)]])
    counts = np.searchsorted(old, deciles, side="right") - np.searchsorted(old, deciles)
    filling = deciles[(counts > 1) & (counts * bins >= len(old))]
    edges = np.union1d(deciles, np.nextafter(filling, np.inf))

    def shares(values: np.ndarray) -> np.ndarray:
        counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
        return (counts + 0.5) / (len(values) + 0.5 * (len(edges) + 1))

    before, now = shares(old), shares(new)
    return float(((now - before) * np.log(now / before)).sum())


def share_stability(old: Mapping[Any, int], new: Mapping[Any, int]) -> float:
    """The same index over the shares of classes that both have; the others are metrics of their own."""
    both = sorted(old.keys() & new.keys(), key=str)
    if len(both) < 2:
        return 0.0
    before, now = (np.array([counts[name] + 0.5 for name in both]) for counts in (old, new))
    before, now = before / before.sum(), now / now.sum()
    return float(((now - before) * np.log(now / before)).sum())


def _shares(table: pa.Table) -> dict[Any, int]:
    return {entry["values"]: entry["counts"] for entry in table["label"].value_counts().to_pylist()}


def _numbers(table: pa.Table, column: str) -> np.ndarray:
    values = table[column].drop_null().to_numpy()
    return values.astype(np.float64)
