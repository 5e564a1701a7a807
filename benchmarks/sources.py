"""CPU time of listing a source and of reading its members, by kind of source, beside what its library takes for it.

    python -m benchmarks.sources DATA [--members 100000] [--images 20000]

DATA holds `fashion-mnist/` (IDX files) and `clothing/` (JPEG files). Archives hold so many tiny members; TFDS and
WebDataset shards and the folder so many images of Fashion-MNIST as PNG, the table 2,000 photographs. All is made in a
temporary folder, and unpacked into it. Up to 10,000 members are read, evenly spread; all checksums are verified.
"""

import argparse
import io
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.image_codec import encode_image
from datasets.image_record import ImageRecord, encode_record
from datasets.sources.arrays.idx_file import block_at, open_idx_file
from datasets.sources.base import Source
from datasets.sources.registry import model_of_kind, open_source
from datasets.sources.settings import CommonSourceSettings
from datasets.tfds_layout import ShardFeatures, shard_filename, write_dataset_info, write_features
from datasets.tfrecord import write_tfrecord

MOST_READ = 10_000
PHOTOGRAPHS, ROWS_OF_A_GROUP = 2_000, 100
TABLE_ROWS = 100_000
SAMPLES_PER_TAR = 10_000
Member = TypeVar("Member")
Bare = Callable[[], tuple[float, float]]  # CPU seconds of opening, and of reading as many members


@dataclass(frozen=True)
class Case:
    """A source, as settings; and what the library does that others would use, where there is one to compare with."""

    name: str
    settings: dict[str, Any]
    bare: Bare | None = None


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--members", type=int, default=100_000)
    parser.add_argument("--images", type=int, default=20_000)
    options = parser.parse_args()
    print("| source | members | listing, CPU s | bare, CPU s | reading, CPU µs each | bare, CPU µs each |")
    print("|---" * 6 + "|")
    with tempfile.TemporaryDirectory(prefix="sources-") as scratch:
        for number, case in enumerate(cases(options.data, Path(scratch), options.members, options.images)):
            print(row(case, Path(scratch) / f"cache-{number}"), flush=True)


def row(case: Case, cache: Path) -> str:
    """A line of the table: fetching counts as listing."""
    cache.mkdir()
    model = model_of_kind(case.settings["kind"])
    assert model is not None
    source: Source = open_source(cast(CommonSourceSettings, model.model_validate(case.settings)), cache)
    start_s = time.process_time()
    if not source.is_fetched:
        source.fetch(lambda done, total: None)
    members = [item.member for item in source.items() if item.problem is None]
    listing_s = time.process_time() - start_s
    read = spread(members)
    start_s = time.process_time()
    for member in read:
        source.read(member)
    reading_us = 1e6 * (time.process_time() - start_s) / len(read)
    bare = case.bare and case.bare()
    cells = ("", "") if bare is None else (f"{bare[0]:.2f}", f"{1e6 * bare[1] / len(read):.1f}")
    return f"| {case.name} | {len(members):,} | {listing_s:.2f} | {cells[0]} | {reading_us:.1f} | {cells[1]} |"


def spread(members: Sequence[Member]) -> list[Member]:
    """At most so many, evenly spread, in order."""
    count = min(len(members), MOST_READ)
    return [members[index * len(members) // count] for index in range(count)]


def cases(data: Path, scratch: Path, members: int, images: int) -> Iterable[Case]:
    """Each made when it is asked for."""
    yield Case("Fashion-MNIST IDX, gzip", {"kind": "idx", "path": str(data / "fashion-mnist")})
    zipped = write_zip(scratch / "many.zip", members)
    yield Case("zip", {"kind": "folder_per_class", "path": str(zipped)}, lambda: bare_zip(zipped))
    tarred = write_tar(scratch / "many.tar", members)
    yield Case("tar", {"kind": "folder_per_class", "path": str(tarred)}, lambda: bare_tar(tarred))
    table = write_photographs(scratch / "photographs.parquet", data / "clothing")
    columns = {"image_column": "image", "label_column": "label", "name_column": "name"}
    yield Case("Parquet, photographs", {"kind": "image_table", "path": str(table), **columns})
    payloads = pngs(data, images)
    yield Case("TFDS shards", {"kind": "tfds", "path": str(write_tfds(scratch / "made" / "1.0.0", payloads))})
    tars = write_webdataset(scratch / "web", payloads)
    yield Case("WebDataset", {"kind": "webdataset", "path": str(tars), "class_names": ["a", "b"]})
    folder = write_folder(scratch / "labelled", payloads[:1000])
    yield Case("folder and table of labels", label_table(folder, TABLE_ROWS))


def write_zip(path: Path, count: int) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"{'ab'[number % 2]}/{number:07}.png", number.to_bytes(8, "little"))
    return path


def bare_zip(path: Path) -> tuple[float, float]:
    start_s = time.process_time()
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        opened_s = time.process_time()
        for name in spread(names):
            archive.read(name)
    return opened_s - start_s, time.process_time() - opened_s


def write_tar(path: Path, count: int) -> Path:
    with tarfile.open(path, "w") as archive:
        for number in range(count):
            add(archive, f"{'ab'[number % 2]}/{number:07}.png", number.to_bytes(8, "little"))
    return path


def add(archive: tarfile.TarFile, name: str, payload: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(payload)
    archive.addfile(entry, io.BytesIO(payload))


def bare_tar(path: Path) -> tuple[float, float]:
    start_s = time.process_time()
    with tarfile.open(path) as archive:
        entries = archive.getmembers()
        opened_s = time.process_time()
        for entry in spread(entries):
            file = archive.extractfile(entry)
            assert file is not None
            file.read()
    return opened_s - start_s, time.process_time() - opened_s


def write_photographs(path: Path, photographs: Path) -> Path:
    files = sorted(photographs.rglob("*.jpg"))[:PHOTOGRAPHS]
    columns = {
        "name": [file.stem for file in files],
        "label": [file.parent.name for file in files],
        "image": [file.read_bytes() for file in files],
    }
    pq.write_table(pa.table(columns), path, row_group_size=ROWS_OF_A_GROUP)
    return path


def pngs(data: Path, count: int) -> list[bytes]:
    """The first images of Fashion-MNIST."""
    images = block_at(open_idx_file(data / "fashion-mnist" / "train-images-idx3-ubyte.gz"), range(count))
    return [encode_image(image, "png") for image in images.reshape(-1, 28, 28, 1).astype(np.uint8)]


def write_tfds(folder: Path, payloads: Sequence[bytes]) -> Path:
    """A published version of one shard."""
    folder.mkdir(parents=True)
    path = folder / shard_filename("made", "train", 0, 1)
    records = (
        encode_record(ImageRecord(image=payload, id=f"made/{number}", kind="real", label=number % 2))
        for number, payload in enumerate(payloads)
    )
    write_tfrecord(path, records)
    write_features(folder, ShardFeatures(28, 28, 1, "png", ("a", "b")))
    splits = {"train": {"shard_lengths": [len(payloads)], "bytes": path.stat().st_size}}
    write_dataset_info(folder, name="made", version="1.0.0", description="Made up.", splits=splits)
    return folder


def write_webdataset(folder: Path, payloads: Sequence[bytes]) -> Path:
    folder.mkdir()
    for start in range(0, len(payloads), SAMPLES_PER_TAR):
        with tarfile.open(folder / f"{start // SAMPLES_PER_TAR:03}.tar", "w") as archive:
            for number, payload in enumerate(payloads[start : start + SAMPLES_PER_TAR], start):
                add(archive, f"{number:07}.png", payload)
                add(archive, f"{number:07}.cls", str(number % 2).encode())
    return folder


def write_folder(folder: Path, payloads: Sequence[bytes]) -> Path:
    folder.mkdir()
    for number, payload in enumerate(payloads):
        (folder / f"{number:07}.png").write_bytes(payload)
    return folder


def label_table(folder: Path, rows: int) -> dict[str, Any]:
    """Most rows of the table name files that are missing: what is measured is the table."""
    table = folder.parent / "labels.csv"
    table.write_text("file,label\n" + "".join(f"{number:07}.png,{'ab'[number % 2]}\n" for number in range(rows)))
    columns = {"file_column": "file", "label_column": "label"}
    return {"kind": "label_table", "path": str(folder), "table": str(table), **columns}


if __name__ == "__main__":
    main()
