import hashlib
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.image_record import ImageRecord, encode_record
from datasets.manifest import table_of
from datasets.tfrecord import frame
from tasks.shard_plan import partitions, plan_shards, planned_records, record_bytes, shard_bounds


def manifest_of(count: int, length: int = 100, splits: tuple[str, ...] = ("train",)) -> pa.Table:
    rows = [
        {
            "source": "s",
            "member": f"é/{number}.png",
            "frame": number % 2,
            "kind": "real",
            "sha256": f"{number // 2:064x}",
            "status": "kept",
            "pack": "a.pack",
            "offset": number,
            "length": length,
            "split": splits[number % len(splits)],
            "class_id": 1,
        }
        for number in range(count)
    ]
    return table_of(rows)


def test_a_plan_deals_records_evenly():
    records = planned_records(manifest_of(10, length=1000))
    (shards,) = plan_shards("tiny", records, 0, 5000).values()
    assert [(shard.file, len(shard)) for shard in shards] == [
        ("tiny-train.tfrecord-00000-of-00003", 3),
        ("tiny-train.tfrecord-00001-of-00003", 4),
        ("tiny-train.tfrecord-00002-of-00003", 3),
    ]


def test_the_order_is_that_of_a_digest_of_seed_image_and_key():
    records = planned_records(manifest_of(50))
    ((shard,),) = plan_shards("tiny", records, 7, 1 << 20).values()
    expected = sorted(
        records.select(["sha256", "id"]).to_pylist(),
        key=lambda row: hashlib.sha256(f"shuffle 7 {row['sha256']} {row['id']}".encode()).hexdigest(),
    )
    assert shard.records["id"].to_pylist() == [row["id"] for row in expected]


def test_ids_are_key_texts_and_rows_out_of_use_are_left_out():
    manifest = manifest_of(3)
    status = pa.array(["kept", "rejected", "repaired"])
    records = planned_records(manifest.set_column(manifest.schema.get_field_index("status"), "status", status))
    assert records["id"].to_pylist() == ["s/é/0.png#0", "s/é/2.png#0"]
    assert records["derived_from"].to_pylist() == ["", ""]


def test_known_splits_come_first_and_others_by_name():
    records = planned_records(manifest_of(12, splits=("zebra", "test", "train", "validation")))
    assert list(plan_shards("tiny", records, 0, 1 << 20)) == ["train", "validation", "test", "zebra"]


def test_an_empty_manifest_has_no_shards():
    assert plan_shards("tiny", planned_records(manifest_of(0)), 0, 100) == {}


@given(st.lists(st.integers(1, 500), min_size=1, max_size=60), st.integers(1, 2000))
def test_no_shard_is_larger_than_allowed_unless_of_one_record(sizes, limit):
    bounds = shard_bounds(np.array(sizes), limit)
    assert bounds[0] == 0
    assert bounds[-1] == len(sizes)
    for first, after in pairwise(bounds):
        assert after > first
        assert sum(sizes[first:after]) <= limit or len(bounds) - 1 == len(sizes)


@given(st.text(max_size=40), st.text(max_size=40), st.integers(0, 10**6), st.integers(0, 300))
def test_a_record_takes_no_more_than_is_planned(key, parent, label, length):
    ranges = (0, 256)
    record = ImageRecord(
        image=bytes(length), id=key, kind="augmented", derived_from=parent, label=label, pixel_range=ranges
    )
    planned = record_bytes(
        pa.table({"id": [key], "derived_from": [parent], "kind": ["augmented"], "length": [length]}), None
    )
    assert len(frame(encode_record(record))) <= planned[0]


def test_float_values_are_planned_at_their_own_size():
    records = planned_records(manifest_of(4, length=10))
    (shards,) = plan_shards("tiny", records, 0, 10_000, image_bytes=9_000).values()
    assert len(shards) == 4


def test_partitions_are_bounded_by_bytes():
    records = planned_records(manifest_of(200, length=30 << 20))
    (shards,) = plan_shards("tiny", records, 0, 31 << 20).values()
    assert [len(group) for group in partitions(shards)] == [2] * 100


@pytest.mark.parametrize("count", [1, 3])
def test_small_shards_are_written_in_one_go(count):
    (shards,) = plan_shards("tiny", planned_records(manifest_of(9)), 0, 3000 // count).values()
    assert len(partitions(shards)) == 1
