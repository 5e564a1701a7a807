"""Files for workers that see none of this machine's folders: they go and come through object storage.

A folder of the worker's stands for ours. It gets what its partition reads, works there, and leaves what it wrote at the
exchange; this process brings that home, compares digests, and removes it.
"""

import hashlib
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, PlaceFailed
from tasks.parallel.files import Files
from tasks.publishing.remote_target import RemoteTarget
from tasks.publishing.target import files_of

SCRATCH_PREFIX = "augment-dataset-exchange-"
GREETING = "greeting"
NAME_FILE = "exchange_name"


@dataclass(frozen=True, slots=True)
class Away:
    """What work gave, and the files that it left at the exchange: sha256 by path, in the order of their writing."""

    outcome: Any
    written: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A place below a URL that this process and its workers share. Used like `SharedFolders`."""

    target: RemoteTarget
    prefix: str
    files: Files
    sent: set[str] = field(default_factory=set)

    def there(self, work: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Away]:
        """The work in a folder of the worker's."""
        return partial(at_worker, work, self.target, self.prefix, self.files)

    def lend(self, partition: Sequence[Any]) -> None:
        """Send what a partition reads, each file once."""
        for path in self.files.reads(partition):
            if path not in self.sent:
                self.target.send(self.files.folder / path, f"{self.prefix}/{path}")
                self.sent.add(path)

    def bring_home(self, away: Any) -> Any:
        """What the work gave, with its files where the work would have written them here. Raises PlaceFailed."""
        if not isinstance(away, Away):  # the work's process died
            return away
        for path, sha256 in away.written.items():
            there, here = f"{self.prefix}/{path}", self.files.folder / path
            here.parent.mkdir(parents=True, exist_ok=True)
            if self.target.fetch(there, here) != sha256:
                here.unlink()
                raise PlaceFailed(f"{self.target.shown}/{there} is not what a worker left there; run the command again")
            self.target.remove(there)
        return away.outcome

    def clear(self) -> None:
        """Remove all that lies there, also of a run that was killed."""
        for path in files_of(self.target, self.prefix):
            self.target.remove(f"{self.prefix}/{path}")


@contextmanager
def opened_exchange(url: str, files: Files) -> Iterator[Exchange]:
    """The exchange of a folder of this machine. Raises BadInput where the URL cannot be opened.

    One run at a time works in a folder, so that what lies there at first was left by a dead one.
    """
    exchange = Exchange(RemoteTarget.opened(url, {}), _name_of(files.folder), files)
    exchange.clear()
    try:
        yield exchange
    finally:
        with suppress(PlaceFailed):  # the next run of this folder clears it, too
            exchange.clear()


def _name_of(folder: Path) -> str:
    """What a folder is called at exchanges: kept in it, so it holds on other machines, and no two mix up theirs."""
    path = folder / NAME_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, f"{uuid4().hex}\n")
    return path.read_text(encoding="utf-8").strip()


def check_exchange(client: Any, url: str, address: str) -> None:
    """Raises BadInput where this process or a worker cannot write to and read from the URL."""
    with tempfile.TemporaryDirectory() as folder, opened_exchange(url, Files(Path(folder))) as exchange:
        path = f"{exchange.prefix}/{GREETING}"
        exchange.target.write(path, GREETING.encode())
        answers: Mapping[str, str | Exception | None] = client.run(_problem, exchange.target, path, on_error="return")
    for worker, answer in sorted(answers.items()):
        if answer is not None:
            raise BadInput(
                f"worker {worker} of the Dask cluster at {address} cannot use compute.exchange: {answer}; give workers "
                "the address and credentials of the object store, as environment variables, too"
            )


def at_worker(
    work: Callable[[Sequence[Any]], Any], target: RemoteTarget, prefix: str, files: Files, partition: Sequence[Any]
) -> Away:
    """`work(partition)` in a folder of this process's own, which stands for that of the process that asks."""
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, dir=_own_folder()) as name:
        scratch = Path(name)
        read = set(files.reads(partition))
        for path in sorted(read):
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            target.fetch(f"{prefix}/{path}", scratch / path)
        outcome = moved(work, files.folder, scratch)(partition)
        written = {path: _sent(target, prefix, scratch, path) for path in _files_in(scratch) if path not in read}
    return Away(outcome, written)


def moved(work: Any, folder: Path, scratch: Path) -> Any:
    """The same work with folders below `folder` in the place of which those below `scratch` are, and made."""
    if not isinstance(work, partial):
        return work
    place = partial(_moved_path, folder, scratch)
    keywords = {name: place(value) for name, value in work.keywords.items()}
    return partial(moved(work.func, folder, scratch), *map(place, work.args), **keywords)


def _moved_path(folder: Path, scratch: Path, value: Any) -> Any:
    if not isinstance(value, Path) or not value.is_relative_to(folder):
        return value
    path = scratch / value.relative_to(folder)
    path.mkdir(parents=True, exist_ok=True)
    return path


def _own_folder() -> str | None:
    """Where Dask's worker keeps its files, and where they are removed after it was killed."""
    from distributed import get_worker

    return get_worker().local_directory or None


def _files_in(scratch: Path) -> list[str]:
    """Relative paths, in the order of writing: what tells that another file is complete comes after it."""
    found = [path for path in scratch.rglob("*") if path.is_file()]
    found.sort(key=lambda path: (path.stat().st_mtime_ns, path))
    return [PurePosixPath(path.relative_to(scratch)).as_posix() for path in found]


def _sent(target: RemoteTarget, prefix: str, scratch: Path, path: str) -> str:
    with (scratch / path).open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    target.send(scratch / path, f"{prefix}/{path}")
    return sha256


def _problem(target: RemoteTarget, path: str) -> str | None:
    """What keeps this process from reading a file that was left there, and from leaving one."""
    try:
        if target.read(path) is None:
            return f"{target.shown}/{path} is not there for it"
        target.write(f"{path}-{socket.gethostname()}", GREETING.encode())
    except PlaceFailed as error:
        return str(error)
    return None
