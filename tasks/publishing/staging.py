"""A version's folder, whole but for `dataset_info.json`: no reader opens it yet."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from datasets.errors import FormatError, PlaceFailed
from datasets.gate_file import GATE_FILE
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.tfds_layout import DATASET_INFO_FILE, INDEX_FILE, Index, write_dataset_info, write_index
from tasks.digests import file_digests, file_sha256
from tasks.published_versions import Published, damage
from tasks.stage_context import StageContext

COPY_BYTES = 1 << 20
Describe = Callable[[StageContext, Index, Path], None]
"""Writes further files into the folder of a version with all else but index.json and dataset_info.json."""


def stage_version(
    shards: Path, gate: Path, folder: Path, index: Index, context: StageContext, describe: Describe
) -> Published:
    """Copy everything, let `describe` add what tells of it, and read it back.

    What a dead run left in the folder is replaced; after an error it is empty.
    `shards` and `gate` are outputs of stages. Raises FormatError for damaged shards, PlaceFailed for a full disk.
    """
    with _removed_after_error(folder):
        _copy(shards, folder, context)
        _copy_file(gate / GATE_FILE, folder / GATE_FILE)
        describe(context, index, folder)
        entries = [entry for split in index.splits.values() for entry in split]
        rest = file_digests(folder, leave_out={INDEX_FILE, *(entry.file for entry in entries)})
        index = replace(index, files=rest)
        write_index(folder, index)
        _synced(folder / name for name in (*rest, INDEX_FILE))
        published = Published(folder, index)
        _check_whole(published, shards)
    return published


def info_of(published: Published, description: str, homepage: str | None) -> bytes:
    """`dataset_info.json` of a staged version."""
    index = published.index
    splits = {
        split: {
            "shard_lengths": [shard.records for shard in shards],
            "bytes": sum(shard.bytes for shard in shards),
        }
        for split, shards in index.splits.items()
    }
    licences = sorted(set(read_table(published.path / MANIFEST_FILE, ["licence"])["licence"].to_pylist()) - {None})
    with tempfile.TemporaryDirectory(prefix="augment-dataset-publish-") as scratch:
        write_dataset_info(
            Path(scratch),
            name=index.name,
            version=published.version,
            description=description or f"{index.name}, prepared and verified by augment-dataset.",
            splits=splits,
            labelled=index.features.class_names is not None,
            licence=", ".join(licences) or None,
            homepage=homepage,
        )
        return (Path(scratch) / DATASET_INFO_FILE).read_bytes()


@contextmanager
def _removed_after_error(folder: Path) -> Iterator[None]:
    """Nothing of what could not be finished stays, and a full disk is one sentence."""
    try:
        yield
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise PlaceFailed(
            f"nothing is published: {folder} cannot be written ({(error.strerror or str(error)).lower()}); "
            "make room or choose another place, then run again"
        ) from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _copy(source: Path, target: Path, context: StageContext) -> None:
    """All files but DONE."""
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    names = [path.name for path in sorted(source.iterdir()) if path.name != "DONE" and not path.name.startswith(".")]
    for done, name in enumerate(names, start=1):
        _copy_file(source / name, target / name)
        context.progress(done, len(names))


def _copy_file(source: Path, target: Path) -> None:
    """On disk before the version is made visible, so that a loss of power cannot leave it without content."""
    with source.open("rb") as original, target.open("wb") as copy:
        shutil.copyfileobj(original, copy, COPY_BYTES)
        copy.flush()
        os.fsync(copy.fileno())


def _synced(paths: Iterator[Path]) -> None:
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _check_whole(published: Published, source: Path) -> None:
    wrong = damage(published)
    if wrong is None:
        return
    entries = [entry for split in published.index.splits.values() for entry in split]
    for entry in entries:
        path = source / entry.file
        if not path.is_file() or file_sha256(path) != entry.sha256:
            raise FormatError(
                f"{published.index.name} is not published: the prepared shard {path} is damaged; run again, "
                "and it is made anew"
            )
    raise FormatError(f"{published.path} was not copied whole: {wrong}; check the disk and run again")
