"""Sources in a local folder: with one subfolder per class, or flat and without labels."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from datasets.errors import BadInput
from datasets.sources.base import SourceItem
from datasets.sources.listing import ListedFile, list_files


@dataclass(frozen=True, slots=True)
class FlatFolder:
    """Every file below the folder, at any depth, without a label."""

    name: str
    root: Path
    licence: str | None = None

    def items(self) -> Iterator[SourceItem]:
        """Every file but hidden ones, sorted; what cannot be read has a `problem`."""
        return (self._item(file) for file in list_files(self.root) if not file.hidden)

    def read(self, member: str) -> bytes:
        """The file's bytes. Raises BadInput for a path that leads out of the folder, OSError as `open` does."""
        path = PurePosixPath(member)
        if path.is_absolute() or ".." in path.parts:
            raise BadInput(f"got member {member!r}; members are paths below {self.root}, as `items` gives them")
        return (self.root / path).read_bytes()

    def hidden_files(self) -> int:
        """How many dot-files and dot-folders `items` leaves out; lists the folder once."""
        return sum(file.hidden for file in list_files(self.root))

    def label_of(self, member: str) -> str | None:
        """A flat folder has no labels."""
        return None

    def _item(self, file: ListedFile) -> SourceItem:
        return SourceItem(
            member=file.member,
            size_bytes=file.size_bytes,
            mtime_ns=file.mtime_ns,
            label=self.label_of(file.member),
            licence=self.licence,
            problem=file.problem,
        )


@dataclass(frozen=True, slots=True)
class FolderPerClass(FlatFolder):
    """Every file below the folder; the label is the name of the first subfolder on the way to it.

    A file directly in the folder has no label.
    """

    def label_of(self, member: str) -> str | None:
        """E.g. `cat` for `cat/indoors/1.png`."""
        label, slash, _ = member.partition("/")
        return label if slash else None
