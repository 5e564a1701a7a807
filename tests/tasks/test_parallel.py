import os
import re
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import pytest
from pydantic import ValidationError

from datasets.errors import BadInput
from tasks.parallel import ComputeSettings, map_partitions, partitions_of
from tasks.parallel.apart import one_by_one
from tasks.parallel.local_pool import SCRATCH_PREFIX
from tasks.parallel.pool import PARTITIONS_PER_THREAD
from tasks.parallel.sizing import affordable_workers, usable_bytes, usable_cores
from tasks.parallel.time_limit import time_limit
from tasks.progress import silent

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


def test_the_environment_is_afterwards_what_it_was(works, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")  # which Dask sets for its workers, here
    before = dict(os.environ)
    assert map_partitions(works.doubled, [[1], [2]], PROCESSES, silent) == [[2], [4]]
    assert dict(os.environ) == before


def test_an_existing_cluster_is_used(works):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
        compute = ComputeSettings(dask_address=cluster.scheduler_address)
        (first, second) = map_partitions(works.process_id, [[1], [2]], compute, silent)
        assert first == second != os.getpid()


def test_partitions_are_cut_when_asked_for_and_can_be_sliced():
    partitions = partitions_of(range(10), 4)
    assert (len(partitions), partitions[-1], list(partitions[1:])) == (3, range(8, 10), [range(4, 8), range(8, 10)])


def test_few_partitions_of_an_iterator_are_held_at_a_time(works):
    taken = []

    def partitions():
        for number in range(60):
            taken.append(number)
            yield [number]

    ahead = []
    compute = ComputeSettings(mode="threads", workers=2)
    results = map_partitions(
        works.doubled, partitions(), compute, lambda done, total: ahead.append((len(taken) - done, total)), total=60
    )
    assert results == [[2 * number] for number in range(60)]
    assert max(ahead)[0] <= PARTITIONS_PER_THREAD * 2 + 1
    assert ahead[-1] == (0, 60)


def test_a_worker_loads_nothing_that_pixels_do_not_need(works):
    work = partial(works.modules_with, "tasks.scan", "tasks.shard", "tasks.augment")
    loaded, _ = map_partitions(work, [[1], [2]], PROCESSES, silent, on_death=dead)
    heavy = {"tensorflow", "keras", "prefect", "pandas", "matplotlib", "scipy", "skimage", "sklearn", "imgaug", "rich"}
    assert set(loaded) & heavy == set()
    assert {"cv2", "simplejpeg", "pyarrow"} <= set(loaded)


def test_workers_put_things_aside_in_a_folder_that_goes_with_them(works, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folders = map_partitions(works.scratch_folder, [[1], [2]], PROCESSES, silent)
    assert all(Path(folder).relative_to(tmp_path).parts[0].startswith(SCRATCH_PREFIX) for folder in folders)
    of_multiprocessing = "pymp-"  # goes with the process that runs the stage
    assert [path for path in tmp_path.iterdir() if not path.name.startswith(of_multiprocessing)] == []


def test_a_full_temporary_folder_is_told_before_workers_start(works, monkeypatch):
    monkeypatch.setattr("tasks.parallel.local_pool.MIN_SCRATCH_BYTES", 2**60)
    with pytest.raises(BadInput, match=r"^the temporary folder \S+ has \d+ MiB free; workers need \d+ MiB; free some"):
        map_partitions(works.doubled, [[1], [2]], PROCESSES, silent)


@pytest.mark.parametrize("address", ["host", "tcp://host", "http://host:8786", "tcp://host:0", "tcp://:8786"])
def test_what_is_no_address_is_refused_with_the_settings(address):
    sentence = f"'{address}' is no address of a Dask scheduler; write it as tcp://host:8786"
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        ComputeSettings(dask_address=address)


def test_an_address_and_threads_exclude_each_other():
    with pytest.raises(ValidationError, match="dask_address is for mode processes; got mode threads; remove one of"):
        ComputeSettings(dask_address="tcp://host:8786", mode="threads")
    assert ComputeSettings(mode="threads").address is None


def machine(root, memory_mib, **limits):
    """The files by which Linux tells of itself, with the limits of one container inside another."""
    inner = root / "sys/fs/cgroup/outer/inner"
    inner.mkdir(parents=True)
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text("0::/outer/inner\n")
    (root / "proc/meminfo").write_text(f"MemTotal:       {memory_mib * 1024} kB\nMemFree: 1 kB\n")
    for name, text in limits.items():
        folder = inner.parent if name.startswith("outer_") else inner
        (folder / name.removeprefix("outer_").replace("_", ".")).write_text(f"{text}\n")
    return root


def test_limits_of_a_container_count_as_those_of_the_machine(tmp_path):
    alone = machine(tmp_path / "alone", 8000)
    assert usable_bytes(alone) == 8000 << 20
    inside = machine(tmp_path / "inside", 8000, memory_max="max", outer_memory_max=3 << 30, cpu_max="100000 100000")
    assert (usable_bytes(inside), usable_cores(inside)) == (3 << 30, 1)


def test_version_one_of_control_groups_counts_too(tmp_path):
    root = machine(tmp_path, 8000)
    (root / "proc/self/cgroup").write_text("4:memory:/box\n5:cpu,cpuacct:/\n")
    box = root / "sys/fs/cgroup/memory/box"
    box.mkdir(parents=True)
    (box / "memory.limit_in_bytes").write_text(f"{1 << 30}\n")
    assert usable_bytes(root) == 1 << 30


@pytest.mark.parametrize(("cores", "memory_mib", "workers"), [(8, 64_000, 8), (16, 4096, 7), (4, 256, 1)])
def test_workers_are_as_many_as_cores_and_memory_bear(cores, memory_mib, workers):
    assert affordable_workers(cores, memory_mib << 20) == workers


def test_fewer_workers_than_cores_are_told(monkeypatch):
    monkeypatch.setattr("tasks.parallel.settings.usable_cores", lambda: 16)
    monkeypatch.setattr("tasks.parallel.settings.usable_bytes", lambda: 4096 << 20)
    assert ComputeSettings().shortage() == (
        "7 workers for 16 cores: 4096 MiB of memory give each 512 MiB; set compute.workers to start more"
    )
    assert ComputeSettings(workers=2).shortage() is None


@pytest.mark.parametrize(
    ("asked", "bytes_per_image", "images"),
    [(0, None, 256), (0, 30_000.0, 256), (0, 1_000.0, 1_024), (0, 10.0, 2_048), (7, 10.0, 7)],
)
def test_partitions_of_tiny_files_are_larger_unless_a_size_is_asked_for(asked, bytes_per_image, images):
    assert ComputeSettings(partition_size=asked).images_per_partition(bytes_per_image) == images
