"""All kinds of sources: the union of their settings, and from settings to sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter

from datasets.errors import BadInput
from datasets.sources.adapted import Adapted
from datasets.sources.auto import AutoSettings, open_auto
from datasets.sources.base import Source
from datasets.sources.cifar import CifarSettings, open_cifar
from datasets.sources.files import FolderSettings, open_folder
from datasets.sources.idx import IdxSettings, open_idx
from datasets.sources.image_table import ImageTableSettings, open_image_table
from datasets.sources.label_pattern import LabelPatternSettings, open_label_pattern
from datasets.sources.label_table import LabelTableSettings, open_label_table
from datasets.sources.public_dataset import PublicDatasetSettings, open_public_dataset
from datasets.sources.settings import CommonSourceSettings, NamesSources
from datasets.sources.tfds import TfdsSettings, open_tfds
from datasets.sources.url_list import UrlListSettings, open_url_list
from datasets.sources.webdataset import WebDatasetSettings, open_webdataset


@dataclass(frozen=True, slots=True)
class SourceKind:
    """One kind of source: its settings, how it is opened, and what it reads, in one line for people."""

    settings: type[CommonSourceSettings]
    open: Callable[[Any, Path], Source]
    reads: str


KINDS = {
    "auto": SourceKind(AutoSettings, open_auto, "what lies at a path: finds out which of the kinds below it is"),
    "folder_per_class": SourceKind(FolderSettings, open_folder, "one folder per class: cat/1.png has the label cat"),
    "flat_folder": SourceKind(FolderSettings, open_folder, "images without labels, at any depth"),
    "label_pattern": SourceKind(
        LabelPatternSettings, open_label_pattern, "nested folders: a pattern says where in a path label and split stand"
    ),
    "label_table": SourceKind(
        LabelTableSettings, open_label_table, "images and a CSV, JSON Lines or Parquet table of their labels"
    ),
    "idx": SourceKind(IdxSettings, open_idx, "the IDX files of MNIST, Fashion-MNIST, EMNIST, KMNIST"),
    "cifar": SourceKind(CifarSettings, open_cifar, "CIFAR-10 and CIFAR-100, python or binary version"),
    "image_table": SourceKind(
        ImageTableSettings, open_image_table, "Parquet or Arrow tables that hold the images themselves"
    ),
    "webdataset": SourceKind(WebDatasetSettings, open_webdataset, "WebDataset tar shards"),
    "tfds": SourceKind(TfdsSettings, open_tfds, "TFRecord shards in the TFDS layout, published versions of ours too"),
    "public_dataset": SourceKind(
        PublicDatasetSettings, open_public_dataset, "a named data set that keras.datasets or TFDS downloads"
    ),
    "url_list": SourceKind(UrlListSettings, open_url_list, "a list of web addresses, downloaded politely"),
}

AnyLeafSettings = Annotated[
    Annotated[AutoSettings, Tag("auto")]
    | Annotated[FolderSettings, Tag("folder")]
    | Annotated[LabelPatternSettings, Tag("label_pattern")]
    | Annotated[LabelTableSettings, Tag("label_table")]
    | Annotated[IdxSettings, Tag("idx")]
    | Annotated[CifarSettings, Tag("cifar")]
    | Annotated[ImageTableSettings, Tag("image_table")]
    | Annotated[WebDatasetSettings, Tag("webdataset")]
    | Annotated[TfdsSettings, Tag("tfds")]
    | Annotated[PublicDatasetSettings, Tag("public_dataset")]
    | Annotated[UrlListSettings, Tag("url_list")],
    Discriminator(lambda value: _tag(value)),  # noqa: PLW0108, it is defined below
]


class MixedSettings(BaseModel):
    """Several sources as one data set."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mixed"] = Field(description="several sources as one")
    sources: tuple[AnyLeafSettings, ...] = Field(min_length=1, description="the sources, each with a name of its own")

    @property
    def leaves(self) -> tuple[CommonSourceSettings, ...]:
        """The settings of the single sources."""
        return self.sources

    @property
    def local_paths(self) -> tuple[Path, ...]:
        """The files and folders of this machine that they read."""
        return tuple(path for leaf in self.sources for path in leaf.local_paths)

    @property
    def place(self) -> str:
        """Where the images are, as text for people."""
        return ", ".join(leaf.place for leaf in self.sources)

    def resolved(self, base: Path) -> Self:
        """The same with local paths made absolute against a folder."""
        return self.model_copy(update={"sources": tuple(leaf.resolved(base) for leaf in self.sources)})


SourceSettings = Annotated[
    Annotated[AnyLeafSettings, Tag("one")] | Annotated[MixedSettings, Tag("mixed")],
    Discriminator(lambda value: "mixed" if _tag(value) == "mixed" else "one"),
]
"""Settings of any source, told apart by `kind`."""

ALL_KINDS = (*KINDS, "mixed")
_ADAPTER: TypeAdapter[SourceSettings] = TypeAdapter(SourceSettings)


def source_settings(**values: Any) -> SourceSettings:
    """Settings of the kind that `kind` names, auto without it. Raises ValidationError."""
    return _ADAPTER.validate_python(values)


def settings_to_json(settings: SourceSettings) -> str:
    """What `settings_from_json` reads."""
    return settings.model_dump_json(indent=1)


def settings_from_json(text: str) -> SourceSettings:
    """Settings of any kind, from text that we wrote."""
    return _ADAPTER.validate_json(text)


def open_sources(settings: NamesSources, cache: Path) -> dict[str, Source]:
    """The sources that settings describe, by name; below `cache` each keeps what it fetches.

    Raises BadInput where one cannot work, or two have the same name.
    """
    sources: dict[str, Source] = {}
    for leaf in settings.leaves:
        name = leaf.resolved_name
        if name in sources:
            raise BadInput(f"two sources are named {name}; give each a name of its own (source.sources, name)")
        sources[name] = open_source(leaf, cache / name)
    return sources


def open_source(settings: CommonSourceSettings, cache: Path) -> Source:
    """One source. Raises BadInput where it cannot work."""
    source = KINDS[_kind_of(settings)].open(settings, cache)
    return Adapted(source.name, source, settings.labels or {}, settings.licence, settings.split_words or {})


def model_of_kind(kind: str) -> type[BaseModel] | None:
    """The settings model of a kind, None for an unknown one."""
    if kind == "mixed":
        return MixedSettings
    return KINDS[kind].settings if kind in KINDS else None


def places_of(settings: NamesSources) -> dict[str, str]:
    """Where each source is, by its name."""
    return {leaf.resolved_name: leaf.place for leaf in settings.leaves}


def _kind_of(settings: CommonSourceSettings) -> str:
    return str(getattr(settings, "kind"))  # noqa: B009, every kind has it, the common part has not


def _tag(value: Any) -> str:
    """Which member of the union a value belongs to: by `kind`, auto where there is none."""
    kind = value.get("kind", "auto") if isinstance(value, Mapping) else getattr(value, "kind", "auto")
    return "folder" if kind in ("folder_per_class", "flat_folder") else str(kind)
