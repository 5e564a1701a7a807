"""Workers of this machine, for as long as there is work for them."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from datasets.errors import BadInput
from tasks.parallel.fork_server import METHOD, fork_server, module_of
from tasks.parallel.pool import DASK_SETTINGS, Pool
from tasks.parallel.settings import ComputeSettings

SCRATCH_PREFIX = "workers-"
MIN_SCRATCH_BYTES = 20 * 2**20
START_TIMEOUT_S = 120.0


@contextmanager
def local_pool(compute: ComputeSettings, work: Callable[..., Any], most_workers: int) -> Iterator[Pool]:
    """Processes or threads that have imported the module of `work`."""
    import dask
    from distributed import Client, LocalCluster

    processes = compute.mode == "processes"
    workers = min(compute.worker_count, most_workers)
    changes = {"distributed.worker.multiprocessing-method": METHOD}
    with (
        _environment_kept(),
        _scratch() as scratch,
        dask.config.set(DASK_SETTINGS | changes | {"temporary-directory": str(scratch)}),
        _fork_server_for(work) if processes else nullcontext(),
        LocalCluster(
            n_workers=workers if processes else 1,
            threads_per_worker=1 if processes else workers,
            processes=processes,
            memory_limit=compute.worker_bytes(workers) if processes else 0,
            dashboard_address="127.0.0.1:0",  # without one, port 8787 is taken, and a second cluster warns
            silence_logs=40,
            local_directory=str(scratch),
        ) as cluster,
        Client(cluster) as client,
    ):
        yield Pool(client, "the local Dask cluster", "free memory, or lower compute.workers", START_TIMEOUT_S)


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Dask leaves in this process what its workers are to have, such as one thread for matrix libraries."""
    before = dict(os.environ)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _fork_server_for(work: Callable[..., Any]) -> Iterator[None]:
    """Dask would have it import pandas and all else that it knows; we know what the work imports."""
    from distributed import utils

    utils._forkserver_preload_set = True
    with fork_server("distributed.nanny", "distributed.worker", "tasks.parallel.spread", module_of(work)):
        yield


@contextmanager
def _scratch() -> Iterator[Path]:
    """A folder for what workers put aside."""
    base = Path(tempfile.gettempdir())
    if (free := shutil.disk_usage(base).free) < MIN_SCRATCH_BYTES:
        raise BadInput(
            f"the temporary folder {base} has {free / 2**20:.0f} MiB free; workers need {MIN_SCRATCH_BYTES >> 20} MiB; "
            "free some, or set TMPDIR to another folder"
        )
    with tempfile.TemporaryDirectory(prefix=SCRATCH_PREFIX, ignore_cleanup_errors=True) as folder:
        yield Path(folder)
