"""Nested folders: labels, splits and groups are read from the path of each file."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from datasets.errors import BadInput
from datasets.sources.base import Source, SourceItem
from datasets.sources.files import Files, FilesSettings, check_not_empty
from datasets.sources.path_pattern import fields_of, path_pattern
from datasets.sources.trees.file_tree import TreeFile
from datasets.sources.trees.opening import open_tree


class LabelPatternSettings(FilesSettings):
    """Files whose paths say what they show."""

    kind: Literal["label_pattern"] = Field(description="labels are read from the paths of files by a pattern")
    pattern: str = Field(description="e.g. {split}/{label}/{group}/*.png; * = any text in a part, ** = any folders")

    @field_validator("pattern")
    @classmethod
    def _be_a_pattern(cls, pattern: str) -> str:
        path_pattern(pattern)
        return pattern


@dataclass(frozen=True, slots=True)
class LabelPattern(Files):
    """Every file of a tree; label, split and group stand in its path."""

    pattern: str

    def items(self) -> Iterator[SourceItem]:
        """Every file. Raises BadInput, at the end, where the pattern fits none of them."""
        fits, misfit = False, None
        for file in self.tree.files():
            item = self.item_of(file)
            if item.problem == "pattern_mismatch":
                misfit = misfit or item.member
            else:
                fits = fits or item.problem is None
            yield item
        if misfit is not None and not fits:
            raise BadInput(f"pattern {self.pattern!r} fits no file; there is {misfit}; change one or the other")

    def identity(self) -> str | None:
        """That of the tree, and the pattern."""
        of_tree = self.tree.identity()
        return None if of_tree is None else repr((of_tree, self.pattern))

    def item_of(self, file: TreeFile, **known: Any) -> SourceItem:
        """With what its path says."""
        found = fields_of(self.pattern, file.member)
        if found is None:
            detail = f"the pattern is {self.pattern}"
            return Files.item_of(self, file, problem="pattern_mismatch", detail=detail, **known)
        return Files.item_of(self, file, **(found | known))


def open_label_pattern(settings: LabelPatternSettings, cache: Path) -> Source:
    """Raises BadInput where there is nothing, or no file in it."""
    tree = open_tree(settings.path, cache, settings.storage_options)
    check_not_empty(tree, settings.place)
    return LabelPattern(settings.resolved_name, tree, settings.pattern)
