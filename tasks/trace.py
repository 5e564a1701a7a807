"""Trace: where in the published versions an image is, what it was made from, and which generators learned from it.

Nothing but manifests and indexes is read, and of the manifests only the columns that are needed; but for a hash that
none of them knows, which is looked for in the shards.
"""
# ruff: noqa: A005, as nothing here imports the library's module of this name

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from datasets.errors import BadInput, FormatError
from datasets.manifest import MANIFEST_FILE, Kind, Status, key_text, read_table
from datasets.tfds_layout import INDEX_FILE, LATEST_FILE, Index, is_version, read_index
from tasks.imaging.decode import MinSides, Undecodable, decode
from tasks.imaging.measures import pixel_sha256
from tasks.origins import Learned, Origin, learned_from, origin_of, row_sha256
from tasks.published_versions import is_complete, version_numbers
from tasks.shard_search import FoundRecord, FoundShard, find_records, find_shards

MIN_DIGITS = 12
HASH_COLUMNS = ["sha256", "pixel_sha256"]
KEPT_COLUMNS = ["kind", "derived_from", "status", "reason", "detail", "split", "label"]
ROW_COLUMNS = ["source", "member", "frame", *KEPT_COLUMNS]
_HASH = re.compile(rf"[0-9a-f]{{{MIN_DIGITS},64}}")
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for: an image (`payload`), or the first hex digits of a sha256.

    That is of the bytes of a file, of pixels, of an image as a shard holds it, or of a shard.
    """

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


@dataclass(frozen=True, slots=True)
class Trace:
    """What was found in so many versions.

    `records` and `shards` are those that have the hash themselves; `origins`: what of it all is not real was made from.
    `orphans` are synthetic versions that were learned from a real one which is not there, so that nothing can be said
    of them; `skipped`: folders that could not be looked into, and why.
    """

    wanted: str
    hashes: tuple[str, ...]
    versions: int
    appearances: tuple[Appearance, ...] = ()
    records: tuple[FoundRecord, ...] = ()
    shards: tuple[FoundShard, ...] = ()
    origins: tuple[Origin, ...] = ()
    learned: tuple[Learned, ...] = ()
    orphans: tuple[str, ...] = ()
    skipped: dict[str, str] = field(default_factory=dict)

    @property
    def exclusions(self) -> tuple[str, ...]:
        """The hashes to list so that the image is kept out, those of bytes first; none for what is made from others."""
        real = [row for row in self.appearances if row.kind == Kind.REAL]
        found = [row.sha256 for row in real] + [row.pixel_sha256 for row in real]
        own = self.hashes if (real and not self.records) or not (self.appearances or self.shards) else ()
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
            f"{text}: {what}; give the file of one image, or the sha256 of its bytes or pixels, of a record or of a "
            f"shard, of which the first {MIN_DIGITS} hex digits are enough"
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
    shards = _shards(indexes, wanted)
    records: list[FoundRecord] = []
    if wanted.digits and not appearances and not shards:
        records = _records(indexes, wanted, skipped, published)
    known = _known_hashes(wanted, appearances, records, shards)
    if records:
        appearances = _appearances_of_records(indexes, records)
    in_train = {(row.dataset, row.version) for row in appearances if row.is_used and row.split == "train"}
    learned, orphans = learned_from(indexes, in_train)
    return Trace(
        wanted=wanted.text,
        hashes=wanted.hashes() or known,
        versions=len(indexes),
        appearances=tuple(appearances),
        records=tuple(records),
        shards=tuple(shards),
        origins=tuple(_origins(indexes, appearances, shards)),
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


def _shards(indexes: dict[Path, Index], wanted: Wanted) -> list[FoundShard]:
    if not wanted.digits:
        return []
    return [found for folder, index in indexes.items() for found in find_shards(folder, index, wanted.digits)]


def _records(indexes: dict[Path, Index], wanted: Wanted, skipped: dict[str, str], published: Path) -> list[FoundRecord]:
    """Read through all shards; a version with a damaged one is named."""
    found: list[FoundRecord] = []
    for folder, index in indexes.items():
        try:
            found += find_records(folder, index, wanted.digits)
        except FormatError as error:
            skipped[folder.relative_to(published).as_posix()] = str(error)
    return found


def _appearances_of_records(indexes: dict[Path, Index], records: Sequence[FoundRecord]) -> list[Appearance]:
    """Where the files are, in all versions, of which the records were made."""
    folders = {(index.name, folder.name): folder for folder, index in indexes.items()}
    hashes = {row_sha256(folders[record.dataset, record.version], record.id) for record in records}
    found: dict[tuple[str, str, str], Appearance] = {}
    for sha256 in sorted(filter(None, hashes)):
        for folder, index in indexes.items():
            for row in _appearances(folder, index, Wanted(sha256, digits=sha256)):
                found.setdefault((row.dataset, row.version, row.id), row)
    return list(found.values())


def _origins(
    indexes: dict[Path, Index], appearances: Sequence[Appearance], shards: Sequence[FoundShard]
) -> Iterator[Origin]:
    """Of each image that is not real, and of each shard of such."""
    folders = {(index.name, folder.name): (folder, index) for folder, index in indexes.items()}
    for row in appearances:
        folder, index = folders[row.dataset, row.version]
        origin = origin_of(folder, index, row.id, row.kind, row.derived_from)
        if origin is not None:
            yield origin
    for shard in shards:
        folder, index = folders[shard.dataset, shard.version]
        origin = origin_of(folder, index, None, str(index.lineage.get("kind")), None)
        if origin is not None:
            yield origin


def _known_hashes(
    wanted: Wanted,
    appearances: Sequence[Appearance],
    records: Sequence[FoundRecord],
    shards: Sequence[FoundShard],
) -> tuple[str, ...]:
    """The whole hashes that begin with the digits; the digits themselves where they are whole and nothing is found.

    Raises BadInput where there are several, so that nobody takes one image for another.
    """
    if wanted.payload is not None:
        return ()
    hashes = {value for row in appearances for value in (row.sha256, row.pixel_sha256) if value}
    hashes |= {record.sha256 for record in records} | {shard.sha256 for shard in shards}
    found = sorted(value for value in hashes if value.startswith(wanted.digits))
    if len(found) > 1:
        shown = ", ".join(found[:_SHOWN]) + (f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else "")
        raise BadInput(f"{wanted.text} is the beginning of {len(found)} hashes: {shown}; give more digits")
    return tuple(found) or ((wanted.digits,) if len(wanted.digits) == 64 else ())


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
