"""MNIST and its family: IDX files of images with files of labels beside them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from urllib.parse import quote

from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.arrays.idx_file import (
    IdxFile,
    block_at,
    labels_of,
    looks_like_idx,
    open_idx_file,
    pixels_at,
    same_content,
)
from datasets.sources.arrays.raw_pixels import MAX_BLOCK_IMAGE_BYTES, pnm_header, pnm_size_bytes
from datasets.sources.base import Source, SourceItem
from datasets.sources.settings import CommonSourceSettings, Location, local_path
from datasets.sources.split_names import split_in
from datasets.sources.trees.local_folder import text_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ENDING = re.compile(r"[-_. ]*(images?|labels?)?[-_. ]*(idx\d?)?[-_. ]*(ubyte)?(\.gz)?$", re.IGNORECASE)
_IDX_NAME = re.compile(r"idx\d|-ubyte", re.IGNORECASE)


class IdxSettings(CommonSourceSettings):
    """IDX files, packed by gzip or not."""

    kind: Literal["idx"] = Field(description="IDX files of images and labels, as MNIST has them")
    path: Location = Field(description="folder with IDX files (train-images-idx3-ubyte.gz, ...), or one of images")
    images: str | None = Field(None, description="the file of images in the folder; null = all that are there")
    labels_file: str | None = Field(None, description="its file of labels; null = found by its name, if there is one")
    class_names: tuple[str, ...] | None = Field(None, description="name of label 0, of label 1, ...; null = numbers")


class IdxPart(NamedTuple):
    """Images with their labels, if any; `prefix` begins the members, e.g. `train` of `train/00017`."""

    prefix: str
    split: str | None
    images: IdxFile
    labels: IdxFile | None

    @property
    def image_count(self) -> int:
        """How many images."""
        return self.images.shape[0]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of each image."""
        height_px, width_px, channels = (*self.images.shape[1:], 1)[:3]
        return height_px, width_px, channels

    @property
    def digits(self) -> int:
        """Of the number of an image in its member: as many as the number of images has."""
        return len(str(self.image_count))


@dataclass(frozen=True, slots=True)
class Idx(Source):
    """Every image of every part, wrapped as PNM."""

    name: str
    parts: tuple[IdxPart, ...]
    class_names: tuple[str, ...] | None = None

    def identity(self) -> str:
        """Names, sizes and times of the files, and the class names."""
        files = [file for part in self.parts for file in (part.images, part.labels) if file]
        return json.dumps(["idx", [(file.name, *file.state[1:]) for file in files], self.class_names])

    def items(self) -> Iterator[SourceItem]:
        """Part by part, in the order of the files. Raises BadInput for a label without a class name."""
        return (item for part in self.parts for item in _items(part, self.class_names))

    def read(self, member: str) -> bytes:
        """A PNM file. Raises OSError."""
        part, index = self._place(member)
        return pnm_header(*part.image_shape) + pixels_at(part.images, index)

    def read_block(self, members: Sequence[str]) -> NDArray[np.uint8] | None:
        """Images of parts whose images have one small shape. Raises OSError."""
        import numpy as np

        runs = self._runs(members)
        shapes = {part.image_shape for part, _ in runs}
        if len(shapes) > 1 or any(part.images.record_bytes > MAX_BLOCK_IMAGE_BYTES for part, _ in runs):
            return None
        return np.concatenate([block_at(part.images, indices) for part, indices in runs]).reshape(-1, *shapes.pop())

    def _runs(self, members: Sequence[str]) -> list[tuple[IdxPart, list[int]]]:
        """Members that follow each other in one part, as that part and their numbers there. Raises OSError."""
        runs = []
        for prefix, run in groupby(members, key=lambda member: member.rpartition("/")[0]):
            together = list(run)
            part = next((part for part in self.parts if part.prefix == prefix), None)
            numbers = part and _numbers(part, together)
            if not part or not numbers:
                wrong = next(member for member in together if not part or not _numbers(part, [member]))
                raise OSError(f"{wrong}: there is no such image in {self.name}")
            runs.append((part, numbers))
        return runs

    def _place(self, member: str) -> tuple[IdxPart, int]:
        """In which part it is, and its number there. Raises OSError."""
        ((part, (number,)),) = self._runs([member])
        return part, number


def open_idx(settings: IdxSettings, cache: Path) -> Source:
    """Raises BadInput: nothing there, no IDX files, damaged ones, or labels that do not belong to the images."""
    path = local_path(settings.path, "IDX data")
    if not path.exists():
        raise BadInput(f"{path}: no such folder or file; give the folder with the IDX files")
    parts = _parts_of_folder(path, settings) if path.is_dir() else (_part_of_file(path, settings),)
    if not any(part.image_count for part in parts):
        raise BadInput(f"{path}: its IDX files hold no images; give those that do")
    return Idx(settings.resolved_name, parts, settings.class_names)


def _items(part: IdxPart, class_names: tuple[str, ...] | None) -> Iterator[SourceItem]:
    labels = labels_of(part.labels) if part.labels else None
    texts = _label_texts(part, labels, class_names)
    size_bytes = pnm_size_bytes(*part.image_shape)
    origin = f"idx:{quote(part.images.name)}"
    digits, version_tag = part.digits, part.images.state.tag
    for index in range(part.image_count):
        yield SourceItem(
            member=f"{part.prefix}/{index:0{digits}d}",
            size_bytes=size_bytes,
            version_tag=version_tag,
            label=None if labels is None else texts[labels[index]],
            split=part.split,
            origin=f"{origin}#{index}",
        )


def _numbers(part: IdxPart, members: Sequence[str]) -> list[int] | None:
    """Of images of a part, None where there is none of such a name. The members begin with the part's prefix."""
    texts = [member[len(part.prefix) + 1 :] for member in members]
    together = "".join(texts)
    if not (together.isdecimal() and together.isascii() and {len(text) for text in texts} == {part.digits}):
        return None
    numbers = [int(text) for text in texts]
    return numbers if max(numbers) < part.image_count else None


def _label_texts(part: IdxPart, labels: Any, class_names: tuple[str, ...] | None) -> Sequence[str]:
    """The text of every label that a byte can hold, as far as there are names."""
    if class_names is None:
        return [str(label) for label in range(256)]
    highest = int(labels.max()) if labels is not None and len(labels) else -1
    if part.labels and highest >= len(class_names):
        raise BadInput(
            f"{part.labels.state.path}: its labels go up to {highest}, but class_names has {len(class_names)} names, "
            "for labels from 0 on; name them all"
        )
    return class_names


def _parts_of_folder(folder: Path, settings: IdxSettings) -> tuple[IdxPart, ...]:
    if settings.images is not None:
        return (_part_of_file(_child(folder, settings.images), settings.model_copy(update={"images": None})),)
    if settings.labels_file is not None:
        raise BadInput(f"{folder}: labels_file says which labels, but not of which images; set images, too")
    files = [open_idx_file(path) for path in _idx_paths(folder)]
    images = _by_prefix([file for file in files if not file.holds_labels])
    labels = _by_prefix([file for file in files if file.holds_labels])
    if not images:
        raise BadInput(f"{folder}: no IDX file of images in it; give the folder that has train-images-idx3-ubyte.gz")
    for prefix in labels.keys() - images.keys():
        raise BadInput(
            f"{labels[prefix].state.path}: labels without images; put the file of images beside it, named alike, "
            "or set images and labels_file"
        )
    return tuple(_part(images[prefix], labels.get(prefix)) for prefix in images)


def _part_of_file(path: Path, settings: IdxSettings) -> IdxPart:
    if settings.images is not None:
        raise BadInput(f"{path}: a file, so that images, which names a file in a folder, must not be set")
    images = open_idx_file(path)
    if images.holds_labels:
        raise BadInput(f"{path}: labels, not images; give the folder, or the file of images")
    if settings.labels_file is not None:
        return _part(images, open_idx_file(_child(path.parent, settings.labels_file)))
    prefix = _prefix(path.name)
    beside = [open_idx_file(other) for other in _idx_paths(path.parent) if _prefix(other.name) == prefix]
    return _part(images, _by_prefix([file for file in beside if file.holds_labels]).get(prefix))


def _part(images: IdxFile, labels: IdxFile | None) -> IdxPart:
    if labels and not labels.holds_labels:
        raise BadInput(f"{labels.state.path}: images, not labels; give the file of labels")
    if labels and labels.shape[0] != images.shape[0]:
        raise BadInput(
            f"{images.state.path}: {images.shape[0]} images, but {labels.name} has {labels.shape[0]} labels; "
            "they do not belong together, fetch both again"
        )
    prefix = _prefix(images.name)
    return IdxPart(prefix, split_in(prefix), images, labels)


def _prefix(name: str) -> str:
    """What tells one pair from another: `train` for train-images-idx3-ubyte.gz and train-labels.idx1-ubyte."""
    return _ENDING.sub("", text_of(name), count=1) or "images"


def _by_prefix(files: list[IdxFile]) -> dict[str, IdxFile]:
    """One file per prefix; of a packed file and itself unpacked, the unpacked one. Raises BadInput for two others."""
    found: dict[str, IdxFile] = {}
    for file in sorted(files, key=lambda file: file.is_packed):
        first = found.setdefault(_prefix(file.name), file)
        if first is not file and not same_content(first, file):
            raise BadInput(
                f"{file.state.path}: named like {first.name}, but it holds something else; remove one of both"
            )
    return {prefix: found[prefix] for prefix in sorted(found)}


def _idx_paths(folder: Path) -> list[Path]:
    """The files of a folder that are, or by their name should be, IDX files. Raises BadInput."""
    try:
        visible = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".") and path.is_file()]
        return [path for path in visible if _IDX_NAME.search(path.name) or looks_like_idx(path)]
    except OSError as error:
        raise BadInput(
            f"{error.filename or folder}: cannot be read ({error.strerror}); make it readable, or move it away"
        ) from error


def _child(folder: Path, name: str) -> Path:
    if Path(name).name != name:
        raise BadInput(f"{name}: got a path; give the name of a file in {folder}")
    return folder / name
