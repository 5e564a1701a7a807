"""The one seam to Dask: partitions of a list go out, small results come back.

A partition whose process dies (of a crash, of a time limit, of too much memory) is done again item by item in
processes of this machine, so that one bad file costs one row. Threads and the synchronous mode cannot give this: there,
a crash ends the stage and a hang stalls it. Nor can workers of a cluster of the user's that have no nanny.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tasks.apart import one_by_one
from tasks.progress import Progress
from tasks.time_limit import expendable, time_limit

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEM_TIMEOUT_S = 60.0
# A partition that kills its worker is not tried on the others too: it is redone item by item at once. Those that wait
# on the same worker would be counted as killed with it, so a worker is given no more than it works on.
DASK_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.daemon": False,
    "distributed.comm.timeouts.connect": "60s",
    "distributed.admin.tick.limit": "60s",
    "logging": {"distributed": "error"},
}


class ComputeSettings(BaseModel):
    """How work is spread. Nothing here changes a result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["processes", "threads", "synchronous"] = Field(
        "processes",
        description="processes; threads and synchronous cannot survive a decoder that crashes or hangs",
    )
    workers: int = Field(0, ge=0, le=1024, description="number of workers; 0 = one per processor core")
    dask_address: str | None = Field(None, description="address of a Dask scheduler to use instead, tcp://host:8786")
    partition_size: int = Field(256, ge=1, le=100_000, description="images per partition, the unit of work")
    worker_memory_mib: int = Field(
        0, ge=0, description="memory at which a worker is stopped, in MiB; 0 = an equal share of this machine's"
    )

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
    item_timeout_s: float = ITEM_TIMEOUT_S,
) -> list[Result]:
    """`work(partition)` for every partition, results in the order of the partitions.

    `work` has to be importable (a module-level function or a partial of one). With `on_death`, a worker that dies, or
    takes longer for a partition than `item_timeout_s` for each of its items, is replaced; an item whose process died
    or hung gives `on_death(item, sentence)`, and its partition one result per item. `work` may set narrower limits
    with `time_limit`.
    """
    total = sum(map(len, partitions))
    done = 0
    results: list[list[Result]] = [[] for _ in partitions]
    watched_s = None if on_death is None else item_timeout_s
    for index, outcome in _outcomes(work, partitions, compute, watched_s):
        if isinstance(outcome, _Died):
            if on_death is None:
                raise RuntimeError(f"a worker process died while working on partition {index}: {outcome.sentence}")
            items = one_by_one(work, partitions[index], on_death, item_timeout_s, _memory_bytes(compute))
            for offset, result in enumerate(items, start=1):
                results[index].append(result)
                progress(done + offset, total)
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
    watched_s: float | None,
) -> Iterator[tuple[int, Result | _Died]]:
    """Index and outcome of each partition, as they finish. One alone needs no cluster, unless it may crash."""
    if compute.mode == "synchronous" or not partitions or (len(partitions) == 1 and watched_s is None):
        for index, partition in enumerate(partitions):
            yield index, work(partition)
        return
    from distributed import KilledWorker, as_completed

    with _client(compute) as client:
        in_worker = work if watched_s is None else partial(_watched, work, watched_s)
        futures = client.map(in_worker, partitions, pure=False, key="partition")
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
                memory_limit=_memory_bytes(compute) if processes else 0,
                dashboard_address="127.0.0.1:0",  # without one, port 8787 is taken, and a second cluster warns
                silence_logs=40,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client


def _watched(work: Callable[[Sequence[Item]], Result], item_timeout_s: float, partition: Sequence[Item]) -> Result:
    """`work(partition)` in a Dask worker, which is ended where it takes too long and a nanny will replace it."""
    with expendable() if _has_nanny() else nullcontext(), time_limit(item_timeout_s * max(len(partition), 1)):
        return work(partition)


def _has_nanny() -> bool:
    """Whether this runs in a worker process that is started again when it dies: a thread of ours does not."""
    from distributed import get_worker

    return get_worker().nanny is not None


def _memory_bytes(compute: ComputeSettings) -> int:
    """What one worker of this machine may hold."""
    from distributed.system import MEMORY_LIMIT

    return compute.worker_memory_mib << 20 or MEMORY_LIMIT // compute.worker_count
