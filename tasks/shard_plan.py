"""Which record lies in which shard: decided on columns of the manifest, before any image is read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import in_use
from datasets.splits import in_order
from datasets.tfds_layout import shard_filename

PLANNED_COLUMNS = ["source", "member", "frame", "kind", "derived_from", "sha256", "pack", "offset", "length"]
PLANNED_COLUMNS += ["status", "split", "class_id"]
PARTITION_BYTES = 64 * 2**20
# Below so much, one process has copied the records before others have started: some eight seconds.
SPREAD_FROM_BYTES = 4 * 2**30
RECORD_WORK_BYTES = 12 * 2**10  # copying that much takes as long as all else that is done for a record
SHIPPED_COLUMNS = ["id", "kind", "derived_from", "pack", "offset", "length", "class_id"]
FRAME_BYTES = 16
FIELD_BYTES = 192
"""The names and digest in a record take up to this much, besides its image and texts."""


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """A file and its records, in order: the columns id, kind, derived_from, pack, offset, length and class_id."""

    file: str
    records: pa.Table

    def __len__(self) -> int:
        return len(self.records)


def planned_records(manifest: pa.Table) -> pa.Table:
    """Rows of the manifest (PLANNED_COLUMNS) -> one row per record, with its key text as `id`; only those in use."""
    used = in_use(manifest)
    frame = used["frame"].cast(pa.string())
    key = pc.binary_join_element_wise(pc.binary_join_element_wise(used["source"], used["member"], "/"), frame, "#")
    used = used.append_column("id", key)
    derived_from = pc.fill_null(used["derived_from"], "")
    return used.set_column(used.schema.get_field_index("derived_from"), "derived_from", derived_from)


def plan_shards(
    name: str, records: pa.Table, seed: int, shard_bytes: int, image_bytes: int | None = None
) -> dict[str, list[PlannedShard]]:
    """Records -> per split its shards, alike in their number of records, each file at most `shard_bytes` long.

    Only a shard of one record may be longer. `image_bytes`: of an image in the shard, where that is not what the packs
    hold. Within a split the order is that of a digest of seed and image, so that it needs no memory for pixels.
    """
    plan = {}
    for split in in_order(records["split"].unique().to_pylist()):
        rows = records.filter(pc.equal(records["split"], split))
        order = np.argsort(shuffle_ranks(seed, rows), kind="stable")
        rows = rows.select(SHIPPED_COLUMNS).take(pa.array(order))
        bounds = shard_bounds(record_bytes(rows, image_bytes), shard_bytes)
        count = len(bounds) - 1
        plan[split] = [
            PlannedShard(shard_filename(name, split, index, count), shipped(rows, first, after))
            for index, (first, after) in enumerate(pairwise(bounds))
        ]
    return plan


def shipped(rows: pa.Table, first: int, after: int) -> pa.Table:
    """Some rows as they go to a worker: a slice would be sent with all that it was cut from, and few packs differ."""
    own = rows.take(pa.array(np.arange(first, after)))
    return own.set_column(own.schema.get_field_index("pack"), "pack", own["pack"].dictionary_encode())


def shuffle_ranks(seed: int, records: pa.Table) -> np.ndarray:
    """uint64 [N]: the first 8 bytes of a digest of seed, image and key; ties do not matter, the sort is stable."""
    texts = pc.binary_join_element_wise(f"shuffle {seed}", records["sha256"], records["id"], " ")
    digests = b"".join(hashlib.sha256(text.encode()).digest()[:8] for text in texts.to_pylist())
    return np.frombuffer(digests, dtype=">u8")


def record_bytes(records: pa.Table, image_bytes: int | None) -> np.ndarray:
    """int64 [N]: what each record takes in a file, rounded up by some bytes."""
    texts = sum(pc.binary_length(records[name]).to_numpy() for name in ("id", "derived_from", "kind"))
    images = records["length"].to_numpy() if image_bytes is None else image_bytes
    sizes: np.ndarray = np.asarray(texts, dtype=np.int64) + images + FIELD_BYTES + FRAME_BYTES
    return sizes


def shard_bounds(sizes: np.ndarray, shard_bytes: int) -> list[int]:
    """Where shards begin and end among records of these sizes: as few as hold them in `shard_bytes` each."""
    ends = np.concatenate([[0], np.cumsum(sizes)])
    count = min(max(1, -(-int(ends[-1]) // shard_bytes)), len(sizes))
    while True:
        bounds = [round(len(sizes) * index / count) for index in range(count + 1)]
        if count == len(sizes) or np.diff(ends[bounds]).max() <= shard_bytes:
            return bounds
        count += max(1, count // 64)


def partitions(plan: Sequence[PlannedShard], image_bytes: int | None = None) -> list[list[PlannedShard]]:
    """Shards in groups that are worth a worker's while; all in one where workers would take longer to start."""
    sizes = [int(record_bytes(shard.records, image_bytes).sum()) for shard in plan]
    work = sum(sizes) + RECORD_WORK_BYTES * sum(len(shard.records) for shard in plan)
    group_bytes = PARTITION_BYTES if work >= SPREAD_FROM_BYTES else sum(sizes)
    groups: list[list[PlannedShard]] = [[]]
    filled = 0
    for shard, size in zip(plan, sizes, strict=True):
        if groups[-1] and filled + size > group_bytes:
            groups.append([])
            filled = 0
        groups[-1].append(shard)
        filled += size
    return groups
