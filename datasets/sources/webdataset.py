"""WebDataset shards: tar archives in which consecutive files of the same key are one sample."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby, islice
from pathlib import Path
from typing import Literal

from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.settings import CommonSourceSettings, Location, local_path
from datasets.sources.shards.side_files import SideFacts, read_side_files
from datasets.sources.shards.tar_shards import TarShard, find_shards
from datasets.sources.split_names import split_in
from datasets.sources.trees.file_tree import TreeFile
from datasets.sources.trees.tar_archive import is_tar

IMAGE_EXTENSIONS = ("jpg", "jpeg", "png", "webp", "bmp", "gif", "tif", "tiff", "ppm", "pgm", "pbm", "jp2", "avif")
MAX_SAMPLE_FILES = 1000
"""A longer run of files of one key is no sample; it is cut, so that a hostile archive cannot fill the memory."""
_LISTED_BY = {"image_extensions", "label_field", "group_field", "licence_field", "split_field", "class_names"}
_LISTED_BY |= {"split_from_name"}


class WebDatasetSettings(CommonSourceSettings):
    """Tar shards."""

    kind: Literal["webdataset"] = Field(description="WebDataset tar shards")
    path: Location = Field(description="a tar, a folder of tars, a glob train-*.tar or a range train-{000..009}.tar")
    image_extensions: tuple[str, ...] = Field(
        IMAGE_EXTENSIONS, min_length=1, description="endings of images in a sample; each image becomes one item"
    )
    label_field: str = Field(
        "label", description="field of a sample's .json that holds the label, where it has no .cls"
    )
    group_field: str | None = Field(None, description="field of a sample's .json that holds the group, if any")
    licence_field: str | None = Field(None, description="field of a sample's .json that holds the licence, if any")
    class_names: tuple[str, ...] | None = Field(None, description="names of integer classes, in order from 0")
    split_field: str | None = Field(None, description="field of a sample's .json that says its split, if any")
    split_from_name: bool = Field(True, description="take train, validation or test from a shard's name")


@dataclass(frozen=True, slots=True)
class WebDataset(Source):
    """Images of all samples. A member is `<shard>/<key>.<extension>`."""

    name: str
    shards: tuple[TarShard, ...]
    settings: WebDatasetSettings

    @property
    def is_fetched(self) -> bool:
        """Whether all compressed shards were decompressed."""
        return all(shard.archive.is_fetched for shard in self.shards)

    def fetch(self, progress: FetchProgress) -> None:
        """Decompress what cannot be read in place; counts shards."""
        for done, shard in enumerate(self.shards):
            progress(done, len(self.shards))
            if not shard.archive.is_fetched:
                shard.archive.fetch(partial(_still_at, progress, done, len(self.shards)))
        progress(len(self.shards), len(self.shards))

    def identity(self) -> str | None:
        """Made from size and time of all shards and the settings that labels depend on."""
        shards = [(shard.name, shard.archive.identity()) for shard in self.shards]
        return json.dumps(["webdataset", shards, self.settings.model_dump(include=_LISTED_BY)])

    def items(self) -> Iterator[SourceItem]:
        """Every image of every sample, and one item for a sample without images. Raises BadInput: no tar archive."""
        for shard in self.shards:
            split = split_in(shard.name) if self.settings.split_from_name else None
            for sample in samples_of(shard.archive.files()):
                yield from self._items_of(shard, sample, split)

    def read(self, member: str) -> bytes:
        """The image's bytes as they are in the archive. Raises OSError."""
        name, _, inner = member.partition("/")
        shard = next((shard for shard in self.shards if shard.name == name), None)
        if shard is None:
            raise OSError(f"there is no shard {name!r}; list the source again")
        return shard.archive.read(inner)

    def _items_of(self, shard: TarShard, sample: list[TreeFile], split: str | None) -> Iterator[SourceItem]:
        endings = tuple("." + extension.lower().lstrip(".") for extension in self.settings.image_extensions)
        images: list[TreeFile] = []
        others: list[TreeFile] = []
        for file in sample:
            extension = "." + key_and_extension(file.member)[1]
            (images if extension.endswith(endings) else others).append(file)
        facts = read_side_files(shard.archive, others, self.settings) if images else SideFacts()
        for file, problem, detail in _problems(images, others, facts.fault):
            yield SourceItem(
                member=f"{shard.name}/{file.member}",
                size_bytes=file.size_bytes,
                version_tag=file.version_tag,
                origin=shard.archive.origin(file.member),
                split=facts.split or split,
                label=facts.label,
                group=facts.group,
                licence=facts.licence,
                caption=facts.caption,
                problem=problem,
                detail=detail,
            )


def open_webdataset(settings: WebDatasetSettings, cache: Path) -> Source:
    """Raises BadInput: no shard there, or the first is no tar archive."""
    local_path(settings.path, "a WebDataset")
    shards = find_shards(settings.path, cache)
    if not is_tar(shards[0].archive.path):
        raise BadInput(f"{shards[0].archive.path}: no tar archive; give the tar shards of a WebDataset")
    return WebDataset(settings.resolved_name, shards, settings)


def key_and_extension(member: str) -> tuple[str, str]:
    """`a/b.left.PNG` -> (`a/b`, `left.png`): the key ends at the first dot of the last part."""
    folder, slash, base = member.rpartition("/")
    key, _, extension = base.partition(".")
    return f"{folder}{slash}{key}", extension.lower()


def samples_of(files: Iterator[TreeFile]) -> Iterator[list[TreeFile]]:
    """Consecutive files of the same key."""
    for _, run in groupby(files, key=lambda file: key_and_extension(file.member)[0]):
        while sample := list(islice(run, MAX_SAMPLE_FILES)):
            yield sample


def _problems(
    images: list[TreeFile], others: list[TreeFile], fault: str | None
) -> Iterator[tuple[TreeFile, str | None, str | None]]:
    """What becomes an item, with problem and detail: images, damaged files, and once a sample without images."""
    for file in images:
        yield (file, file.problem, file.detail) if file.problem or not fault else (file, "bad_side_file", fault)
    yield from ((file, file.problem, file.detail) for file in others if file.problem)
    if not images:
        yield from ((file, "no_image", None) for file in [file for file in others if not file.problem][:1])


def _still_at(progress: FetchProgress, done: int, total: int, *_: int) -> None:
    """Progress within one shard counts as none, but says that something goes on."""
    progress(done, total)
