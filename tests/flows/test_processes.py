"""Children of a command: none is left behind, whenever a signal comes, and none begins while they are ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flows.processes import ending_at_signals, running
from tests.flows.prefect_server import eventually

SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]
RUN = 'trap "echo ended >> runs; exit" TERM; echo began >> runs; while :; do sleep 0.1; done'
WORKER = f"""
import signal, subprocess, sys

def end(*_):
    run.kill()
    sys.exit()

signal.signal(signal.SIGTERM, end)
while True:
    run = subprocess.Popen(["sh", "-c", {RUN!r}])
    run.wait()
"""


def test_a_run_ends_in_good_order_and_no_other_begins(tmp_path):
    """Although the worker would go on with the next, and kill its run when it is told to end."""
    runs = tmp_path / "runs"
    with running([sys.executable, "-c", WORKER], os.environ, tmp_path) as worker:
        eventually("a run", runs.exists)
    assert worker.returncode == 0
    assert runs.read_text() == "began\nended\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_a_child_starts_ends_it(number, tmp_path, monkeypatch):
    started = []

    def slow(*arguments, **options):
        started.append(start(*arguments, **options))
        os.kill(os.getpid(), number)  # before anybody has the child
        return started[0]

    start = subprocess.Popen
    monkeypatch.setattr("flows.processes.subprocess.Popen", slow)
    with pytest.raises(KeyboardInterrupt), ending_at_signals(), running(SLEEPER, os.environ, tmp_path):
        raise AssertionError("the block is not entered")
    assert started[0].returncode is not None


def test_a_child_hears_the_signals_that_we_put_off(tmp_path):
    with running(SLEEPER, os.environ, tmp_path) as child:
        status = Path(f"/proc/{child.pid}/status").read_text()
        assert int(status.partition("SigIgn:")[2].split()[0], 16) & (1 << (signal.SIGTERM - 1)) == 0
