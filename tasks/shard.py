"""Shard: prepared images -> TFRecord shards in the TFDS layout, globally shuffled, written in parallel.

Records are ordered by a hash of the image, so the shuffle needs no memory and adding images moves few.
Bytes are copied from the packs as they are.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
from pydantic import BaseModel, ConfigDict, Field

from datasets.image_codec import decode_image
from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import MANIFEST_FILE, in_use, key_text, read_table, with_columns, write_table
from datasets.pixel_packs import PackReader
from datasets.tfds_layout import (
    Index,
    Normalise,
    ShardEntry,
    ShardFeatures,
    describe_shard,
    shard_filename,
    write_features,
    write_index,
)
from datasets.tfrecord import write_tfrecord
from tasks.augment import encoding_of
from tasks.digests import file_sha256
from tasks.parallel import map_partitions
from tasks.published_versions import content_digest
from tasks.split import read_class_names
from tasks.stage_context import StageContext, Summary

RECORD_COLUMNS = ["source", "member", "frame", "kind", "derived_from", "sha256", "pack", "offset", "length"]
RECORD_COLUMNS += ["split", "class_id"]
WORKSPACE_COLUMNS = ("pack", "offset", "length")  # mean nothing outside the workspace
PARTITION_BYTES = 64 * 2**20
Row = dict[str, Any]
PlannedShard = tuple[str, list[Row]]  # file name, rows


class ShardSettings(BaseModel):
    """How the published files are cut."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard_mib: float = Field(128, gt=0, le=1024, description="largest size of a shard in MiB; TFDS likes 64 to 1024")


def shard_real(settings: ShardSettings, context: StageContext) -> Summary:
    """Manifests of split and augment -> a data set folder that lacks only its version."""
    real = read_table(context.inputs["split"] / MANIFEST_FILE)
    copies = read_table(context.inputs["augment"] / MANIFEST_FILE)
    used = in_use(real)
    features = features_of(used, context.shared, read_class_names(context.inputs["split"]))
    manifest = pa.concat_tables([real, copies])
    lineage = {"made_by": "augment-dataset", "kind": "real"}
    return write_shards(
        settings, context, context.dataset, manifest, features, normalise_constants(used, features), lineage
    )


def write_shards(
    settings: ShardSettings,
    context: StageContext,
    name: str,
    manifest: pa.Table,
    features: ShardFeatures,
    normalise: Normalise,
    lineage: Mapping[str, Any],
) -> Summary:
    """Write shards, features, manifest and index into `context.out`."""
    rows = in_use(manifest).select(RECORD_COLUMNS).to_pylist()
    plan = plan_shards(name, rows, context.seed, int(settings.shard_mib * 2**20))
    work = partial(write_shard_files, context.shared, context.out)
    written = map_partitions(work, _partitions(plan), context.compute, context.progress)
    entries = {entry.file: entry for partition in written for entry in partition}
    splits = {split: tuple(entries[file] for file, _ in shards) for split, shards in plan.items()}
    write_features(context.out, features)
    blank = dict.fromkeys(WORKSPACE_COLUMNS, pa.nulls(len(manifest)))
    write_table(with_columns(manifest, **blank), context.out / MANIFEST_FILE)
    index = Index(
        name=name,
        version=None,
        content_digest=content_digest(context.out, entries.values()),
        features=features,
        normalise=normalise,
        splits=splits,
        lineage={**lineage, "manifest_sha256": file_sha256(context.out / MANIFEST_FILE)},
    )
    write_index(context.out, index)
    return {
        "images_in": len(rows),
        "images_out": len(rows),
        "rejected": {},
        "shards": len(entries),
        "bytes": sum(entry.bytes for entry in entries.values()),
        "splits": {split: index.records(split) for split in splits},
        "content_digest": index.content_digest,
    }


def plan_shards(name: str, rows: Sequence[Row], seed: int, shard_bytes: int) -> dict[str, list[PlannedShard]]:
    """Rows -> per split the shards as (file name, rows), each at most `shard_bytes` of images, sizes alike."""
    by_split: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_split[row["split"]].append(row)
    order = [split for split in ("train", "validation", "test", "train_augmented") if split in by_split]
    plan: dict[str, list[PlannedShard]] = {}
    for split in order:
        shuffled = sorted(by_split[split], key=partial(_shuffle_rank, seed))
        count = max(1, -(-sum(row["length"] for row in shuffled) // shard_bytes))
        count = min(count, len(shuffled))
        bounds = [round(len(shuffled) * index / count) for index in range(count + 1)]
        plan[split] = [
            (shard_filename(name, split, index, count), shuffled[bounds[index] : bounds[index + 1]])
            for index in range(count)
        ]
    return plan


def write_shard_files(shared: Path, out: Path, shards: Sequence[PlannedShard]) -> list[ShardEntry]:
    """Write some shards from the packs."""
    entries = []
    with PackReader(shared) as packs:
        for file, rows in shards:
            written = write_tfrecord(out / file, (encode_record(_record(packs, row)) for row in rows))
            entries.append(describe_shard(out / file, written))
    return entries


def _partitions(plan: Mapping[str, Sequence[PlannedShard]]) -> list[list[PlannedShard]]:
    """Shards in groups that are worth a worker's while: small data sets are written in one go."""
    partitions: list[list[PlannedShard]] = [[]]
    size = 0
    for file, rows in (shard for shards in plan.values() for shard in shards):
        if size >= PARTITION_BYTES:
            partitions.append([])
            size = 0
        partitions[-1].append((file, rows))
        size += sum(row["length"] for row in rows)
    return partitions


def normalise_constants(used: pa.Table, features: ShardFeatures) -> Normalise:
    """Exact mean and deviation per channel of the training images in [0, 1], from their integer sums."""
    is_train = pa.array([split == "train" for split in used["split"].to_pylist()])
    train = used.select(["channel_sums", "channel_square_sums"]).filter(is_train)
    levels = 255 * features.height_px * features.width_px * len(train)
    means = [total / levels for total in _column_sums(train["channel_sums"])]
    squares = [total / (255 * levels) for total in _column_sums(train["channel_square_sums"])]
    stds = [max(square - mean * mean, 0.0) ** 0.5 for mean, square in zip(means, squares, strict=True)]
    return Normalise(mean=tuple(means), std=tuple(stds))


def _column_sums(column: pa.ChunkedArray) -> list[int]:
    """Exact sums over all rows of a column of equally long lists."""
    return [sum(values) for values in zip(*column.to_pylist(), strict=True)]


def features_of(used: pa.Table, shared: Path, class_names: Sequence[str] | None) -> ShardFeatures:
    """Shape and encoding that all prepared images share, read from the first."""
    first = used.slice(0, 1).select(list(WORKSPACE_COLUMNS)).to_pylist()[0]
    with PackReader(shared) as packs:
        payload = packs.read(**first)
    height_px, width_px, channels = decode_image(payload).shape
    return ShardFeatures(
        height_px=height_px,
        width_px=width_px,
        channels=channels,
        encoding=encoding_of(payload),
        class_names=None if class_names is None else tuple(class_names),
    )


def _record(packs: PackReader, row: Row) -> ImageRecord:
    return ImageRecord(
        image=packs.read(row["pack"], row["offset"], row["length"]),
        id=key_text(row),
        kind=row["kind"],
        derived_from=row["derived_from"] or "",
        label=row["class_id"],
    )


def _shuffle_rank(seed: int, row: Row) -> str:
    return hashlib.sha256(f"shuffle {seed} {row['sha256']} {key_text(row)}".encode()).hexdigest()
