"""Workers of a cluster that the user has started: found, asked whether they fit, and used."""

import inspect
import platform
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from datasets.errors import BadInput, UnreachableInput
from tasks.digests import OUR_PACKAGES, ROOT, library_versions
from tasks.parallel import probe
from tasks.parallel.pool import DASK_SETTINGS, Pool
from tasks.parallel.settings import ComputeSettings, host_and_port
from tasks.progress import Progress

SOCKET_TIMEOUT_S = 5.0
CONNECT_TIMEOUT_S = 15.0
POLL_S = 1.0
MAX_GREETING_BYTES = 1 << 20
# Those that the pixels pass through, and those that carry the work.
LIBRARIES = ("dask", "numpy", "opencv-python-headless", "pillow", "pyarrow", "pydantic", "simplejpeg")


@contextmanager
def existing_pool(compute: ComputeSettings, paths: Iterable[Path], progress: Progress) -> Iterator[Pool]:
    """The cluster at the address, once it has a worker, and each worker sees the paths and has our code.

    Raises BadInput where no scheduler answers, no worker comes, or one does not fit.
    """
    import dask
    from distributed import Client

    address = compute.address
    assert address is not None
    _check_answers(address)
    with dask.config.set(DASK_SETTINGS):
        try:
            client = Client(address, timeout=CONNECT_TIMEOUT_S, name="augment-dataset", set_as_default=False)
        except (OSError, ValueError) as error:
            raise _no_scheduler(address) from error
        try:
            advice = f"start some with `dask worker {address}`"
            pool = Pool(client, f"the Dask cluster at {address}", advice, compute.worker_wait_s)
            _wait_for_a_worker(pool, address, compute.worker_wait_s, progress)
            _check_workers(client, address, paths)
            yield pool
        finally:
            client.close(timeout=2)


def paths_in(work: Callable[..., Any]) -> list[Path]:
    """The folders and files that a partial was given: workers read and write there."""
    if not isinstance(work, partial):
        return []
    given = [*work.args, *work.keywords.values()]
    return [value for value in given if isinstance(value, Path)] + paths_in(work.func)


def _check_answers(address: str) -> None:
    """A name that is unknown and a port that is closed are known at once; Dask would try on."""
    try:
        place = host_and_port(address)
    except ValueError as error:
        raise BadInput(f"{error}") from error
    try:
        with socket.create_connection(place, timeout=SOCKET_TIMEOUT_S) as connection:
            speaks = not address.startswith(("tcp:", place[0])) or _greets(connection)
    except OSError as error:
        raise _no_scheduler(address) from error
    if not speaks:
        raise _no_scheduler(address)


def _greets(connection: socket.socket) -> bool:
    """A scheduler speaks first: the length of a short message, in 8 bytes. For others Dask would wait forever."""
    head = b""
    while len(head) < 8:
        more = connection.recv(8 - len(head))
        if not more:
            return False
        head += more
    return int.from_bytes(head, "little") < MAX_GREETING_BYTES


def _no_scheduler(address: str) -> UnreachableInput:
    return UnreachableInput(
        f"no Dask scheduler answers at {address}; start one with `dask scheduler`, or leave dask_address out"
    )


def _wait_for_a_worker(pool: Pool, address: str, wait_s: float, progress: Progress) -> None:
    """A task is what an adaptive cluster starts its first worker for."""
    if pool.is_staffed():
        return
    progress(0, 0, waiting="for a Dask worker")
    first = pool.client.submit(eval, "1", pure=False)
    waited_s = 0.0
    while waited_s < wait_s:
        try:
            first.result(timeout=POLL_S)
        except TimeoutError:
            waited_s += POLL_S
            progress(0, 0, waiting="for a Dask worker", seconds=waited_s)
        else:
            return
    raise UnreachableInput(
        f"the Dask cluster at {address} has no worker, for {wait_s:.0f} s now; "
        f"start one with `dask worker {address}`, or leave dask_address out"
    )


def _check_workers(client: Any, address: str, paths: Iterable[Path]) -> None:
    """Ask each worker. What is asked is sent as text: it runs in any Python, with or without our code."""
    space = "(lambda space: [exec({source!r}, space), space['problem']({facts!r})][1])({{}})"
    facts = _facts(paths)
    question = space.format(source=inspect.getsource(probe), facts=facts)
    answers: Mapping[str, str | Exception | None] = client.run(eval, question, on_error="return")
    for worker, answer in sorted(answers.items()):
        if answer is not None:
            raise BadInput(f"worker {worker} of the Dask cluster at {address} {answer}")


def _facts(paths: Iterable[Path]) -> dict[str, Any]:
    """What is so here, as plain values: it is written out as text."""
    version = ".".join(platform.python_version_tuple()[:2])
    return {
        "python": version,
        "libraries": library_versions(LIBRARIES),
        "packages": OUR_PACKAGES,
        "code": probe.code_sha256(str(ROOT), OUR_PACKAGES),
        "paths": {str(path): probe.some_entries(str(path)) for path in paths},
    }
