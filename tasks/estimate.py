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
BYTES_PER_VALUE = {"png": 0.7, "jpeg": 0.25, "raw": 1.0}
RECORD_OVERHEAD_BYTES = 400
MANIFEST_BYTES_PER_IMAGE = 1_500  # with its thumbnail, compressed to about half
SYNTHETIC_STAGES = ("generate", "shard_synthetic", "gate_synthetic", "publish_synthetic")


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How much a run has to do."""

    images: int
    variants_per_image: float
    synthetic_images: int
    training_images_seen: int
    values_per_image: int  # height * width * channels
    encoding: str
    operations_s: float = 0.0  # per image, of the pixel operations of scan


def seconds(stage: str, volume: Volume, last_stages: Mapping[str, Mapping[str, Any]]) -> float:
    """Estimated wall time of a stage: that of its last run, less the start, grows with the work."""
    start_s, per_image_s = DEFAULT_S[stage]
    operations_s = volume.operations_s if stage == "scan" else 0.0
    last = last_stages.get(stage)
    last_work = _last_work(stage, last_stages)
    if last and last["outcome"] == "ran" and last_work:
        wall_s = float(last["usage"]["wall_s"])
        start_s = min(start_s, wall_s)
        per_image_s = max((wall_s - start_s) / last_work, operations_s)  # which that run may not have had
    else:
        per_image_s += operations_s
    return start_s + per_image_s * _work(stage, volume)


def disk_bytes(volume: Volume, stages: Iterable[str]) -> int:
    """Estimated room that the outputs of the stages take: each image in a pack, a shard and a published shard."""
    per_image = BYTES_PER_VALUE[volume.encoding] * volume.values_per_image + RECORD_OVERHEAD_BYTES
    real, varied, synthetic = (
        count * per_image
        for count in (volume.images, volume.images * volume.variants_per_image, volume.synthetic_images)
    )
    manifest = volume.images * MANIFEST_BYTES_PER_IMAGE
    outputs = {
        "scan": real + manifest,
        "curate": manifest,
        "split": manifest,
        "augment": varied,
        "shard": real + varied + manifest,
        "publish_data": real + varied + manifest,
        "generate": synthetic,
        "shard_synthetic": synthetic,
        "publish_synthetic": synthetic,
    }
    return int(sum(outputs.get(name, 0) for name in stages))


def _work(stage: str, volume: Volume) -> float:
    if stage == "train":
        return volume.training_images_seen
    if stage in SYNTHETIC_STAGES:
        return volume.synthetic_images
    return volume.images * (volume.variants_per_image if stage == "augment" else 1)


def _last_work(stage: str, last_stages: Mapping[str, Mapping[str, Any]]) -> float:
    """How much the last run had to do, in the unit of `_work`; 0 where its record does not say."""

    def of(name: str, count: str) -> float:
        return last_stages.get(name, {}).get("summary", {}).get(count) or 0

    if stage == "train":
        return of("train", "images_seen")
    if stage in SYNTHETIC_STAGES:
        return of(stage, "images_out")
    files = of("ingest", "images_in")
    if stage == "augment":
        return files * of("augment", "images_out") / max(1, of("augment", "images_in"))
    return files
