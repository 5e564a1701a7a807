"""The Dask seam on a cluster of the user's: real schedulers and workers on loopback, killed in every way."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from distributed import Client

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from tasks.parallel import ComputeSettings, check_cluster, map_partitions
from tasks.parallel.existing_pool import existing_pool
from tasks.progress import silent

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs" / "cluster.md"
PYTHON_PATH = f"{ROOT}{os.pathsep}{HERE}"


@pytest.fixture(scope="module", autouse=True)
def helpers():
    """partition_works and cluster_processes, importable here and in local processes."""
    sys.path.insert(0, str(HERE))
    yield
    sys.path.remove(str(HERE))


@pytest.fixture(scope="module")
def works():
    import partition_works

    return partition_works


@pytest.fixture
def cluster(tmp_path_factory):
    """A scheduler without workers."""
    from cluster_processes import UserCluster

    cluster = UserCluster(tmp_path_factory.mktemp("cluster"), PYTHON_PATH)
    yield cluster
    cluster.close()


@pytest.fixture
def adaptive():
    """Address of a cluster of up to two workers that starts them for work, and ends them without."""
    script = HERE / "adaptive_cluster.py"
    environment = os.environ | {"PYTHONPATH": PYTHON_PATH}
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield process.stdout.readline().strip()
        process.stdin.close()


def settings(cluster, **changes):
    return ComputeSettings(dask_address=cluster.address, **{"worker_wait_s": 3, **changes})


def refusal(cluster, *paths, **changes):
    with pytest.raises(BadInput) as caught:
        check_cluster(settings(cluster, **changes), paths)
    return str(caught.value)


class Running:
    """map_partitions in a thread, with partitions that wait until they may go on."""

    def __init__(self, works, compute, folder, count):
        self.folder = folder
        self.results = self.error = None
        work = partial(works.waits_for_a_file, folder)
        self._thread = threading.Thread(target=self._run, args=(work, compute, count))
        self._thread.start()

    def _run(self, work, compute, count):
        try:
            self.results = map_partitions(
                work, [[number] for number in range(count)], compute, silent, on_death=lambda item, why: [why]
            )
        except RuntimeError as error:
            self.error = str(error)

    def processes(self, count):
        """Of those at work, once there are so many."""
        deadline_s = time.monotonic() + 30
        while len(found := list(self.folder.glob("at-*"))) < count or not all(path.read_text() for path in found):
            assert time.monotonic() < deadline_s, self.error
            time.sleep(0.05)
        return {int(path.read_text()) for path in found}

    def go_on(self):
        (self.folder / "go").write_text("")

    def end(self, limit_s=60):
        self._thread.join(limit_s)
        assert not self._thread.is_alive()


def test_a_closed_port_is_known_at_once():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        started_s = time.monotonic()
        sentence = f"no Dask scheduler answers at {address}; start one with `dask scheduler`, or leave dask_address out"
        with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
            check_cluster(ComputeSettings(dask_address=address), [])
    assert time.monotonic() - started_s < 5


def test_something_else_that_listens_is_no_scheduler(monkeypatch):
    monkeypatch.setattr("tasks.parallel.existing_pool.SOCKET_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"tcp://127.0.0.1:{listening.getsockname()[1]}"
        with pytest.raises(BadInput, match=f"^no Dask scheduler answers at {address};"):
            check_cluster(ComputeSettings(dask_address=address), [])


def test_a_cluster_without_workers_is_waited_for_then_refused(cluster):
    told = []
    with (
        pytest.raises(BadInput, match=r"^the Dask cluster at tcp://\S+ has no worker, for 1 s now; start one with"),
        existing_pool(settings(cluster, worker_wait_s=1), [], lambda *_, **numbers: told.append(numbers)),
    ):
        pass
    assert told[0] == {"waiting": "for a Dask worker"}


def test_workers_that_join_while_waiting_are_used(cluster, works, tmp_path):
    running = Running(works, settings(cluster, worker_wait_s=60), tmp_path, 2)
    cluster.add_workers(1)
    running.go_on()
    running.end()
    assert running.results == [[0], [2]]


def test_a_cluster_that_grows_from_nothing_and_shrinks_again_does_the_work(adaptive, works, tmp_path):
    """A real adaptive cluster, found by its address: it has no worker before there is work, and none long after it."""
    compute = ComputeSettings(dask_address=adaptive, worker_wait_s=60)
    said = check_cluster(compute, [tmp_path])
    assert re.fullmatch(r"dashboard of the Dask cluster: http://127\.0\.0\.1:\d+/status", said)
    for _ in range(2):
        results = map_partitions(works.doubled, [[number] for number in range(20)], compute, silent)
        assert results == [[2 * number] for number in range(20)]
        with Client(adaptive) as client:
            deadline_s = time.monotonic() + 60
            while client.nthreads():
                assert time.monotonic() < deadline_s
                time.sleep(0.1)


def test_workers_that_do_not_fit_are_named_before_they_get_work(cluster, tmp_path, monkeypatch):
    cluster.add_workers(1, nanny=False)
    check_cluster(settings(cluster), [tmp_path])
    (tmp_path / "elsewhere").mkdir()
    assert re.fullmatch(
        r"worker tcp://\S+ of the Dask cluster at tcp://\S+ does not see \S+/not-there as it is here; "
        "it has to be in a folder that all machines share",
        refusal(cluster, tmp_path / "not-there"),
    )
    with monkeypatch.context() as patch:
        patch.setattr("tasks.parallel.existing_pool.ROOT", tmp_path)
        assert "has other code of this project than there is here; bring both to the same" in refusal(cluster)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.parallel.existing_pool.platform.python_version_tuple", lambda: ("2", "7", "0"))
        assert ", here it is 2.7; start workers from the same environment" in refusal(cluster)
    with monkeypatch.context() as patch:
        patch.setattr("tasks.parallel.existing_pool.library_versions", lambda _: {"numpy": "0.1"})
        assert "of numpy, here it is 0.1; start workers from the same environment" in refusal(cluster)


def test_a_killed_worker_costs_no_result(cluster, works, tmp_path):
    cluster.add_workers(2)
    running = Running(works, settings(cluster), tmp_path, 6)
    victim = min(running.processes(2))
    os.kill(victim, signal.SIGKILL)
    running.go_on()
    running.end()
    assert running.results == [[2 * number] for number in range(6)]


def test_a_run_without_any_worker_left_ends_with_a_sentence(cluster, works, tmp_path):
    workers = cluster.add_workers(2)
    running = Running(works, settings(cluster, worker_wait_s=2), tmp_path, 6)
    running.processes(2)
    cluster.kill(workers)
    running.end()
    assert re.fullmatch(
        r"the Dask cluster at tcp://\S+ had no worker for 2 s; start some with `dask worker tcp://\S+`, and run "
        "the same command again: what is finished is kept",
        running.error,
    )


def test_workers_that_come_back_in_time_go_on(cluster, works, tmp_path):
    workers = cluster.add_workers(1)
    running = Running(works, settings(cluster, worker_wait_s=60), tmp_path, 4)
    running.processes(1)
    cluster.kill(workers)
    cluster.add_workers(1)
    running.go_on()
    running.end()
    assert running.results == [[2 * number] for number in range(4)]


def test_a_run_whose_scheduler_is_killed_ends_with_a_sentence(cluster, works, tmp_path):
    cluster.add_workers(1)
    running = Running(works, settings(cluster), tmp_path, 4)
    running.processes(1)
    cluster.kill(cluster.scheduler)
    running.end()
    assert re.fullmatch(
        r"the Dask cluster at tcp://\S+ is gone, or dropped the work; start it again, and run "
        "the same command again: what is finished is kept",
        running.error,
    )


def test_the_variable_of_dask_names_the_cluster_too(cluster, works, monkeypatch):
    cluster.add_workers(1)
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", cluster.address)
    first, second = map_partitions(works.process_id, [[1], [2]], ComputeSettings(), silent)
    assert first == second != os.getpid()


def wait_until(is_so, limit_s=30):
    deadline_s = time.monotonic() + limit_s
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_killed_stage_leaves_no_local_worker_behind(tmp_path):
    from cluster_processes import children_of

    code = (
        "from functools import partial; from pathlib import Path; import partition_works as works\n"
        "from tasks.parallel import ComputeSettings, map_partitions; from tasks.progress import silent\n"
        f"work = partial(works.waits_for_a_file, Path({str(tmp_path)!r}))\n"
        "map_partitions(work, [[1], [2], [3]], ComputeSettings(workers=2), silent)\n"
    )
    environment = os.environ | {"PYTHONPATH": PYTHON_PATH, "TMPDIR": str(tmp_path)}
    stage = subprocess.Popen([sys.executable, "-c", code], env=environment, cwd=tmp_path)
    wait_until(lambda: len(list(tmp_path.glob("at-*"))) == 2)
    below = children_of(stage.pid)
    assert len(below) >= 3
    stage.kill()
    stage.wait()
    wait_until(lambda: not any(is_running(pid) for pid in below))


def is_running(pid):
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check(folder, out, *options):
    command = [sys.executable, "-m", "flows", "check", str(folder), "--out", str(out), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_command_line_gives_the_same_with_a_cluster_and_without(cluster, tmp_path):
    cluster.add_workers(2)
    for number in range(6):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 24, 3), dtype=np.uint8)
        (tmp_path / "images" / "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "images" / "ab"[number % 2] / f"{number}.png"), pixels)
    done = check(tmp_path / "images", tmp_path / "there", "--dask-address", cluster.address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^dashboard of the Dask cluster: http://127\.0\.0\.1:\d+/status$", done.stdout, re.M)) == 1
    assert check(tmp_path / "images", tmp_path / "here").returncode == 0
    there, here = (read_table(tmp_path / name / MANIFEST_FILE) for name in ("there", "here"))
    assert there.equals(here)
    cluster.close()
    refused = check(tmp_path / "images", tmp_path / "gone", "--dask-address", cluster.address)
    assert (refused.returncode, refused.stderr.startswith("bad input: no Dask scheduler answers")) == (2, True)


def test_the_page_names_settings_and_tests_that_are_there():
    text = PAGE.read_text(encoding="utf-8")
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        ComputeSettings.model_validate(yaml.safe_load(block)["compute"])
    tests = "".join(path.read_text(encoding="utf-8") for path in (HERE / "test_parallel.py", Path(__file__)))
    named = re.findall(r"`(test_\w+)`", text)
    assert len(named) > 10
    assert [name for name in named if f"def {name}(" not in tests] == []
