"""Fetched images in a folder of our own: a pixel pack of encoded images, and a table of what is known of each."""

import functools
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput, FormatError
from datasets.pixel_packs import PackReader, PackWriter

INDEX_FILE, PACK_FILE = "index.parquet", "images.pack"
STORE_VERSION = 1
_ROWS_PER_GROUP = 8192
_SCHEMA = pa.schema(
    [
        pa.field("split", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("problem", pa.string()),
        pa.field("detail", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("length", pa.int64(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedImage:
    """One image as a library gave it: an encoded file, or a problem."""

    split: str
    payload: bytes | None
    label: str | None = None
    licence: str | None = None
    problem: str | None = None
    detail: str | None = None


class StoredImage(NamedTuple):
    """What the store knows of one image; `member` is `<split>/<number in the split>`."""

    member: str
    split: str
    label: str | None
    licence: str | None
    problem: str | None
    detail: str | None
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class ImageStore:
    """The folder; nothing is in it before `write`."""

    folder: Path

    def write(self, images: Iterator[FetchedImage], told: Callable[[int], None]) -> None:
        """Keep all images, split by split; `told` gets their number every now and then. The index appears last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        index_path = self.folder / INDEX_FILE
        index_path.unlink(missing_ok=True)
        counts: dict[str, int] = {}
        with (
            atomic_file(index_path) as file,
            pq.ParquetWriter(file, _SCHEMA, compression="zstd", write_page_checksum=True) as table,
        ):
            with PackWriter(self.folder / PACK_FILE) as pack:
                rows = (_row(image, pack, counts) for image in images)
                while group := list(islice(rows, _ROWS_PER_GROUP)):
                    table.write_table(pa.Table.from_pylist(group, schema=_SCHEMA))
                    told(sum(counts.values()))
            facts = {"splits": counts, "pack_bytes": (self.folder / PACK_FILE).stat().st_size}
            table.add_key_value_metadata({"store_version": str(STORE_VERSION), "facts": json.dumps(facts)})

    def is_whole(self) -> bool:
        """Whether index and pack are there, and the pack has the size that the index says."""
        try:
            return self._index().pack_bytes == (self.folder / PACK_FILE).stat().st_size
        except OSError:
            return False

    def splits(self) -> tuple[str, ...]:
        """Their names in order. Raises OSError."""
        return tuple(self._index().counts)

    def version_tag(self) -> str:
        """Changes whenever the pack may have. Raises OSError."""
        return _stamp(self.folder / PACK_FILE)

    def rows(self) -> Iterator[StoredImage]:
        """All images in order. Raises FormatError where the index is damaged."""
        counts = self._index().counts
        members = (_member(split, number) for split, count in counts.items() for number in range(count))
        for columns in self._columns(StoredImage._fields[1:]):
            yield from (StoredImage(next(members), *known) for known in zip(*columns, strict=True))

    def read(self, member: str) -> bytes:
        """The payload of a member. Raises OSError."""
        index = self._index()
        row = index.row_of(member)
        if row is None or index.lengths[row] < 0:
            raise OSError(f"there is no image {member!r} in what was fetched; list the source again")
        try:
            with PackReader(self.folder) as pack:  # opened for each: it is not for several threads
                return pack.read(PACK_FILE, int(index.offsets[row]), int(index.lengths[row]))
        except BadInput as error:
            raise OSError(
                f"what was fetched is damaged; delete {self.folder.name} from the cache of sources"
            ) from error

    def _columns(self, names: Sequence[str]) -> Iterator[list[list]]:
        """Columns of the index, some rows at a time. Raises FormatError."""
        path = self.folder / INDEX_FILE
        try:
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                for batch in file.iter_batches(columns=list(names)):
                    yield [column.to_pylist() for column in batch.columns]
        except (pa.ArrowException, OSError) as error:
            raise FormatError(f"{path}: cannot be read ({error}); delete it, and it will be fetched again") from error

    def _index(self) -> "_Index":
        path = self.folder / INDEX_FILE
        return _read_index(path, _stamp(path))


@dataclass(frozen=True, slots=True)
class _Index:
    """Images per split in order, and where each lies in the pack: int64 [N]; length -1 where there is none."""

    pack_bytes: int
    counts: dict[str, int]
    offsets: np.ndarray
    lengths: np.ndarray

    def row_of(self, member: str) -> int | None:
        wanted, _, number = member.partition("/")
        first = 0
        for split, count in self.counts.items():
            if split == wanted and re.fullmatch(r"[0-9]{8,12}", number) and int(number) < count:
                return first + int(number)
            first += count
        return None


def _member(split: str, number: int) -> str:
    return f"{split}/{number:08d}"


def _row(image: FetchedImage, pack: PackWriter, counts: dict[str, int]) -> dict[str, Any]:
    if image.split not in counts or next(reversed(counts)) == image.split:
        counts[image.split] = counts.get(image.split, 0) + 1
    else:
        raise ValueError(f"split {image.split} comes again after another one")
    offset, length = (0, -1) if image.payload is None else pack.append(image.payload)
    known = {name: getattr(image, name) for name in ("split", "label", "licence", "problem", "detail")}
    return {**known, "offset": offset, "length": length, "size_bytes": None if image.payload is None else length}


@functools.lru_cache(maxsize=8)
def _read_index(path: Path, stamp: str) -> _Index:
    """Raises OSError: not there, damaged, of another version. `stamp` is there for the cache only."""
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            metadata = file.metadata.metadata or {}
            if metadata.get(b"store_version") != str(STORE_VERSION).encode():
                raise OSError(f"{path.name}: of another version; fetch again")
            facts = json.loads(metadata[b"facts"])
            table = file.read(columns=["offset", "length"])
    except (pa.ArrowException, ValueError, KeyError) as error:
        raise OSError(f"{path.name}: damaged ({error}); fetch again") from error
    return _Index(facts["pack_bytes"], facts["splits"], table["offset"].to_numpy(), table["length"].to_numpy())


def _stamp(path: Path) -> str:
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"
