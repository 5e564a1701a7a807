"""Temporary folders that go with the process that made them; what a killed process left goes with the next one's."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from datasets.errors import BadInput

PREFIX = "augment-dataset-scratch-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """An empty folder in the temporary folder (`TMPDIR`), locked by this process, and removed at the end.

    Raises BadInput where none can be made.
    """
    try:
        _sweep(Path(tempfile.gettempdir()))
        folder, lock = _made()
    except OSError as error:
        raise BadInput(f"no temporary folder can be made ({error}); set TMPDIR to a folder with room") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _made() -> tuple[Path, int]:
    while True:
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        lock = _locked(folder)
        if lock is not None:
            if folder.exists():
                return folder, lock
            os.close(lock)  # another process swept it away before it was locked


def _sweep(base: Path) -> None:
    """Remove the folders that no process holds, as far as they are this user's."""
    for folder in base.glob(f"{PREFIX}*"):
        lock = _locked(folder)
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """A handle that holds the folder until it is closed or the process ends, however; None where another has it."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError:
        return None
    if os.fstat(handle).st_uid == os.getuid():
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
    os.close(handle)
    return None
