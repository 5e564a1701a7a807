"""A real `dask scheduler` and `dask worker` on loopback, for the tests of a user's cluster. Ends what it started."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
START_S = 60.0


class UserCluster:
    """A scheduler, and workers when they are asked for: each `dask worker` in a process group of its own."""

    def __init__(self, folder, python_path):
        self.folder = folder
        self.workers = []  # those that a test wants to find again
        self._environment = os.environ | {"PYTHONPATH": python_path, "TMPDIR": str(folder), "PYTHONUNBUFFERED": "1"}
        self._processes = []
        scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0")
        self.scheduler = scheduler
        self.address = _wait_for(self._log(scheduler), r"Scheduler at:\s+(tcp://\S+)").group(1)

    def add_workers(self, count=1, nanny=True, environment=None):
        """Start `dask worker` with so many single-threaded processes; return it once all have joined."""
        options = ["--nworkers", str(count), "--nthreads", "1", "--memory-limit", "1GiB", "--no-dashboard"]
        worker = self._start(
            "worker", self.address, *options, "--nanny" if nanny else "--no-nanny", environment=environment
        )
        _wait_for(self._log(worker), r"(Registered to:[\s\S]*)" * count)
        return worker

    def kill(self, process):
        """SIGKILL for one of ours and all that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def close(self):
        for process in reversed(self._processes):
            self.kill(process)

    def _start(self, *arguments, environment=None):
        log = (self.folder / f"log-{len(self._processes)}").open("wb")
        command = [str(Path(sys.executable).parent / "dask"), *arguments]
        with log:
            process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=self._environment | (environment or {}),
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def _log(self, process):
        return self.folder / f"log-{self._processes.index(process)}"


def _wait_for(log, pattern):
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        match = re.search(pattern, log.read_text(errors="replace"))
        if match:
            return match
        time.sleep(0.05)
    raise AssertionError(f"not within {START_S} s: {pattern}; the log:\n{log.read_text(errors='replace')}")


def children_of(pid):
    """Processes started by another, and theirs, that still run."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                if int(fields[1]) == pid and fields[0] != "Z":
                    found += [int(folder.name), *children_of(int(folder.name))]
    return found
