"""The one seam to Dask: partitions of a list go out, small results come back.

A partition whose process dies is done again item by item, each in a process of its own, so that one bad file
costs one row. Threads and the synchronous mode cannot give this: there, a crash ends the stage.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tasks.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

ISOLATED_TIMEOUT_S = 60.0
# A partition that kills its worker is not tried on the others too: it is redone item by item at once.
DASK_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.worker.daemon": False,
    "distributed.comm.timeouts.connect": "60s",
    "distributed.admin.tick.limit": "60s",
    "logging": {"distributed": "error"},
}


class ComputeSettings(BaseModel):
    """How work is spread. Nothing here changes a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["processes", "threads", "synchronous"] = Field(
        "processes", description="processes (Dask cluster on this machine), threads, or synchronous (for debugging)"
    )
    workers: int = Field(0, ge=0, le=1024, description="number of workers; 0 = one per processor core")
    dask_address: str | None = Field(None, description="address of a Dask scheduler to use instead, tcp://host:8786")
    partition_size: int = Field(256, ge=1, le=100_000, description="images per partition, the unit of work")

    @property
    def worker_count(self) -> int:
        return self.workers or len(os.sched_getaffinity(0))


def partitions_of(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """Consecutive runs of at most `size` items."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def map_partitions(
    work: Callable[[Sequence[Item]], Result],
    partitions: Sequence[Sequence[Item]],
    compute: ComputeSettings,
    progress: Progress,
    on_death: Callable[[Item, str], Result] | None = None,
) -> list[Result]:
    """`work(partition)` for every partition, results in the order of the partitions.

    `work` has to be importable (a module-level function or a partial of one). With `on_death`, an item whose
    process died or hung gives `on_death(item, sentence)`, and its partition one result per item.
    """
    total = sum(map(len, partitions))
    done = 0
    results: list[list[Result]] = [[] for _ in partitions]
    for index, outcome in _outcomes(work, partitions, compute, isolate=bool(partitions) and on_death is not None):
        if isinstance(outcome, _Died):
            if on_death is None:
                raise RuntimeError(f"a worker process died while working on partition {index}: {outcome.sentence}")
            results[index] = [_alone(work, item, on_death) for item in partitions[index]]
        else:
            results[index] = [outcome]
        done += len(partitions[index])
        progress(done, total)
    return [result for partition_results in results for result in partition_results]


class _Died:
    def __init__(self, sentence: str) -> None:
        self.sentence = sentence


def _outcomes(
    work: Callable[[Sequence[Item]], Result],
    partitions: Sequence[Sequence[Item]],
    compute: ComputeSettings,
    isolate: bool,
) -> Iterator[tuple[int, Result | _Died]]:
    """Index and outcome of each partition, as they finish. One alone needs no cluster, unless it may crash."""
    if compute.mode == "synchronous" or (len(partitions) < 2 and not isolate):
        for index, partition in enumerate(partitions):
            yield index, work(partition)
        return
    from distributed import KilledWorker, as_completed

    with _client(compute) as client:
        futures = client.map(work, partitions, pure=False, key=getattr(work, "__name__", "partition"))
        index_of = {future.key: index for index, future in enumerate(futures)}
        for future in as_completed(futures):
            if future.status == "error" and isinstance(future.exception(), KilledWorker):
                yield index_of[future.key], _Died(str(future.exception()))
            else:
                yield index_of[future.key], future.result()
            future.release()


@contextmanager
def _client(compute: ComputeSettings) -> Iterator[Any]:
    import dask
    from distributed import Client, LocalCluster

    with dask.config.set(DASK_SETTINGS):
        if compute.dask_address:
            with Client(compute.dask_address) as client:
                yield client
            return
        processes = compute.mode == "processes"
        with (
            LocalCluster(
                n_workers=compute.worker_count if processes else 1,
                threads_per_worker=1 if processes else compute.worker_count,
                processes=processes,
                dashboard_address=None,
                silence_logs=40,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


def _alone(work: Callable[[Sequence[Item]], Result], item: Item, on_death: Callable[[Item, str], Result]) -> Result:
    """One item in a process of its own."""
    pool = ProcessPoolExecutor(max_workers=1, mp_context=multiprocessing.get_context("spawn"))
    try:
        return pool.submit(work, [item]).result(timeout=ISOLATED_TIMEOUT_S)
    except BrokenProcessPool:
        return on_death(item, "the decoder crashed on it")
    except TimeoutError:
        return on_death(item, f"the decoder did not end within {ISOLATED_TIMEOUT_S:.0f} s")
    finally:
        for process in list((pool._processes or {}).values()):
            process.kill()
        pool.shutdown(wait=True)
