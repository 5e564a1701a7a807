"""A staged version, sent to a URL: what is there and intact is not sent again, and everything is read back."""

from collections.abc import Iterator
from dataclasses import dataclass

from datasets.errors import PlaceFailed
from datasets.tfds_layout import INDEX_FILE
from tasks.digests import file_sha256
from tasks.progress import Progress
from tasks.published_versions import Published
from tasks.publishing.remote_target import RemoteTarget
from tasks.publishing.target import files_of


@dataclass(frozen=True, slots=True)
class Sent:
    """How many files were sent, and how many were there already."""

    files: int
    bytes: int
    there: int


def upload(published: Published, target: RemoteTarget, progress: Progress) -> Sent:
    """Send all files of a staged version, and remove what others of another content left there.

    Raises PlaceFailed for a file that does not arrive, or arrives changed.
    """
    path = f"{published.index.name}/{published.version}"
    wanted = dict(_digests(published))
    there = files_of(target, path)
    for name in there.keys() - wanted.keys():
        target.remove(f"{path}/{name}")
    sent = sent_bytes = 0
    for done, (name, digest) in enumerate(wanted.items(), start=1):
        size_bytes = (published.path / name).stat().st_size
        same_size = name in there and there[name].size_bytes == size_bytes
        if not (same_size and target.sha256(f"{path}/{name}") == digest):
            target.send(published.path / name, f"{path}/{name}")
            sent, sent_bytes = sent + 1, sent_bytes + size_bytes
            if target.sha256(f"{path}/{name}") != digest:
                raise PlaceFailed(f"{target.shown}/{path}/{name} is not what was sent; run again, and it is sent again")
        progress(done, len(wanted))
    return Sent(sent, sent_bytes, len(wanted) - sent)


def _digests(published: Published) -> Iterator[tuple[str, str]]:
    """All files but dataset_info.json; index.json last."""
    yield from sorted((entry.file, entry.sha256) for entries in published.index.splits.values() for entry in entries)
    yield from sorted(published.index.files.items())
    yield INDEX_FILE, file_sha256(published.path / INDEX_FILE)
