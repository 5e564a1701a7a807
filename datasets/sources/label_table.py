"""Files, and a table that says what they show."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from pydantic import Field

from datasets.errors import BadInput
from datasets.sources.base import Source, SourceItem
from datasets.sources.files import Files, FilesSettings, check_not_empty
from datasets.sources.settings import absolute_path, is_url
from datasets.sources.tables.label_columns import AUTO, LabelColumns, Labels, NamesOfFiles, read_labels
from datasets.sources.tables.place import TablePlace, table_place
from datasets.sources.trees.file_tree import TreeFile
from datasets.sources.trees.opening import open_tree


class LabelTableSettings(FilesSettings):
    """Images in a folder, archive or remote folder, and a table of their labels."""

    kind: Literal["label_table"] = Field(description="images, and a table of their labels")
    table: str = Field(min_length=1, description="CSV, JSON Lines or Parquet: in the source, or beside this file")
    file_column: str = Field(AUTO, description="column of file names; auto = file, filename, path, image, name..")
    label_column: str | None = Field(AUTO, description="auto = label, class, category or target; null = no labels")
    group_column: str | None = Field(None, description="column of what must stay in one split, e.g. patient")
    split_column: str | None = Field(None, description="column that says train, validation (val, dev) or test")
    licence_column: str | None = Field(None, description="column of licences")
    caption_column: str | None = Field(None, description="column of captions")
    prefix: str = Field("", description="put before each file name of the table, e.g. images/")
    suffix: str = Field("", description="put behind each file name of the table, e.g. .jpg")

    @property
    def local_paths(self) -> tuple[Path, ...]:
        """The files and folders of this machine that it reads: the table too, unless it lies in the source."""
        paths = super().local_paths
        return (*paths, Path(self.table)) if Path(self.table).is_absolute() else paths

    def resolved(self, base: Path) -> Self:
        """With an absolute path of the table, unless it lies in the folder, or not on this machine.

        A folder is looked into before `base`. What archives and remote folders hold is not at hand here: of them, a
        table is meant that is not beside the settings.
        """
        settings = super().resolved(base)
        if is_url(self.table) or (not is_url(settings.path) and _holds(Path(settings.path), self.table)):
            return settings
        beside = absolute_path(base, self.table)
        return settings.model_copy(update={"table": str(beside)}) if beside.is_file() else settings


@dataclass(frozen=True, slots=True)
class LabelTable(Files):
    """Every file of a tree, with what the table says; then what the table names and the tree lacks."""

    place: TablePlace
    columns: LabelColumns
    names: NamesOfFiles

    def identity(self) -> str | None:
        """That of the tree and the table, and how it is read."""
        of_tree, of_table = self.tree.identity(), self.place.identity()
        return None if of_tree is None or of_table is None else repr((of_tree, of_table, self.columns, self.names))

    def items(self) -> Iterator[SourceItem]:
        """Raises BadInput for a table that cannot be read, or names no file of the tree at all."""
        labels = self._labels()
        named = labels.count
        if not named:
            raise BadInput(f"{self.place.text}: no row that names a file; give a table with a row per image")
        example = None
        for file in self.tree.files():
            item = self._known_item(file, labels)
            example = example or (file.member if item.problem == "not_in_table" else None)
            yield item
        if labels.count == named:
            raise BadInput(
                f"{self.place.text}: names no file that is there; it names {labels.first()}, "
                f"there is {example or 'nothing'}; set prefix and suffix so that they agree"
            )
        yield from labels.missing(self.place.name)

    def check(self) -> None:
        """Raises BadInput where there is no such table, or a column is missing."""
        self.columns.found_in(self.place.opened(self.tree))

    def _labels(self) -> Labels:
        return read_labels(self.place.opened(self.tree), self.columns, self.names)

    def _known_item(self, file: TreeFile, labels: Labels) -> SourceItem:
        if file.member == self.place.member:
            labels.take(file.member)
            return self.item_of(file, problem="label_table")
        known = labels.take(file.member)
        return self.item_of(file, **(known or {"problem": "not_in_table"}))


def open_label_table(settings: LabelTableSettings, cache: Path) -> Source:
    """Raises BadInput: no files, no table, none that can be read, or a column that is not there."""
    tree = open_tree(settings.path, cache, settings.storage_options)
    check_not_empty(tree, settings.place)
    columns = LabelColumns(
        settings.file_column,
        settings.label_column,
        settings.group_column,
        settings.split_column,
        settings.licence_column,
        settings.caption_column,
    )
    place = table_place(settings.table, settings.path, settings.storage_options or {}, tree)
    source = LabelTable(settings.resolved_name, tree, place, columns, NamesOfFiles(settings.prefix, settings.suffix))
    if tree.is_fetched:
        source.check()
    return source


def _holds(folder: Path, table: str) -> bool:
    path = Path(table)
    return not path.is_absolute() and ".." not in path.parts and (folder / path).is_file()
