"""A well-known data set by its name, fetched once through the library that knows where it lies."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from datasets.errors import BadInput
from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.public.names import KERAS_DATASETS, KERAS_SPLITS
from datasets.sources.public.store import ImageStore
from datasets.sources.settings import CommonSourceSettings, slug
from datasets.sources.split_names import split_of


class PublicDatasetSettings(CommonSourceSettings):
    """A named data set."""

    path_fields: ClassVar[tuple[str, ...]] = ()

    kind: Literal["public_dataset"] = Field(description="a named data set that a library downloads")
    library: Literal["keras", "tfds"] = Field(description="keras or tfds (needs `pip install tensorflow-datasets`)")
    dataset: str = Field(
        description="name there, e.g. fashion_mnist, cifar10; for tfds also name/config:1.0.0",
        pattern=r"^[A-Za-z]\w*(/[\w.-]+)?(:[0-9]+\.[0-9]+\.[0-9]+)?$",
    )
    splits: tuple[str, ...] | None = Field(None, min_length=1, description="splits to read; null = all there are")
    image_feature: str | None = Field(None, description="tfds: name of the image feature; null = the only one")
    label_feature: str | None = Field(None, description="tfds: name of the label feature; null = the only one")

    @model_validator(mode="after")
    def _exists_in_keras(self) -> Self:
        if self.library != "keras":
            return self
        if self.dataset not in KERAS_DATASETS:
            raise ValueError(
                f"got dataset {self.dataset!r}; image data sets of keras are {', '.join(KERAS_DATASETS)}; "
                "library: tfds knows more"
            )
        for split in self.splits or ():
            if split not in KERAS_SPLITS:
                raise ValueError(f"got split {split!r}; data sets of keras have {' and '.join(KERAS_SPLITS)}")
        if self.image_feature or self.label_feature:
            raise ValueError("image_feature and label_feature are for library: tfds; leave them out")
        return self

    @property
    def place(self) -> str:
        """E.g. `keras:cifar10`."""
        return f"{self.library}:{self.dataset}"

    @property
    def resolved_name(self) -> str:
        """The name, or what `slug` makes of the data set's."""
        return self.name or slug(self.dataset)


@dataclass(frozen=True, slots=True)
class PublicDataset(Source):
    """Images in a store of our own. Members are `<split>/<number>`."""

    name: str
    settings: PublicDatasetSettings
    store: ImageStore

    @property
    def is_fetched(self) -> bool:
        """Whether the store is there and whole; then neither library nor network is needed."""
        return self.store.is_whole()

    def fetch(self, progress: FetchProgress) -> None:
        """Let the library download it, and keep the images. Raises BadInput where that fails."""
        from datasets.sources.public.fetch import fetch_in_child

        if not self.is_fetched:
            wanted = self.settings.model_dump(include={"library", "dataset", "image_feature", "label_feature"})
            fetch_in_child(wanted, self.store.folder, progress)

    def identity(self) -> str | None:
        """From the settings: what was fetched once stays as it is."""
        return json.dumps(["public_dataset", self.store.folder.name, self.settings.splits])

    def items(self) -> Iterator[SourceItem]:
        """Every image, split by split. Raises BadInput for a split that is not there."""
        there = self.store.splits()
        for split in self.settings.splits or ():
            if split not in there:
                raise BadInput(f"{self.settings.place}: got split {split!r}; this data set has {', '.join(there)}")
        for row in self.store.rows():
            if self.settings.splits is None or row.split in self.settings.splits:
                yield SourceItem(
                    member=row.member,
                    size_bytes=row.size_bytes,
                    version_tag=self.store.version_tag(),
                    label=row.label,
                    licence=row.licence,
                    split=split_of(row.split),
                    origin=f"{self.settings.place}#{row.member}",
                    problem=row.problem,
                    detail=row.detail,
                )

    def read(self, member: str) -> bytes:
        """The image as the library has it; raw pixels as PNM. Raises OSError."""
        return self.store.read(member)


def open_public_dataset(settings: PublicDatasetSettings, cache: Path) -> Source:
    """Never raises: whether the library is there and knows the data set, `fetch` finds out."""
    chosen = json.dumps([settings.library, settings.dataset, settings.image_feature, settings.label_feature])
    folder = f"{slug(settings.place)}_{hashlib.sha256(chosen.encode()).hexdigest()[:8]}"
    return PublicDataset(settings.resolved_name, settings, ImageStore(cache / folder))
