"""What a run will cost in time and disk, before it starts: for `--dry-run` and for the check of free space.

Rates come from the data set's last run where there is one, else from the table below, which was measured on
two shared cores without a GPU (docs/benchmarks.md).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

DEFAULT_S = {  # (seconds at the start, seconds per image)
    "ingest": (1.0, 0.0002),
    "scan": (6.0, 0.004),
    "curate": (1.5, 0.0001),
    "split": (1.0, 0.0001),
    "augment": (8.0, 0.005),
    "shard": (1.5, 0.0002),
    "gate_data": (1.0, 0.0001),
    "publish_data": (1.0, 0.0001),
    "train": (10.0, 0.0015),  # per image seen
    "generate": (6.0, 0.001),
    "shard_synthetic": (1.5, 0.0002),
    "gate_synthetic": (30.0, 0.005),
    "publish_synthetic": (1.0, 0.0001),
}
PNG_BYTES_PER_VALUE = 0.7
JPEG_BYTES_PER_VALUE = 0.25
RECORD_OVERHEAD_BYTES = 400
MANIFEST_BYTES_PER_IMAGE = 1_500  # with its thumbnail, in each of five manifests: compressed to about half
COPIES = 3  # pack, shard, published shard


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How much a run has to do."""

    images: int
    variants_per_image: float
    synthetic_images: int
    training_images_seen: int
    values_per_image: int  # height * width * channels
    encoding: str


def seconds(stage: str, volume: Volume, last_stages: Mapping[str, Mapping[str, Any]]) -> float:
    """Estimated wall time of a stage."""
    work = _work(stage, volume)
    last = last_stages.get(stage)
    if last and last["outcome"] == "ran" and last["summary"].get("images_in"):
        return float(last["usage"]["wall_s"])
    start_s, per_image_s = DEFAULT_S[stage]
    return start_s + per_image_s * work


def disk_bytes(volume: Volume, stages: Iterable[str]) -> int:
    """Estimated room that the outputs of the stages take."""
    per_value = PNG_BYTES_PER_VALUE if volume.encoding == "png" else JPEG_BYTES_PER_VALUE
    per_image = COPIES * (per_value * volume.values_per_image + RECORD_OVERHEAD_BYTES)
    names = set(stages)
    real = volume.images * (per_image * (1 + volume.variants_per_image) + 5 * MANIFEST_BYTES_PER_IMAGE)
    synthetic = volume.synthetic_images * per_image
    return int(real * ("scan" in names) + synthetic * ("generate" in names))


def _work(stage: str, volume: Volume) -> float:
    if stage == "train":
        return volume.training_images_seen
    if stage in ("generate", "shard_synthetic", "gate_synthetic", "publish_synthetic"):
        return volume.synthetic_images
    return volume.images * (volume.variants_per_image if stage == "augment" else 1)
