"""The GPUs of this machine, and a lock on each, so that two trainings never share one. Imports no library of models."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

VISIBLE = "CUDA_VISIBLE_DEVICES"
LIST_GPUS = ("nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader")
LIST_TIMEOUT_S = 30.0
PAUSE_S = 2.0
FOR_ALL_USERS = 0o666


def visible_gpus() -> tuple[str, ...]:
    """UUIDs of the GPUs that a process started here would use; none where there is no driver, or it does not answer."""
    if shutil.which(LIST_GPUS[0]) is None:
        return ()
    try:
        listed = subprocess.run(LIST_GPUS, capture_output=True, text=True, timeout=LIST_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        return ()
    if listed.returncode:
        return ()
    return chosen_gpus(listed.stdout, os.environ.get(VISIBLE))


def chosen_gpus(listed: str, visible: str | None) -> tuple[str, ...]:
    """UUIDs among lines `index, UUID` that CUDA_VISIBLE_DEVICES leaves: up to its first entry that names none."""
    rows = [line.split(",") for line in listed.splitlines() if "," in line]
    uuids = {index.strip(): uuid.strip() for index, uuid in rows}
    if visible is None:
        return tuple(uuids.values())
    chosen: list[str] = []
    for entry in visible.split(","):
        name = entry.strip()
        found = uuids.get(name) or next((uuid for uuid in uuids.values() if name and uuid.startswith(name)), None)
        if found is None:
            break
        chosen.append(found)
    return tuple(chosen)


@contextmanager
def one_gpu(
    waiting: Callable[[], None], gpus: Sequence[str] | None = None, folder: Path | None = None
) -> Iterator[str]:
    """Hold one GPU of this machine that no other process holds; child processes see it alone.

    Waits while all are held, and calls `waiting` once before. The lock of a dead process is free again. Gives "" at
    once where there is no GPU.
    """
    found = visible_gpus() if gpus is None else gpus
    if not found:
        yield ""
        return
    gpu, lock = _first_free(found, folder or Path(tempfile.gettempdir()), waiting)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = gpu
    try:
        yield gpu
    finally:
        lock.release()
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def _first_free(gpus: Sequence[str], folder: Path, waiting: Callable[[], None]) -> tuple[str, FileLock]:
    told = False
    while True:
        for gpu in gpus:
            lock = FileLock(folder / f"augment-dataset-{gpu}.lock", mode=FOR_ALL_USERS)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            return gpu, lock
        if not told:
            waiting()
            told = True
        time.sleep(PAUSE_S)
