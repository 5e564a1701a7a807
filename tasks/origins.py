"""What an augmented or synthetic image was made from, and which generators learned from a real one."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from datasets.errors import FormatError, brief
from datasets.manifest import MANIFEST_FILE, Kind, key_text, read_table
from datasets.tfds_layout import Index
from tasks.lineage.record import LINEAGE_FILE, read_lineage


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Of an image `id` of a version: the file it was varied from, or the generator. What is not known is None."""

    dataset: str
    version: str
    id: str | None  # None for a shard
    kind: str
    parent: str | None = None
    parent_sha256: str | None = None
    weights_sha256: str | None = None
    seed: int | None = None
    real_dataset: str | None = None
    real_version: str | None = None
    training: str | None = None  # fingerprint of the run


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A version of synthetic images; its generator was trained on a real version with the image in its train split."""

    dataset: str
    version: str
    real_dataset: str
    real_version: str


def origin_of(folder: Path, index: Index, key: str | None, kind: str, derived_from: str | None) -> Origin | None:
    """None for a real image, and for a shard of real ones. Raises FormatError for a damaged manifest or lineage."""
    named: dict[str, Any] = {"dataset": index.name, "version": folder.name, "id": key, "kind": kind}
    if kind == Kind.SYNTHETIC:
        return Origin(**named, **_generator(folder, index))
    if kind == Kind.AUGMENTED and derived_from:
        return Origin(**named, parent=derived_from, parent_sha256=row_sha256(folder, derived_from))
    return None


def row_sha256(folder: Path, key: str) -> str | None:
    """The manifest's sha256 of the file with a key; None where no row has it."""
    table = read_table(folder / MANIFEST_FILE, ["source", "member", "frame", "sha256"])
    member = key.partition("/")[2].rpartition("#")[0]
    rows = table.filter(pc.equal(table["member"], member)).to_pylist()
    return next((row["sha256"] for row in rows if key_text(row) == key), None)


def _generator(folder: Path, index: Index) -> dict[str, Any]:
    generator: Any = index.lineage.get("generator") or {}
    real: Any = index.lineage.get("real") or {}
    found = {
        "weights_sha256": generator.get("weights_sha256"),
        "seed": generator.get("seed"),
        "real_dataset": real.get("name"),
    }
    if not (folder / LINEAGE_FILE).exists():
        return found
    record = read_lineage(folder)
    try:
        return found | {
            "real_version": record["real"]["version"],
            "training": record["training"]["fingerprint"],
        }
    except (KeyError, TypeError) as error:
        raise FormatError(f"{folder / LINEAGE_FILE}: damaged ({error!r}); copy the version again") from error


def learned_from(
    indexes: Mapping[Path, Index], in_train: Collection[tuple[str, str]]
) -> tuple[tuple[Learned, ...], tuple[str, ...]]:
    """Synthetic versions by the digest of the real version behind them, and those whose real version is not there.

    `in_train`: data set and version of those that have the image in their training split.
    """
    there = {(index.name, index.content_digest) for index in indexes.values()}
    trained_on = {
        (index.name, index.content_digest): folder.name
        for folder, index in reversed(list(indexes.items()))
        if (index.name, folder.name) in in_train
    }
    learned, orphans = [], []
    for folder, index in indexes.items():
        real = _real_version(index)
        if real in trained_on:
            names = {"real_dataset": real[0], "real_version": trained_on[real]}
            learned.append(Learned(dataset=index.name, version=folder.name, **names))
        elif real is not None and real not in there:
            orphans.append(f"{index.name} {folder.name}")
    return tuple(learned), tuple(orphans)


def _real_version(index: Index) -> tuple[str, str] | None:
    """Name and content digest of the real version that a synthetic one was learned from."""
    real: Any = index.lineage.get("real")
    if real is None:
        return None
    found = tuple(real.get(key) for key in ("name", "content_digest")) if isinstance(real, dict) else (real,)
    match found:
        case (str(name), str(digest)):
            return name, digest
    raise FormatError(f"{index.name} {index.version}: its index says that it was learned from {brief(repr(real))}")
