"""Versions on this machine: where they are, or for as long as they are looked at."""

import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.tfds_layout import INDEX_FILE
from tasks.progress import Progress, silent
from tasks.publishing.local_target import LocalTarget
from tasks.publishing.mirror import Mirror
from tasks.publishing.places import DataSetPlace
from tasks.publishing.remote_target import RemoteTarget


@contextmanager
def version_folder(
    place: DataSetPlace, version: str, only: Collection[str] | None = None, progress: Progress = silent
) -> Iterator[Path]:
    """The folder of a version; of one at a URL a temporary copy, of some files or all. Raises PlaceFailed."""
    path = f"{place.name}/{version}"
    if isinstance(place.target, LocalTarget):
        yield place.target.folder / path
        return
    assert isinstance(place.target, RemoteTarget)
    with tempfile.TemporaryDirectory(prefix="augment-dataset-fetch-") as scratch:
        files = None if only is None else {INDEX_FILE, *only}
        Mirror(place.target, Path(scratch), as_it_is=True).fetch(path, files, progress)
        yield Path(scratch) / path
