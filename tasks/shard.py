"""Shard: prepared images -> TFRecord shards in the TFDS layout, globally shuffled, written in parallel.

Records are ordered by a hash of the image, so the shuffle needs no memory and adding images moves few.
Bytes are copied from the packs as they are, unless the shards hold float32 values.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.image_codec import decode_image, encoding_of, raw_pixels
from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import MANIFEST_FILE, in_use, manifest_writer, read_in_pieces, read_table, with_columns
from datasets.normalise import Method, Normalise, constants_of, normalise, pixel_ranges, range_constants
from datasets.pixel_packs import PackReader
from datasets.splits import training_rows
from datasets.tfds_layout import (
    Index,
    Pixels,
    ShardEntry,
    ShardFeatures,
    has_ranges,
    write_features,
    write_index,
)
from datasets.tfrecord import write_hashed_tfrecord
from tasks.class_ids import read_class_names
from tasks.digests import file_sha256
from tasks.parallel import map_partitions
from tasks.published_versions import content_digest
from tasks.shard_plan import PLANNED_COLUMNS, PlannedShard, partitions, plan_shards, planned_records
from tasks.stage_context import StageContext, Summary

WORKSPACE_COLUMNS = ("pack", "offset", "length")  # mean nothing outside the workspace
SUM_COLUMNS = ("channel_sums", "channel_square_sums")
ROWS_PER_SUM = 1 << 16
"""So many sums of squares of the largest images that are decoded fit into int64."""
FLOAT32_BYTES = 4


class NormaliseSettings(BaseModel):
    """From levels 0 to 255 to the values that models are trained on. Readers apply it, and can take it back."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: Method = Field(
        "symmetric",
        description="none, unit, symmetric, centre, standardise, min_max, percentile_clip; see docs/reading.md",
    )
    low_percentile: float = Field(
        1.0, ge=0, le=100, description="percentile_clip: percentile of an image that becomes 0"
    )
    high_percentile: float = Field(
        99.0, ge=0, le=100, description="percentile_clip: percentile of an image that becomes 1"
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low_percentile >= self.high_percentile:
            raise ValueError(
                f"low_percentile is {self.low_percentile:g} and high_percentile {self.high_percentile:g}; "
                "the low one has to be below the high one"
            )
        return self


class ShardSettings(BaseModel):
    """How the published files are cut, and what their images hold."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shard_mib: float = Field(128, gt=0, le=1024, description="largest size of a shard in MiB; TFDS likes 64 to 1024")
    normalise: NormaliseSettings = Field(
        default_factory=NormaliseSettings, description="from levels to the values that models are trained on"
    )
    pixels: Pixels = Field(
        "uint8", description="uint8: levels, which readers normalise; float32: normalised values, 4 bytes each"
    )

    @model_validator(mode="after")
    def _worth_floats(self) -> Self:
        if self.pixels == "float32" and self.normalise.method == "none":
            raise ValueError(
                "pixels is float32 and normalise.method none, which would store the levels 0 to 255 in four bytes "
                "each; choose another method, or pixels: uint8"
            )
        return self


def shard_real(settings: ShardSettings, context: StageContext) -> Summary:
    """Manifests of split and augment -> a data set folder that lacks only its version."""
    manifests = [context.inputs[stage] / MANIFEST_FILE for stage in ("split", "augment")]
    used = in_use(read_table(manifests[0], ["status", "split", *WORKSPACE_COLUMNS, *SUM_COLUMNS]))
    features = features_of(used, context.shared, read_class_names(context.inputs["split"]))
    if settings.pixels == "float32":
        features = replace(features, encoding="raw", pixels="float32")
    how = replace(normalise_constants(used, features), **settings.normalise.model_dump())
    lineage = {"made_by": "augment-dataset", "kind": "real"}
    return write_shards(settings, context, context.dataset, manifests, features, how, lineage)


def write_shards(
    settings: ShardSettings,
    context: StageContext,
    name: str,
    manifests: Sequence[Path],
    features: ShardFeatures,
    how: Normalise,
    lineage: Mapping[str, object],
) -> Summary:
    """Write shards, features, manifest and index into `context.out`."""
    records = planned_records(pa.concat_tables([read_table(path, PLANNED_COLUMNS) for path in manifests]))
    image_bytes = FLOAT32_BYTES * math.prod(features.shape) if features.pixels == "float32" else None
    plan = plan_shards(name, records, context.seed, int(settings.shard_mib * 2**20), image_bytes)
    work = partial(write_shard_files, context.shared, context.out, features, how)
    shards = [shard for planned in plan.values() for shard in planned]
    written = map_partitions(work, partitions(shards, image_bytes), context.compute, context.progress)
    entries = {entry.file: entry for partition in written for entry in partition}
    splits = {split: tuple(entries[shard.file] for shard in planned) for split, planned in plan.items()}
    write_features(context.out, features, how.method)
    write_published_manifest(manifests, context.out / MANIFEST_FILE)
    index = Index(
        name=name,
        version=None,
        content_digest=content_digest(context.out, entries.values()),
        features=features,
        normalise=how,
        splits=splits,
        lineage={**lineage, "manifest_sha256": file_sha256(context.out / MANIFEST_FILE)},
    )
    write_index(context.out, index)
    return {
        "images_in": len(records),
        "images_out": len(records),
        "rejected": {},
        "shards": len(entries),
        "bytes": sum(entry.bytes for entry in entries.values()),
        "splits": {split: index.records(split) for split in splits},
        "content_digest": index.content_digest,
    }


def write_published_manifest(manifests: Sequence[Path], path: Path) -> None:
    """All rows of some manifests, a row group at a time, without the columns that mean nothing outside."""
    with manifest_writer(path) as writer:
        for manifest in manifests:
            for piece in read_in_pieces(manifest):
                writer.write(with_columns(piece, **dict.fromkeys(WORKSPACE_COLUMNS, pa.nulls(len(piece)))))


def write_shard_files(
    shared: Path, out: Path, features: ShardFeatures, how: Normalise, shards: Sequence[PlannedShard]
) -> list[ShardEntry]:
    """Write some shards from the packs."""
    stored = _stored_image(features, how)
    entries = []
    with PackReader(shared) as packs:
        for shard in shards:
            written = write_hashed_tfrecord(out / shard.file, map(encode_record, _records(packs, shard, stored)))
            entries.append(ShardEntry(shard.file, written.records, written.bytes, written.sha256))
    return entries


Stored = tuple[bytes, tuple[int, int] | None]


def _records(packs: PackReader, shard: PlannedShard, stored: Callable[[bytes], Stored]) -> Iterator[ImageRecord]:
    names = ("pack", "offset", "length", "id", "kind", "derived_from", "class_id")
    columns = (shard.records[name].to_pylist() for name in names)
    for pack, offset, length, key, kind, derived_from, label in zip(*columns, strict=True):
        image, pixel_range = stored(packs.read(pack, offset, length))
        yield ImageRecord(
            image=image, id=key, kind=kind, derived_from=derived_from, label=label, pixel_range=pixel_range
        )


def _stored_image(features: ShardFeatures, how: Normalise) -> Callable[[bytes], Stored]:
    """A function from a payload of a pack to what a record holds: image and pixel range."""
    if features.pixels == "float32":
        return partial(_normalised, how, has_ranges(features, how.method))
    if features.encoding == "raw":
        return lambda payload: (raw_pixels(payload), None)
    return lambda payload: (payload, None)


def _normalised(how: Normalise, per_image: bool, payload: bytes) -> Stored:
    images = decode_image(payload)[None]
    if not per_image:
        return normalise(images, constants_of(how)).astype("<f4").tobytes(), None
    ranges = pixel_ranges(images, how)
    low, high = map(int, ranges[0])
    return normalise(images, range_constants(ranges, how)).astype("<f4").tobytes(), (low, high)


def normalise_constants(used: pa.Table, features: ShardFeatures) -> Normalise:
    """Exact mean and deviation per channel of the training images in [0, 1], from their integer sums.

    All arithmetic is on Python's integers; each constant is rounded once (and its root once more).
    """
    train = training_rows(used).select(SUM_COLUMNS)
    n_values = features.height_px * features.width_px * len(train)
    if not n_values:
        return Normalise(mean=(0.0,) * features.channels, std=(1.0,) * features.channels)
    totals, squares = (_exact_sums(train[name], features.channels) for name in SUM_COLUMNS)
    means = tuple(total / (255 * n_values) for total in totals)
    variances = [n_values * square - total * total for total, square in zip(totals, squares, strict=True)]
    return Normalise(mean=means, std=tuple(math.sqrt(value / (255 * n_values) ** 2) for value in variances))


def _exact_sums(column: pa.ChunkedArray, channels: int) -> list[int]:
    """Sums over all rows of a column of lists of `channels` integers, added up as int64 so far as they fit."""
    sums = [0] * channels
    for first in range(0, len(column), ROWS_PER_SUM):
        values = pc.list_flatten(column.slice(first, ROWS_PER_SUM)).to_numpy().reshape(-1, channels)
        sums = [total + int(part) for total, part in zip(sums, values.sum(axis=0), strict=True)]
    return sums


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
