"""Sources that are files in a folder, an archive or a remote folder, and differ in where labels come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from datasets.errors import BadInput
from datasets.sources.base import FetchProgress, Source, SourceItem
from datasets.sources.settings import CommonSourceSettings, Location
from datasets.sources.storage_options import without_secrets
from datasets.sources.trees.file_tree import FileTree, TreeFile
from datasets.sources.trees.opening import open_tree


class FilesSettings(CommonSourceSettings):
    """What all of them need."""

    path: Location = Field(description="folder, zip or tar archive, or URL of a remote folder (s3://, gs://)")
    storage_options: Mapping[str, Any] | None = Field(
        None, description="how fsspec opens a URL, e.g. {endpoint_url: ...}; credentials come from the environment"
    )

    @field_validator("storage_options")
    @classmethod
    def _hold_no_secret(cls, options: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        return without_secrets(options)


class FolderSettings(FilesSettings):
    """A folder per class, or one folder without labels."""

    kind: Literal["folder_per_class", "flat_folder"] = Field(description="where labels come from")


@dataclass(frozen=True, slots=True)
class Files(Source):
    """Every file of a tree; subclasses say what is known of each."""

    name: str
    tree: FileTree

    @property
    def is_fetched(self) -> bool:
        """Whether the tree can be read as it is."""
        return self.tree.is_fetched

    def fetch(self, progress: FetchProgress) -> None:
        """Unpack what has to be unpacked."""
        self.tree.fetch(progress)

    def identity(self) -> str | None:
        """That of the tree."""
        return self.tree.identity()

    def items(self) -> Iterator[SourceItem]:
        """Every file, hidden ones too; what cannot be read has a `problem`."""
        return (self.item_of(file) for file in self.tree.files())

    def read(self, member: str) -> bytes:
        """The file's bytes. Raises OSError."""
        return self.tree.read(member)

    def item_of(self, file: TreeFile, **known: Any) -> SourceItem:
        """The item of a file; `known` are further fields of it. A problem of the file itself comes first."""
        if file.problem:
            known |= {"problem": file.problem, "detail": file.detail}
        return SourceItem(
            member=file.member,
            size_bytes=file.size_bytes,
            version_tag=file.version_tag,
            origin=self.tree.origin(file.member),
            **known,
        )


@dataclass(frozen=True, slots=True)
class FlatFolder(Files):
    """Every file, at any depth, without a label."""


@dataclass(frozen=True, slots=True)
class FolderPerClass(Files):
    """Every file; the label is the name of the first folder on the way to it. A file beside the folders has none."""

    def item_of(self, file: TreeFile, **known: Any) -> SourceItem:
        """With the label, e.g. `cat` for `cat/indoors/1.png`."""
        label, slash, _ = file.member.partition("/")
        return Files.item_of(self, file, label=label if slash else None, **known)


def open_folder(settings: FolderSettings, cache: Path) -> Source:
    """Raises BadInput where there is nothing, or no file in it."""
    tree = open_tree(settings.path, cache, settings.storage_options)
    check_not_empty(tree, settings.place)
    made = {"folder_per_class": FolderPerClass, "flat_folder": FlatFolder}[settings.kind]
    return made(settings.resolved_name, tree)


def check_not_empty(tree: FileTree, place: str) -> None:
    """Raises BadInput for a tree without visible files; one that is still to be fetched is not looked into."""
    if tree.is_fetched and next((file for file in tree.files() if file.problem != "hidden_file"), None) is None:
        raise BadInput(f"{place}: no files in it (hidden ones do not count); give what holds images")
