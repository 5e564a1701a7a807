"""CIFAR-10 and CIFAR-100 as they are distributed: python or binary version, a folder or the archive itself."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.arrays.cifar_batches import Batch, binary_batch, names_of_lines, names_of_pickle, python_batch
from datasets.sources.arrays.cifar_layout import CifarFile, CifarLayout, find_layout
from datasets.sources.arrays.raw_pixels import pnm_bytes, pnm_size_bytes
from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.settings import CommonSourceSettings, Location
from datasets.sources.trees.file_tree import FileTree
from datasets.sources.trees.opening import open_tree

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIDE_PX = 32
_loading = Lock()


class CifarSettings(CommonSourceSettings):
    """CIFAR-10 or CIFAR-100; which of them and which version, the files say."""

    kind: Literal["cifar"] = Field(description="CIFAR-10 or CIFAR-100, python or binary version")
    path: Location = Field(description="folder or archive, e.g. cifar-10-python.tar.gz or cifar-100-binary/")
    labels_of: Literal["fine", "coarse"] = Field("fine", description="which labels of CIFAR-100: 100 fine or 20 coarse")


@dataclass(frozen=True, slots=True)
class Cifar(Source):
    """Every image of every batch, wrapped as PNM. `found` is None while the archive is not unpacked."""

    name: str
    tree: FileTree
    labels_of: str
    place: str
    found: CifarLayout | None

    @property
    def is_fetched(self) -> bool:
        """Whether the archive is unpacked."""
        return self.tree.is_fetched

    def fetch(self, progress: FetchProgress) -> None:
        """Unpack the archive."""
        self.tree.fetch(progress)

    def identity(self) -> str | None:
        """Names, sizes and times of the files, or that of the archive, and which labels are taken."""
        files = self.found.identity() if self.found else self.tree.identity()
        return None if files is None else json.dumps(["cifar", files, self.labels_of])

    def items(self) -> Iterator[SourceItem]:
        """Batch by batch. Raises BadInput for a damaged or hostile one, and for labels that have no name."""
        layout = self._layout()
        names = self._class_names(layout)
        for file in layout.batches:
            yield from _items(file, self._batch(file), names)

    def read(self, member: str) -> bytes:
        """A PNM file. Raises OSError."""
        prefix, index = _place(member)
        for batch in self._batches(prefix):
            if index < len(batch.labels) and _member(prefix, batch, index) == member:
                return pnm_bytes(batch.pixels[index].reshape(3, SIDE_PX, SIDE_PX).transpose(1, 2, 0))
        raise OSError(f"{member}: there is no such image in {self.name}")

    def read_block(self, members: Sequence[str]) -> NDArray[np.uint8] | None:
        """All have one shape. Raises OSError."""
        import numpy as np

        runs = groupby(zip(members, map(_place, members), strict=True), key=lambda placed: placed[1][0])
        rows = [self._rows(prefix, [(member, index) for member, (_, index) in run]) for prefix, run in runs]
        planes = np.concatenate(rows).reshape(-1, 3, SIDE_PX, SIDE_PX)
        return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))

    def _rows(self, prefix: str, places: Sequence[tuple[str, int]]) -> NDArray[np.uint8]:
        """uint8 [N, 3072] of members of a batch, which are given with their numbers. Raises OSError."""
        for batch in self._batches(prefix):
            if all(index < len(batch.labels) and _member(prefix, batch, index) == member for member, index in places):
                return batch.pixels[[index for _, index in places]]
        raise OSError(f"{places[0][0]}: it or one of the {len(places) - 1} after it is no such image in {self.name}")

    def _batches(self, prefix: str) -> list[Batch]:
        """Those of the files of that name. Raises OSError."""
        try:
            return [self._batch(file) for file in self._layout().batches if file.name == prefix]
        except BadInput as error:
            raise OSError(str(error)) from error

    def _layout(self) -> CifarLayout:
        return self.found or find_layout(self.tree, self.place, self.labels_of)

    def _batch(self, file: CifarFile) -> Batch:
        with _loading:
            return _kept_batch(_Loading(file, self.labels_of, self.tree))

    def _class_names(self, layout: CifarLayout) -> Sequence[str] | None:
        if layout.names is None:
            return None
        payload = _payload(self.tree, layout.names)
        if layout.names.is_binary:
            return names_of_lines(payload, layout.names.place)
        return names_of_pickle(payload, layout.names.place, self.labels_of)


def open_cifar(settings: CifarSettings, cache: Path) -> Source:
    """Raises BadInput: nothing there, no CIFAR files, several versions of them, or coarse labels of CIFAR-10."""
    tree = open_tree(settings.path, cache)
    found = find_layout(tree, settings.place, settings.labels_of) if tree.is_fetched else None
    return Cifar(settings.resolved_name, tree, settings.labels_of, settings.place, found)


def _items(file: CifarFile, batch: Batch, names: Sequence[str] | None) -> Iterator[SourceItem]:
    size_bytes = pnm_size_bytes(SIDE_PX, SIDE_PX, 3)
    for index, label in enumerate(batch.labels):
        if label < 0 or (names is not None and label >= len(names)):
            raise BadInput(
                f"{file.place}: image {index} has the label {label}, which has no name; the file is damaged, or is "
                "not of the same data set as the names; fetch both again"
            )
        yield SourceItem(
            member=_member(file.name, batch, index),
            size_bytes=size_bytes,
            version_tag=file.version_tag,
            label=str(label) if names is None else names[label],
            split=file.split,
            origin=f"{file.origin}#{index}",
        )


def _member(prefix: str, batch: Batch, index: int) -> str:
    return f"{prefix}/{index:0{len(str(len(batch.labels)))}d}"


def _place(member: str) -> tuple[str, int]:
    """The name of its batch, and its number there, 0 where it has none."""
    prefix, _, digits = member.rpartition("/")
    return prefix, int(digits) if re.fullmatch(r"[0-9]{1,10}", digits) else 0


@dataclass(frozen=True, slots=True)
class _Loading:
    """Which content is wanted, and where it comes from, which does not tell one content from another."""

    file: CifarFile
    labels_of: str
    tree: FileTree = field(compare=False)


@lru_cache(maxsize=2)
def _kept_batch(wanted: _Loading) -> Batch:
    """The last two batches per process, at most 160 MB each of the real files. Raises BadInput."""
    payload, file = _payload(wanted.tree, wanted.file), wanted.file
    if file.is_binary:
        return binary_batch(payload, file.place, file.label_bytes, wanted.labels_of)
    return python_batch(payload, file.place, wanted.labels_of)


def _payload(tree: FileTree, file: CifarFile) -> bytes:
    try:
        return tree.read(file.member)
    except OSError as error:
        raise BadInput(f"{file.place} cannot be read ({error.strerror or error}); fetch it again") from error
