"""The store of prepared images: append-only packs, each with a Parquet index of what was found in it.

One folder per scan recipe (settings, code and libraries), shared by all runs. An image is known by the sha256
of its payload and its frame in it, so a file is decoded once however often it is listed.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.atomic_file import atomic_file
from datasets.manifest import SCHEMA, THUMBNAIL_SIDE_PX, with_columns
from datasets.pixel_packs import PackWriter
from tasks.digests import file_sha256
from tasks.imaging.measures import Sample, measures_of

SCANNED_COLUMNS = (
    *("sha256", "frame", "status", "reason", "detail", "format", "width_px", "height_px", "channels", "bit_depth"),
    *("mean", "std", "entropy_bits", "sharpness", "brightness_p05", "brightness_p95", "clipped_fraction"),
    *("phash", "phash_mirror", "pixel_sha256", "thumbnail", "pack", "offset", "length"),
    *("channel_sums", "channel_square_sums"),
)
STORE_VERSION = "2"
# Half of the time that zstd would take of all; the index is written and read once, beside much larger packs.
COMPRESSION = dict.fromkeys(SCANNED_COLUMNS, "zstd") | {"thumbnail": "lz4"}
REPEATING_COLUMNS = ["status", "reason", "detail", "format", "width_px", "height_px", "channels", "bit_depth", "pack"]
NOT_PREPARED = ""  # the pack of an image that was only measured; a rejected one has none
FINDINGS = pa.list_(pa.struct([("finding", pa.string()), ("severity", pa.string()), ("detail", pa.string())]))
STORE_SCHEMA = pa.schema(
    [pa.field(name, SCHEMA.field(name).type) for name in SCANNED_COLUMNS] + [pa.field("findings", FINDINGS)],
)
assert STORE_SCHEMA.field("thumbnail").type.byte_width == THUMBNAIL_SIDE_PX**2


@dataclass(frozen=True, slots=True)
class Block:
    """N images: rows of the store that lack only their places, and prepared images; None where nobody wants them."""

    rows: pa.Table
    prepared: list[bytes] | None


Piece = tuple[dict, Sample | None, bytes | None] | Block
"""A row with what measures come from and the prepared image, both None where it was rejected, the image also where
nobody wants it; or many images at once."""
Single = tuple[dict, Sample | None]


def store_folder(shared: Path, recipe: str) -> Path:
    """Where the images prepared by one recipe lie."""
    return shared / "pixels" / recipe[:16]


def pack_name(sha256s: Iterable[str]) -> str:
    """Name of the pack of a partition: the same images give the same name, whoever prepares them."""
    return "pack-" + hashlib.sha256("".join(sha256s).encode()).hexdigest()[:16]


def write_pack(folder: Path, name: str, pieces: Iterable[Piece]) -> None:
    """Write a pack and, last, its index. Pieces are taken one by one, and only rows and samples are kept in memory."""
    place = f"pixels/{folder.name}/{name}.pack"
    tables: list[pa.Table] = []
    singles: list[Single] = []
    with PackWriter(folder / f"{name}.pack") as pack:
        for piece in pieces:
            if isinstance(piece, Block):
                tables += [_table_of(singles), _placed(piece, pack, place)]
                singles = []
            else:
                singles.append((_placed_row(piece, pack, place), piece[1]))
    metadata = {"pixel_store_version": STORE_VERSION, "pack_sha256": file_sha256(folder / f"{name}.pack")}
    table = pa.concat_tables([*tables, _table_of(singles)]).combine_chunks()
    with atomic_file(folder / f"{name}.parquet") as file:
        pq.write_table(
            table.replace_schema_metadata(metadata), file, compression=COMPRESSION, use_dictionary=REPEATING_COLUMNS
        )


def _placed_row(piece: tuple[dict, Sample | None, bytes | None], pack: PackWriter, place: str) -> dict:
    """The row with the place of its image, which is written."""
    row, sample, payload = piece
    if payload is not None:
        row["offset"], row["length"] = pack.append(payload)
        row["pack"] = place
    elif sample is not None:
        row["pack"] = NOT_PREPARED
    return row


def _placed(block: Block, pack: PackWriter, place: str) -> pa.Table:
    """The rows with the places of their images, which are written."""
    count = len(block.rows)
    if block.prepared is None:
        return with_columns(block.rows, pack=pa.repeat(NOT_PREPARED, count))
    offsets, lengths = map(pa.array, pack.append_all(block.prepared))
    return with_columns(block.rows, pack=pa.repeat(place, count), offset=offsets, length=lengths)


def _table_of(singles: Sequence[Single]) -> pa.Table:
    rows, samples = [row for row, _ in singles], [sample for _, sample in singles]
    return _with_measures(pa.Table.from_pylist(rows, schema=STORE_SCHEMA), samples)


def _with_measures(table: pa.Table, samples: Sequence[Sample | None]) -> pa.Table:
    """The table with measures where there is a sample, null elsewhere."""
    taken = [sample for sample in samples if sample is not None]
    if not taken:
        return table
    measured = np.array([sample is not None for sample in samples])
    places = pa.array(np.cumsum(measured) - 1, mask=~measured)
    columns = {
        name: pa.array(values, STORE_SCHEMA.field(name).type).take(places)
        for name, values in measures_of(taken).items()
    }
    return with_columns(table, **columns)


def forget_damaged_packs(folder: Path) -> None:
    """Remove packs that are not as they were written, so that their images are decoded again."""
    for index in sorted(folder.glob("pack-*.parquet")):
        pack = index.with_suffix(".pack")
        if not pack.is_file() or file_sha256(pack) != recorded_pack_sha256(index):
            index.unlink()
            pack.unlink(missing_ok=True)


def forget_unfinished_packs(folder: Path) -> None:
    """Remove what killed workers left, once nobody writes any more."""
    for path in folder.glob("pack-*.tmp"):
        path.unlink(missing_ok=True)


def recorded_pack_sha256(index: Path) -> str | None:
    """The digest that a pack had when it was written, None where its index is damaged or of another version."""
    try:
        metadata = pq.read_schema(index).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    if metadata.get(b"pixel_store_version") != STORE_VERSION.encode():
        return None
    return str(metadata[b"pack_sha256"], "ascii")


def read_store(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """Everything that the store knows; one row per payload and frame."""
    schema = pa.schema([STORE_SCHEMA.field(name) for name in columns]) if columns else STORE_SCHEMA
    tables = [pq.read_table(index, columns=schema.names) for index in sorted(folder.glob("pack-*.parquet"))]
    return pa.concat_tables([schema.empty_table(), *(table.cast(schema) for table in tables)])


class StoredRows:
    """The rows of a store, and some that are not in it, to be looked up by payload; few packs' are held at a time."""

    def __init__(self, folder: Path, unstored: list[dict]) -> None:
        self._indexes = sorted(folder.glob("pack-*.parquet"))
        self._unstored = pa.Table.from_pylist(unstored, schema=STORE_SCHEMA)
        keys = [pq.read_table(index, columns=["sha256", "frame"], use_threads=False) for index in self._indexes]
        keys.append(self._unstored.select(["sha256", "frame"]))
        self._pack = np.repeat(np.arange(len(keys)), [len(table) for table in keys])
        self._row = np.concatenate([np.arange(len(table)) for table in keys])
        self._keys = pa.concat_tables([table.replace_schema_metadata(None) for table in keys])

    def of(self, sha256s: pa.ChunkedArray) -> pa.Table:
        """The rows of each payload, in the order in which they are asked for first, and of frames."""
        wanted = pc.unique(sha256s).drop_null()
        codes = pc.fill_null(pc.index_in(self._keys["sha256"], value_set=wanted), -1).to_numpy()
        found = np.flatnonzero(codes >= 0)
        codes, frames = codes[found], self._keys["frame"].to_numpy()[found]
        order = np.lexsort((frames, codes))
        codes, frames = codes[order], frames[order]
        # A partition that was redone after its worker died may have stored some rows twice.
        is_first = np.ones(len(order), bool)
        is_first[1:] = (codes[1:] != codes[:-1]) | (frames[1:] != frames[:-1])
        return self._at(found[order[is_first]])

    def _at(self, places: np.ndarray) -> pa.Table:
        """The rows at these places among all keys, in their order."""
        by_pack = np.argsort(self._pack[places], kind="stable")
        packs = self._pack[places[by_pack]]
        starts = np.flatnonzero(np.diff(packs, prepend=-1))
        rows = np.split(self._row[places[by_pack]], starts[1:]) if len(packs) else []
        tables = [taken(self._table(pack), some) for pack, some in zip(packs[starts], rows, strict=True)]
        together = pa.concat_tables([STORE_SCHEMA.empty_table(), *tables])
        return taken(together, np.argsort(by_pack))

    def _table(self, pack: int) -> pa.Table:
        if pack == len(self._indexes):
            return self._unstored
        return pq.read_table(self._indexes[pack], columns=STORE_SCHEMA.names, use_threads=False).cast(STORE_SCHEMA)


def taken(values: Any, places: np.ndarray) -> Any:
    """A table or column -> its rows at int64 [N]; those that follow one another, as most do, are not copied."""
    if len(places) and (np.diff(places) == 1).all():
        return values.slice(places[0], len(places))
    return values.take(pa.array(places))
