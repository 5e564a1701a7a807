"""Trace: where in the published versions an image is, and which generators have learned from it.

Nothing but manifests and indexes is read, and of the manifests only the columns that are needed.
"""
# ruff: noqa: A005, as nothing here imports the library's module of this name

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from datasets.errors import BadInput, FormatError
from datasets.manifest import MANIFEST_FILE, Kind, Status, key_text, read_table
from datasets.tfds_layout import INDEX_FILE, LATEST_FILE, Index, is_version, read_index
from tasks.imaging.decode import MinSides, Undecodable, decode
from tasks.imaging.measures import pixel_sha256
from tasks.published_versions import is_complete, version_numbers

MIN_DIGITS = 12
HASH_COLUMNS = ["sha256", "pixel_sha256"]
KEPT_COLUMNS = ["kind", "derived_from", "status", "reason", "detail", "split", "label"]
ROW_COLUMNS = ["source", "member", "frame", *KEPT_COLUMNS]
_HASH = re.compile(rf"[0-9a-f]{{{MIN_DIGITS},64}}")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: an image (`payload`), or the first hex digits of a sha256 of bytes or pixels."""

    text: str
    payload: bytes | None = None
    digits: str = ""

    def hashes(self) -> tuple[str, ...]:
        """Of an image: sha256 of its bytes, and of its pixels as decoded whole and at 1/2, 1/4 and 1/8."""
        return () if self.payload is None else _hashes(self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class Appearance:
    """One row of a version's manifest. `by`: bytes or pixels are the same; `copies`: augmented images made from it."""

    dataset: str
    version: str
    id: str
    kind: str
    by: str
    sha256: str | None
    pixel_sha256: str | None
    status: str
    reason: str | None
    detail: str | None
    split: str | None
    label: str | None
    derived_from: str | None
    copies: int = 0

    @property
    def is_used(self) -> bool:
        return self.status in (Status.KEPT, Status.REPAIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Learned:
    """A version of synthetic images; its generator was trained on a real version with the image in its train split."""

    dataset: str
    version: str
    real_dataset: str
    real_version: str


@dataclass(frozen=True, slots=True)
class Trace:
    """What was found in so many versions.

    `orphans` are synthetic versions that were learned from a real one which is not there, so that nothing can be said
    of them; `skipped`: folders that could not be looked into, and why.
    """

    wanted: str
    hashes: tuple[str, ...]
    versions: int
    appearances: tuple[Appearance, ...] = ()
    learned: tuple[Learned, ...] = ()
    orphans: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The hashes to list so that the image is kept out, those of bytes first; none for what is made from others."""
        real = [row for row in self.appearances if row.kind == Kind.REAL]
        found = [row.sha256 for row in real] + [row.pixel_sha256 for row in real]
        own = self.hashes if real or not self.appearances else ()
        return tuple(dict.fromkeys([*filter(None, found), *own]))


def wanted_of(text: str) -> Wanted:
    """A path of an image file, or a sha256 or its first 12 digits or more. Raises BadInput for anything else."""
    path = Path(text).expanduser()
    if path.is_file():
        return Wanted(text, payload=path.read_bytes())
    digits = text.strip().lower()
    if path.is_dir() or not _HASH.fullmatch(digits):
        what = "a folder" if path.is_dir() else "no such file, and no hash"
        raise BadInput(
            f"{text}: {what}; give the file of one image, or the sha256 of its bytes or pixels, of which the first "
            f"{MIN_DIGITS} hex digits are enough"
        )
    return Wanted(text, digits=digits)


def trace(published: Path, wanted: Wanted) -> Trace:
    """Look through all versions of all data sets in a folder.

    Raises BadInput where the folder holds no published data set, or the digits fit several images.
    """
    skipped: dict[str, str] = {}
    indexes: dict[Path, Index] = {}
    appearances: list[Appearance] = []
    for folder in _version_folders(published):
        try:
            indexes[folder] = _read_complete_index(folder)
            appearances += _appearances(folder, indexes[folder], wanted)
        except FormatError as error:
            skipped[folder.relative_to(published).as_posix()] = str(error)
    _refuse_ambiguous(wanted, appearances)
    learned, orphans = _learned(indexes, appearances)
    return Trace(
        wanted=wanted.text,
        hashes=wanted.hashes() or _matched(wanted, appearances),
        versions=len(indexes),
        appearances=tuple(appearances),
        learned=learned,
        orphans=orphans,
        skipped=skipped,
    )


def _version_folders(published: Path) -> list[Path]:
    """Every folder that is called like a version, data sets by name, versions in their order."""
    if (published / LATEST_FILE).is_file() or (published / INDEX_FILE).is_file():
        raise BadInput(f"{published} is one data set; give the folder above it, in which all data sets are")
    parents = sorted(path for path in published.glob("*") if path.is_dir())
    found = [sorted((path for path in parent.iterdir() if is_version(path.name)), key=_order) for parent in parents]
    folders = [path for paths in found for path in paths]
    if not folders:
        raise BadInput(f"{published} holds no published data set; name the folder with --published")
    return folders


def _order(folder: Path) -> tuple[int, ...]:
    return version_numbers(folder.name)


def _read_complete_index(folder: Path) -> Index:
    index = read_index(folder)
    if not is_complete(folder):
        raise FormatError(f"{folder} was not published to its end; what lies in it is no version, and may be removed")
    return index


def _appearances(folder: Path, index: Index, wanted: Wanted) -> Iterator[Appearance]:
    path = folder / MANIFEST_FILE
    hashes = read_table(path, HASH_COLUMNS)
    by_bytes, by_pixels = (_matches(hashes[name], wanted.hashes(), wanted.digits) for name in HASH_COLUMNS)
    pixels = hashes["pixel_sha256"].filter(pc.or_(by_bytes, by_pixels)).drop_null()
    by_pixels = pc.or_(by_pixels, pc.is_in(hashes["pixel_sha256"], pixels.combine_chunks()))  # copies in other files
    places = pc.indices_nonzero(pc.or_(by_bytes, by_pixels))
    if not len(places):
        return
    table = read_table(path, ROW_COLUMNS)
    copies = _copies(table)
    rows = zip(hashes.take(places).to_pylist(), table.take(places).to_pylist(), strict=True)
    for same_bytes, (digests, row) in zip(by_bytes.take(places).to_pylist(), rows, strict=True):
        key = key_text(row)
        yield Appearance(
            dataset=index.name,
            version=folder.name,
            id=key,
            by="bytes" if same_bytes else "pixels",
            copies=copies.get(key, 0),
            **digests,
            **{name: row[name] for name in KEPT_COLUMNS},
        )


def _matches(column: pa.ChunkedArray, known: Sequence[str], digits: str) -> pa.ChunkedArray:
    """Bool [N]: whether the hash is one of those, or begins with the digits."""
    found = pc.is_in(column, pa.array(known, pa.string())) if known else pc.starts_with(column, digits)
    return pc.fill_null(found, False)


def _copies(table: pa.Table) -> dict[str, int]:
    """Augmented images by the key of their parent."""
    parents = table["derived_from"].filter(pc.equal(table["kind"], Kind.AUGMENTED))
    return {entry["values"]: entry["counts"] for entry in parents.value_counts().to_pylist()}


def _matched(wanted: Wanted, appearances: Sequence[Appearance]) -> tuple[str, ...]:
    """The whole hashes that begin with the digits; the digits themselves where they are whole."""
    hashes = {value for row in appearances for value in (row.sha256, row.pixel_sha256) if value}
    found = sorted(value for value in hashes if value.startswith(wanted.digits))
    return tuple(found) or ((wanted.digits,) if len(wanted.digits) == 64 else ())


def _refuse_ambiguous(wanted: Wanted, appearances: Sequence[Appearance]) -> None:
    found = _matched(wanted, appearances) if wanted.payload is None else ()
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        raise BadInput(f"{wanted.text} is the beginning of {len(found)} hashes: {shown}; give more digits")


def _learned(
    indexes: dict[Path, Index], appearances: Sequence[Appearance]
) -> tuple[tuple[Learned, ...], tuple[str, ...]]:
    """Synthetic versions by the digest of the real version behind them, and those whose real version is not there."""
    there = {(index.name, index.content_digest) for index in indexes.values()}
    in_train = {(row.dataset, row.version) for row in appearances if row.is_used and row.split == "train"}
    trained_on = {
        (index.name, index.content_digest): folder.name
        for folder, index in reversed(indexes.items())
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
    return (real["name"], real["content_digest"]) if isinstance(real, dict) else None


@lru_cache(maxsize=8)
def _hashes(payload: bytes) -> tuple[str, ...]:
    """At which part of its size `scan` has decoded a large JPEG depends on its settings, so all are tried."""
    whole = decode(payload)
    if isinstance(whole, Undecodable):
        return (hashlib.sha256(payload).hexdigest(),)
    longer_px = max(whole.width_px, whole.height_px)
    reduced = (decode(payload, min_sides=MinSides(longer_px // factor)) for factor in (2, 4, 8))
    decoded = (whole, *(image for image in reduced if not isinstance(image, Undecodable)))
    pixels = dict.fromkeys(pixel_sha256(image.image) for image in decoded)
    return (hashlib.sha256(payload).hexdigest(), *pixels)
