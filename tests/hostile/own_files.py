"""Readers of files that we write ourselves, in the hands of somebody else."""

import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from datasets.example_proto import decode_example, encode_example
from datasets.gate_file import Gate, Metric, Outcome, gate_record, read_gate
from datasets.manifest import ADDED_IN_2, SCHEMA, read_in_pieces, read_table, table_of
from datasets.pixel_packs import PackReader, PackWriter
from datasets.sources.shards.tfds_folder import open_version
from datasets.tfds_layout import Index, Normalise, ShardEntry, ShardFeatures, read_index, write_index
from datasets.tfrecord import read_tfrecord, record_offsets, salvage_tfrecord, write_tfrecord
from gan.checkpoints import newest_checkpoint
from gan.metrics.statistics_file import load_statistics
from gan.weight_files import read_arrays, write_arrays
from tasks.lineage.record import LINEAGE_VERSION, read_lineage
from tasks.run_position import POSITION_VERSION, Position, read_position
from tasks.state import State, read_state, write_state
from tests.hostile.mutations import Random, mutated, mutated_json
from tests.hostile.reader import Reader, exhausted, in_file, of_json

SHA256 = "ab" * 32


def manifests(folder: Path) -> list[bytes]:
    """Of this version and of version 1."""
    rows: list[dict[str, Any]] = [
        {"source": "s", "member": f"cat/{n}.png", "frame": 0, "kind": "real", "status": "kept", "label": "cat"}
        for n in range(3)
    ]
    found = []
    for version in ("2", "1"):
        file = io.BytesIO()
        table = table_of(rows).replace_schema_metadata({"manifest_version": version})
        table = table.drop_columns(list(ADDED_IN_2)) if version == "1" else table
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)
        found.append(file.getvalue())
    return found


def read_manifest(path: Path) -> None:
    """Whole, some columns of it, and in pieces, as stages do."""
    read_in_turn(
        lambda: read_table(path),
        lambda: read_table(path, ["member", "caption"]),
        lambda: exhausted(read_in_pieces(path, [SCHEMA.names[0]])),  # refuses version 1
    )


def records(folder: Path) -> list[bytes]:
    """Three records, of which one is empty."""
    write_tfrecord(folder / "r", [b"payload" * 20, b"", example()])
    return [(folder / "r").read_bytes()]


def read_records(path: Path) -> None:
    """In each of the three ways."""
    read_in_turn(
        lambda: exhausted(read_tfrecord(path)),
        lambda: record_offsets(path),
        lambda: exhausted(salvage_tfrecord(path)),
    )


def example() -> bytes:
    """A record with features of all kinds."""
    return encode_example({"image": b"png" * 9, "label": 7, "range": [0, 255], "score": [0.5, 1.5], "id": b"s/a#0"})


def packs(folder: Path) -> list[bytes]:
    """A pack of two payloads."""
    with PackWriter(folder / "p.pack") as writer:
        writer.append(b"one" * 10)
        writer.append(b"two")
    return [(folder / "p.pack").read_bytes()]


def read_pack(path: Path) -> None:
    """Both payloads, and places that a manifest may name."""
    with PackReader(path.parent) as reader:
        read_in_turn(*(lambda p=place: reader.read(path.name, *p) for place in ((12, 30), (46, 3))))


def an_index(folder: Path) -> dict[str, Any]:
    """A published version with one shard."""
    shard = ShardEntry(file="a.tfrecord-00000-of-00001", records=3, bytes=100, sha256=SHA256)
    write_index(
        folder,
        Index(
            name="photos",
            version="1.0.0",
            content_digest=SHA256,
            features=ShardFeatures(32, 32, 3, "png", ("cat", "dog")),
            normalise=Normalise(mean=(0.5,), std=(0.2,)),
            splits={"train": (shard,)},
            lineage={"kind": "real"},
            files={"manifest.parquet": SHA256},
        ),
    )
    record: dict[str, Any] = json.loads((folder / "index.json").read_text())
    return record


def a_gate() -> dict[str, Any]:
    metric = Metric(name="fid", title="FID", value=3.0, outcome=Outcome.PASSED, threshold=5.0, interval=(2.0, 4.0))
    return gate_record(Gate(gate="synthetic", metrics=(metric,), decided_on="validation"))


INFO: dict[str, Any] = {
    "name": "photos",
    "version": "1.0.0",
    "fileFormat": "tfrecord",
    "splits": [{"name": "train", "numBytes": "9", "shardLengths": ["3"], "filepathTemplate": "{DATASET}-{SPLIT}.x"}],
}
POSITION = {"format_version": POSITION_VERSION} | asdict(
    Position(run="r", flow="f", dataset="d", started_at="t", host="h", pid=1)
)
LINEAGE = {"format_version": LINEAGE_VERSION, "stages": {"scan": {"inputs": {}}}, "sources": {"a": 1}}
STATE = {"format_version": 1, "class_names": ["cat"], "ledger": None, "published": {"photos": "1.0.0"}}


def read_foreign_version(path: Path) -> None:
    """As a source of kind tfds reads what somebody else prepared."""
    write_tfrecord(path.parent / "photos-train.x", [b""])
    (path.parent / "features.json").write_text("{}")
    open_version(path.parent, None)


def ledgers(folder: Path) -> list[bytes]:
    """The file beside `state.json` with the split of each published image."""
    write_state(folder, State(splits={SHA256: "train", "cd": "test"}))
    return [next(folder.glob("splits-*.parquet")).read_bytes()]


def read_ledger(path: Path) -> None:
    """Through the `state.json` that names it."""
    (path.parent / "state.json").write_text(json.dumps(STATE | {"ledger": path.name}))
    read_state(path.parent)


ARRAYS = {"weights": np.arange(6, dtype=np.float32).reshape(2, 3), "step": np.int64(7)}
STATISTICS = {"kind": "feature statistics", "format_version": 1, "extractor": "e", "n": 5}


def weights(folder: Path) -> list[bytes]:
    """Arrays with a record."""
    write_arrays(folder / "w.npz", ARRAYS, {"format_version": 1, "images_seen": 10})
    return [(folder / "w.npz").read_bytes()]


def intact_statistics(folder: Path) -> list[bytes]:
    """Of five images and two features."""
    write_arrays(folder / "s.npz", {"mean": np.zeros(2), "factor": np.zeros((5, 2))}, STATISTICS)
    return [(folder / "s.npz").read_bytes()]


def read_checkpoint(path: Path) -> None:
    """As weights and as the newest checkpoint of a folder."""
    read_in_turn(lambda: read_arrays(path), lambda: newest_checkpoint(path.parent))


def statistics_of(content: bytes, random: Random) -> bytes:
    """Statistics whose own checksum is right, so that only what they hold is wrong."""
    if random.integers(3) == 0:
        return mutated(content, random)
    shape = tuple(int(length) for length in random.integers(1, 4, int(random.integers(0, 4))))
    arrays = {"mean": np.zeros(int(random.integers(1, 4))), "factor": np.zeros(shape), "other": np.zeros(1)}
    if random.integers(4) == 0:
        del arrays[list(arrays)[int(random.integers(3))]]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.npz"
        write_arrays(path, arrays, mutated_json(STATISTICS, random))
        return path.read_bytes()


def read_in_turn(*reads: Callable[[], object]) -> None:
    """All of them; a refusal of one does not spare the others. Raises the last refusal."""
    refusal = None
    for read in reads:
        try:
            read()
        except (OSError, ValueError) as error:
            refusal = error
    if refusal:
        raise refusal


def json_reader(name: str, record: dict[str, Any], read: Callable[[Path], object], file: str) -> Reader:
    """A reader of a JSON file of ours."""
    return Reader(name, lambda _: [json.dumps(record).encode()], in_file(file, read), of_json(record))


def own_readers(scratch: Path) -> tuple[Reader, ...]:
    """All of them; `scratch` is an empty folder."""
    return (
        Reader("manifest", manifests, in_file("manifest.parquet", read_manifest)),
        Reader("TFRecord", records, in_file("r.tfrecord", read_records)),
        Reader("tf.train.Example", lambda _: [example()], lambda content, _: decode_example(content)),
        Reader("pixel packs", packs, in_file("p.pack", read_pack)),
        json_reader("index.json", an_index(scratch), lambda path: read_index(path.parent), "index.json"),
        json_reader("dataset_info.json", INFO, read_foreign_version, "dataset_info.json"),
        json_reader("gate.json", a_gate(), lambda path: read_gate(path.parent), "gate.json"),
        json_reader("lineage.json", LINEAGE, lambda path: read_lineage(path.parent), "lineage.json"),
        json_reader("run positions", POSITION, read_position, "run.running"),
        json_reader("state.json", STATE, lambda path: read_state(path.parent), "state.json"),
        Reader("ledger of splits", ledgers, in_file("splits-0.parquet", read_ledger)),
        Reader("weights and checkpoints", weights, in_file("step-000000001.npz", read_checkpoint)),
        Reader(
            "statistics", intact_statistics, in_file("s.npz", lambda path: load_statistics(path, "e")), statistics_of
        ),
    )
