"""Export: a version written again as Parquet or WebDataset, whole or not at all.

Everything is written into a hidden folder beside the target, `export.json` last, which then gets the target's name.
"""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, cast, get_args

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, in_use, read_table
from datasets.published import OpenedSplit, open_split, resolve_version
from datasets.splits import in_order
from datasets.tfds_layout import Index, read_index
from tasks.digests import canonical_json, file_sha256
from tasks.export.card import card
from tasks.export.parquet_parts import ParquetPart, schema_of
from tasks.export.parts import PartWriter, name_parts, write_parts
from tasks.export.samples import Sample, exported_encoding, samples_of
from tasks.export.tar_parts import TarPart
from tasks.progress import Progress, at_most_every

EXPORT_VERSION = 1
EXPORT_FILE = "export.json"
DATA_FOLDER = "data"
ENDINGS = {"parquet": ".parquet", "webdataset": ".tar"}
Layout = Literal["parquet", "webdataset"]


def export(
    path: Path, layout: str, out: Path, splits: Sequence[str], part_bytes: int, progress: Progress
) -> dict[str, int]:
    """Write the splits (none named: all) of the version at `path` into the folder `out`; images per split.

    `a+b` names two splits, each of which gets files of its own. Raises BadInput for a place, split or format that is
    not there, or a target that holds something; FormatError for damaged shards.
    """
    if layout not in get_args(Layout):
        raise BadInput(f"got format {layout!r}; allowed are {' and '.join(get_args(Layout))}")
    folder = resolve_version(path)
    index = read_index(folder)
    named = dict.fromkeys(name for split in splits for name in split.split("+"))
    names = tuple(named) or in_order(name for name in index.splits if index.records(name))
    opened = [open_split(folder, name) for name in names]
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out}: is not an empty folder; give one that is empty or does not exist")
    with _complete_or_absent(out) as partial_folder:
        counts = _write(folder, index, opened, cast(Layout, layout), partial_folder, part_bytes, progress)
    return counts


def _write(
    folder: Path,
    index: Index,
    opened: Sequence[OpenedSplit],
    layout: Layout,
    out: Path,
    part_bytes: int,
    progress: Progress,
) -> dict[str, int]:
    data = out / DATA_FOLDER
    data.mkdir()
    count = _counted(sum(split.records for split in opened), progress)
    schema = schema_of(index.features)
    open_part: Callable[[Path], PartWriter] = TarPart if layout == "webdataset" else partial(ParquetPart, schema=schema)
    entries = {}
    for split in opened:
        (name,) = split.names
        parts = write_parts(count(samples_of(split)), data, open_part, part_bytes)
        files = name_parts(parts, name, ENDINGS[layout])
        entries[name] = {"records": split.records, "files": [_entry(out, file, records) for file, records in files]}
    counts = {split.names[0]: split.records for split in opened}
    text = card(index, layout, counts, _licence(folder))
    write_text_atomically(out / "README.md", text)
    record = {
        "format_version": EXPORT_VERSION,
        "format": layout,
        "from": {"name": index.name, "version": index.version, "content_digest": index.content_digest},
        "class_names": index.features.class_names,
        "image": {
            "height_px": index.features.height_px,
            "width_px": index.features.width_px,
            "channels": index.features.channels,
            "encoding": exported_encoding(index),
        },
        "normalise": {"mean": index.normalise.mean, "std": index.normalise.std},  # of levels in [0, 1]
        "splits": entries,
        "readme_sha256": file_sha256(out / "README.md"),
    }
    write_text_atomically(out / EXPORT_FILE, canonical_json(record, indent=1) + "\n")
    return counts


def _counted(total: int, progress: Progress) -> Callable[[Iterator[Sample]], Iterator[Sample]]:
    """Passes samples through and counts them, over all splits."""
    done = 0
    report = at_most_every(0.2, progress)

    def counted(samples: Iterator[Sample]) -> Iterator[Sample]:
        nonlocal done
        for sample in samples:
            yield sample
            done += 1
            report(done, total)

    return counted


def _entry(out: Path, file: Path, records: int) -> dict[str, str | int]:
    _sync(file)
    name = file.relative_to(out).as_posix()
    return {"file": name, "records": records, "bytes": file.stat().st_size, "sha256": file_sha256(file)}


def _licence(folder: Path) -> str | None:
    licences = in_use(read_table(folder / MANIFEST_FILE, ["status", "licence"]))["licence"].unique().to_pylist()
    return ", ".join(sorted(set(licences) - {None})) or None


@contextmanager
def _complete_or_absent(out: Path) -> Iterator[Path]:
    """A hidden folder beside the target, which takes its name at the end; what a killed export left is removed.

    Raises BadInput where another export writes there now.
    """
    out = out.absolute()
    hidden = out.with_name(f".{out.name}.partial")
    out.parent.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(exist_ok=True)
    held = os.open(hidden, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)  # gone with its process, however that ends
        except BlockingIOError:
            raise BadInput(f"{out}: another export writes there; wait for it, or give another folder") from None
        for left in hidden.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        try:
            yield hidden
            hidden.rename(out)  # onto nothing, or an empty folder
        except BaseException:
            shutil.rmtree(hidden, ignore_errors=True)
            raise
    finally:
        os.close(held)
    _sync(out.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
