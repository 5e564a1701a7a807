"""A verified copy, in the workspace, of what is published at a URL, so that stages read a folder everywhere.

`workspace/<dataset>/mirror/<digest of the URL>/<name>/<x.y.z>/`. It holds the latest versions whole, of older ones at
most index and manifest, and is thrown away where it no longer fits: everything in it can be fetched again.
"""

import hashlib
import json
import shutil
import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.atomic_file import write_text_atomically
from datasets.errors import FormatError
from datasets.manifest import MANIFEST_FILE
from datasets.tfds_layout import DATASET_INFO_FILE, INDEX_FILE, LATEST_FILE, is_version, read_index
from tasks.digests import canonical_json, file_sha256
from tasks.progress import Progress, silent
from tasks.publishing.remote_target import RemoteTarget
from tasks.publishing.target import Entry, files_of, is_remote, latest_at, versions_at

MIRRORS = "mirror"
TAGS_FILE = "tags.json"
PUBLISHER_FILE = "publisher"
LISTED_FILES = (INDEX_FILE, MANIFEST_FILE, DATASET_INFO_FILE)


def mirror_folder(shared: Path, url: str | Path) -> Path:
    """Where the mirror of a URL is kept in a data set's workspace."""
    return shared / MIRRORS / hashlib.sha256(str(url).encode()).hexdigest()[:16]


def readable_folder(shared: Path, place: str | Path) -> Path:
    """The folder in which stages read what is published at a folder or URL."""
    return mirror_folder(shared, place) if is_remote(place) else Path(place)


def sweep_mirrors(shared: Path, keep: Path | None) -> None:
    """Remove the mirrors of other places."""
    for folder in (shared / MIRRORS).glob("*"):
        if folder != keep:
            shutil.rmtree(folder, ignore_errors=True)


def publisher_id(shared: Path) -> str:
    """A number of the workspace's own, by which its killed runs are told from those of others."""
    path = shared / PUBLISHER_FILE
    if not path.exists():
        write_text_atomically(path, f"{uuid.uuid4().hex}\n")
    return path.read_text(encoding="ascii").strip()


@dataclass(frozen=True, slots=True)
class Mirror:
    """The copy of a target in a folder. Whoever uses it holds the workspace's lock.

    `as_it_is`: also what is not as the index of its version says, for those who look for damage.
    """

    target: RemoteTarget
    folder: Path
    as_it_is: bool = False

    def refresh(self, names: Sequence[str], with_history: bool, progress: Progress = silent) -> None:
        """Make the folder hold what is published now. Raises PlaceFailed.

        `with_history` adds index and manifest of older versions. A file whose bytes are not those that its version's
        index names is left out, so that the version is seen to be damaged here too.
        """
        for name in names:
            complete, latest = versions_at(self.target, name), latest_at(self.target, name)
            whole = [version for version in complete if version == latest]
            listed = [version for version in complete if with_history and version != latest]
            self._sweep(name, {*whole, *listed})
            for version in listed:
                self.fetch(f"{name}/{version}", LISTED_FILES)
            for version in whole:
                self.fetch(f"{name}/{version}", progress=progress)
            if latest is None:
                (self.folder / name / LATEST_FILE).unlink(missing_ok=True)
            else:
                (self.folder / name).mkdir(parents=True, exist_ok=True)
                write_text_atomically(self.folder / name / LATEST_FILE, f"{latest}\n")

    def fetch(self, path: str, only: Collection[str] | None = None, progress: Progress = silent) -> None:
        """Make the folder hold a version, or some files of it: what is here and unchanged is not fetched again."""
        entries = files_of(self.target, path)
        folder = self.folder / path
        folder.mkdir(parents=True, exist_ok=True)
        here = {inner.relative_to(folder).as_posix() for inner in folder.rglob("*") if not inner.is_dir()}
        for stranger in here - entries.keys():
            (folder / stranger).unlink()
        names = sorted(
            (name for name in entries if only is None or name in only),
            key=lambda name: (name != INDEX_FILE, name == DATASET_INFO_FILE, name),
        )
        known, wanted = self._tags().get(path, {}), dict[str, str]()
        for done, name in enumerate(names, start=1):
            if known.get(name) != _tag(entries[name]) or not (folder / name).is_file():
                self._fetch_file(f"{path}/{name}", entries[name], wanted.get(name))
            if name == INDEX_FILE:
                wanted = dict(_digests(folder))
            progress(done, len(names))
        self._note(path, {name: _tag(entries[name]) for name in names})

    def note(self, path: str) -> None:
        """Remember that a version here is what was just published there."""
        entries = files_of(self.target, path)
        self._note(path, {name: _tag(entry) for name, entry in entries.items()})

    def _fetch_file(self, path: str, entry: Entry, wanted: str | None) -> None:
        here = self.folder / path
        here.parent.mkdir(parents=True, exist_ok=True)
        if wanted and here.is_file() and here.stat().st_size == entry.size_bytes and file_sha256(here) == wanted:
            return
        if self.target.fetch(path, here) != wanted and wanted and not self.as_it_is:
            here.unlink()

    def _sweep(self, name: str, keep: Collection[str]) -> None:
        for folder in (self.folder / name).glob("*.*.*"):
            if is_version(folder.name) and folder.name not in keep:
                shutil.rmtree(folder)
                self._note(f"{name}/{folder.name}", {})

    def _tags(self) -> dict[str, dict[str, str]]:
        try:
            tags: dict[str, dict[str, str]] = json.loads((self.folder / TAGS_FILE).read_text(encoding="utf-8"))
            return tags
        except (OSError, ValueError):
            return {}

    def _note(self, path: str, tags: dict[str, str]) -> None:
        others = {name: known for name, known in self._tags().items() if name != path}
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(
            self.folder / TAGS_FILE, canonical_json(others | ({path: tags} if tags else {}), indent=1)
        )


def _tag(entry: Entry) -> str:
    return f"{entry.size_bytes} {entry.tag}"


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    """What the index says of the other files; nothing where it cannot be read, which its readers will say."""
    try:
        index = read_index(folder)
    except FormatError:
        return
    yield from ((entry.file, entry.sha256) for entries in index.splits.values() for entry in entries)
    yield from index.files.items()
