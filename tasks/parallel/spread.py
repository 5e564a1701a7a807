"""Partitions go out a few at a time, results come back as they are ready.

A partition whose process dies (of a crash, of a time limit, of too much memory) is done again item by item in
processes of this machine, so that one bad file costs one row. Threads and the synchronous mode cannot give this: there,
a crash ends the stage and a hang stalls it. Nor can workers of a cluster of the user's that have no nanny.
"""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from datasets.errors import Unreachable
from tasks.parallel.files import Files, SharedFolders
from tasks.parallel.partitions import Partitions
from tasks.parallel.settings import ComputeSettings
from tasks.parallel.time_limit import expendable, time_limit
from tasks.progress import Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

ITEM_TIMEOUT_S = 60.0
POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class _Died:
    sentence: str


@dataclass(frozen=True, slots=True)
class _Done(Generic[Item, Result]):
    """A partition, and what came of it."""

    index: int
    partition: Sequence[Item]
    outcome: Result | _Died


def map_partitions(
    work: Callable[[Sequence[Item]], Result],
    partitions: Iterable[Sequence[Item]],
    compute: ComputeSettings,
    progress: Progress,
    on_death: Callable[[Item, str], Result] | None = None,
    item_timeout_s: float = ITEM_TIMEOUT_S,
    total: int | None = None,
    files: Files | None = None,
) -> list[Result]:
    """`work(partition)` for every partition, results in the order of the partitions.

    Partitions may be an iterator: few are held at a time. `total` is the number of items, for the progress of one.
    `work` has to be importable (a module-level function or a partial of one). With `on_death`, a worker that dies, or
    takes longer for a partition than `item_timeout_s` for each of its items, is replaced; an item whose process died
    or hung gives `on_death(item, sentence)`, and its partition one result per item. `work` may set narrower limits
    with `time_limit`. `files` says what it reads and writes, so that workers that see none of it can be used, too
    (`compute.exchange`); without it, such workers get none of the work. Raises BadInput where the user's cluster cannot
    be used, RuntimeError where it went away, PlaceFailed where files could not be carried.
    """
    total = _item_count(partitions) if total is None else total
    done = 0
    results: dict[int, list[Result]] = {}
    watched_s = None if on_death is None else item_timeout_s
    for finished in _outcomes(work, partitions, compute, watched_s, partial(_tell, progress, total), files):
        index, partition, outcome = finished.index, finished.partition, finished.outcome
        if not isinstance(outcome, _Died):
            results[index] = [outcome]
        elif on_death is None:
            raise Unreachable(f"a worker process died while working on partition {index}: {outcome.sentence}")
        else:
            from tasks.parallel.apart import one_by_one

            results[index] = []
            items = one_by_one(work, partition, on_death, item_timeout_s, compute.worker_bytes())
            for offset, result in enumerate(items, start=1):
                results[index].append(result)
                progress(done + offset, max(total, done + offset))
        done += len(partition)
        progress(done, max(total, done))
    return [result for index in sorted(results) for result in results[index]]


def _tell(progress: Progress, total: int, done: int, _: int, **numbers: float | str) -> None:
    progress(done, total, **numbers)


def _item_count(partitions: Iterable[Sequence[Any]]) -> int:
    if isinstance(partitions, Partitions):
        return len(partitions.items)
    return sum(map(len, partitions)) if isinstance(partitions, Sequence) else 0


def _outcomes(
    work: Callable[[Sequence[Item]], Result],
    partitions: Iterable[Sequence[Item]],
    compute: ComputeSettings,
    watched_s: float | None,
    progress: Progress,
    files: Files | None,
) -> Iterator[_Done[Item, Result]]:
    """Each partition with its outcome, as they finish. One alone needs no worker, unless it may crash."""
    waiting = iter(partitions)
    first = list(islice(waiting, 2))
    numbered = enumerate(chain(first, waiting))
    if compute.mode == "synchronous" or not first or (len(first) == 1 and watched_s is None):
        for index, partition in numbered:
            yield _Done(index, partition, work(partition))
        return
    most_workers = len(partitions) if isinstance(partitions, Sized) else compute.worker_count
    with _pool(compute, work, most_workers, progress, files) as pool, _carrier(compute, files) as carrier:
        there = carrier.there(work)
        in_worker = partial(_in_worker, there) if watched_s is None else partial(_watched, there, watched_s)
        yield from _flow(pool, in_worker, numbered, carrier)


def _pool(
    compute: ComputeSettings, work: Callable[..., Any], most_workers: int, progress: Progress, files: Files | None
) -> AbstractContextManager[Any]:
    if compute.address is None or (compute.exchange and files is None):
        from tasks.parallel.local_pool import local_pool

        return local_pool(compute, work, most_workers)
    from tasks.parallel.existing_pool import existing_pool, paths_in

    return existing_pool(compute, [] if compute.exchange else paths_in(work), progress)


def _carrier(compute: ComputeSettings, files: Files | None) -> AbstractContextManager[Any]:
    if not compute.exchange or files is None:
        return nullcontext(SharedFolders())
    from tasks.parallel.exchange import opened_exchange

    return opened_exchange(compute.exchange, files)


def _flow(
    pool: Any, in_worker: Callable[[bytes], Any], numbered: Iterator[tuple[int, Sequence[Item]]], carrier: Any
) -> Iterator[_Done[Item, Result]]:
    """Keep a window of partitions under way, so that neither the scheduler nor this process holds them all."""
    ready: SimpleQueue[Any] = SimpleQueue()
    under_way: dict[str, tuple[int, Sequence[Item]]] = {}
    while True:
        for index, partition in islice(numbered, max(0, pool.window() - len(under_way))):
            carrier.lend(partition)
            # As bytes: Dask would look into every tuple of a list for futures of its own.
            future = pool.client.submit(in_worker, pickle.dumps(partition), pure=False)
            under_way[future.key] = (index, partition)
            future.add_done_callback(ready.put)
        if not under_way:
            return
        try:
            future = ready.get(timeout=POLL_S)
        except Empty:
            pool.is_staffed()
            continue
        outcome = _outcome_of(pool, future)
        if outcome is not None:
            yield _Done(*under_way.pop(future.key), carrier.bring_home(outcome[0]))
            future.release()
        else:  # lost with its worker after it was finished: it is being done again
            future.add_done_callback(ready.put)


def _outcome_of(pool: Any, future: Any) -> tuple[Any] | None:
    """Result, or how it died; None where the result has to be waited for again."""
    from distributed import CancelledError, KilledWorker

    try:
        if future.status == "error" and isinstance(error := future.exception(timeout=POLL_S), KilledWorker):
            return (_Died(str(error)),)
        return (future.result(timeout=POLL_S),)
    except CancelledError as error:
        raise pool.gone() from error
    except TimeoutError:
        if future.status == "error":
            raise
        pool.is_staffed()
        return None


def _in_worker(work: Callable[[Sequence[Item]], Result], pickled: bytes) -> Result:
    partition: Sequence[Item] = pickle.loads(pickled)  # noqa: S301, what we sent ourselves
    return work(partition)


def _watched(work: Callable[[Sequence[Item]], Result], item_timeout_s: float, pickled: bytes) -> Result:
    """`work(partition)` in a Dask worker, which is ended where it takes too long and a nanny will replace it."""
    partition: Sequence[Item] = pickle.loads(pickled)  # noqa: S301, what we sent ourselves
    with expendable() if _has_nanny() else nullcontext(), time_limit(item_timeout_s * max(len(partition), 1)):
        return work(partition)


def _has_nanny() -> bool:
    """Whether this runs in a worker process that is started again when it dies: a thread of ours does not."""
    from distributed import get_worker

    return get_worker().nanny is not None
