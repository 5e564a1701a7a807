import os
import sys
import time
from pathlib import Path

import pytest

from tasks.apart import one_by_one
from tasks.parallel import ComputeSettings, map_partitions, partitions_of
from tasks.progress import silent
from tasks.time_limit import time_limit

HERE = Path(__file__).parent
PROCESSES = ComputeSettings(mode="processes", workers=2)


@pytest.fixture(scope="module")
def works():
    """partition_works, importable here and in worker processes."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(HERE)
    sys.path.insert(0, str(HERE))
    import partition_works

    yield partition_works
    sys.path.remove(str(HERE))
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before


def dead(item, sentence):
    return [f"{item}: {sentence}"]


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
def test_partitions_hold_every_item_once_in_order(count):
    items = list(range(count))
    partitions = partitions_of(items, 4)
    assert [item for partition in partitions for item in partition] == items
    assert all(len(partition) <= 4 for partition in partitions)


@pytest.mark.parametrize("mode", ["synchronous", "threads"])
def test_results_come_in_the_order_of_the_partitions(works, mode):
    results = map_partitions(works.doubled, [[1, 2], [3], [4, 5]], ComputeSettings(mode=mode, workers=2), silent)
    assert results == [[2, 4], [6], [8, 10]]


def test_nothing_to_do_starts_nothing(works):
    assert map_partitions(works.doubled, [], PROCESSES, silent) == []


def test_progress_ends_at_the_total(works):
    heard = []
    map_partitions(works.doubled, [[1, 2], [3]], ComputeSettings(mode="synchronous"), lambda *args: heard.append(args))
    assert heard[-1] == (3, 3)


def test_an_item_that_kills_its_process_costs_that_item_only(works):
    partitions = [[1, 2], [12, 13, 14], [20, 21]]
    results = map_partitions(works.dies_of_thirteen, partitions, PROCESSES, silent, on_death=dead)
    assert results == [[2, 4], [24], ["13: the decoder crashed on it"], [28], [40, 42]]


HUNG = "the decoder did not end within its time limit"


def test_hangs_and_crashes_cost_their_items_with_several_partitions_under_way(works):
    partitions = [[1, 2], [12, 13, 14], [20, 21], [13], [5]]
    expected = [[2, 4], [24], [f"13: {HUNG}"], [28], [40, 42], [f"13: {HUNG}"], [10]]
    assert map_partitions(works.hangs_on_thirteen, partitions, PROCESSES, silent, on_death=dead) == expected


def test_one_worker_is_enough_to_survive_an_abort(works):
    compute = ComputeSettings(mode="processes", workers=1)
    results = map_partitions(works.aborts_on_thirteen, [[13, 14], [1, 2]], compute, silent, on_death=dead)
    # What waits on a worker that dies is redone item by item, too.
    assert [result for part in results for result in part] == ["13: the decoder crashed on it", 28, 2, 4]


def test_work_without_limits_of_its_own_gets_that_of_its_items(works):
    results = map_partitions(
        works.sleeps_on_thirteen, [[13, 14], [1]], PROCESSES, silent, on_death=dead, item_timeout_s=1.0
    )
    assert results == [[f"13: {HUNG}"], [28], [2]]


def test_a_worker_stopped_for_its_memory_costs_the_item_that_took_it(works):
    compute = ComputeSettings(mode="processes", workers=1, worker_memory_mib=400)
    results = map_partitions(works.hoards_on_thirteen, [[13, 14], [1]], compute, silent, on_death=dead)
    assert results == [["13: it takes more memory than a worker has (400 MiB)"], [28], [2]]


def test_an_item_is_not_blamed_for_what_another_left_behind(works):
    items = one_by_one(works.dies_of_the_second_item_in_a_process, [1, 2, 3], dead, 60.0, None)
    assert list(items) == [[2], [4], [6]]


def test_an_error_of_the_work_comes_through_from_a_process_of_its_own(works):
    with pytest.raises(ValueError, match=r"^thirteen is unlucky$"):
        list(one_by_one(works.fails_on_thirteen, [1, 13], dead, 60.0, None))


def test_limits_do_nothing_in_a_process_that_must_live(works):
    assert works.hangs_on_thirteen([12]) == [24]
    with time_limit(0.01):
        time.sleep(0.05)


def test_a_dead_worker_without_a_way_out_is_an_error(works):
    with pytest.raises(RuntimeError, match=r"^a worker process died while working on partition 0"):
        map_partitions(works.dies_of_thirteen, [[13], [1]], PROCESSES, silent)


def test_processes_are_other_processes_and_errors_come_through(works):
    with pytest.raises(ValueError, match=r"^thirteen is unlucky$"):
        map_partitions(works.fails_on_thirteen, [[1], [13]], PROCESSES, silent)


def test_an_existing_cluster_is_used(works):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        compute = ComputeSettings(dask_address=cluster.scheduler_address)
        (first, second) = map_partitions(works.process_id, [[1], [2]], compute, silent)
        assert first == second != os.getpid()
