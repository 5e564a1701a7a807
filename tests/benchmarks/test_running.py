"""Benchmarks as processes: what they print is passed on and kept, what they use is measured, nothing outlives them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from benchmarks.results import read_result

ROOT = Path(__file__).parents[2]
DRIVER = """
import sys
from pathlib import Path
from benchmarks.__main__ import run_all
from benchmarks.suite import Benchmark
from flows.processes import ending_at_signals
root = Path(sys.argv[1])
wanted = [Benchmark(name, f"{name} SCRATCH/here", "any.md") for name in sys.argv[2:]]
with ending_at_signals():
    sys.exit(run_all(wanted, {"SCRATCH": root / "scratch"}, root / "results", is_long=False, root=root))
"""
TABLE = "print('costs\\n\\n| a | b |\\n|---|---|\\n| x | 1.0 |')\n"
BENCHMARKS = {
    "good": f"import sys\n{TABLE}print('| ' + sys.argv[1][-12:] + ' | 2.0 |')\nsum(i for i in range(3_000_000))\n",
    "failing": f"{TABLE}raise OSError('the disk is gone')\n",
    "killed": f"import os, signal\n{TABLE}os.kill(os.getpid(), signal.SIGKILL)\n",
    "endless": "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    f"{TABLE}print(f'| {{child.pid}} | 3 |')\ntime.sleep(600)\n",
}


@pytest.fixture
def root(tmp_path):
    (tmp_path / "benchmarks").mkdir()
    for name, text in BENCHMARKS.items():
        (tmp_path / "benchmarks" / f"{name}.py").write_text(text)
    return tmp_path


def command(root, *names):
    return [sys.executable, "-c", DRIVER, str(root), *names]


def the_result(root):
    (path,) = (root / "results").glob("*.json")
    return read_result(path)


def test_all_run_though_one_fails_and_one_is_killed(root):
    run = subprocess.run(
        command(root, "failing", "killed", "good"), cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 1
    assert "| x | 1.0 |" in run.stdout
    assert "FAILED (exit code -9)" in run.stdout
    assert run.stdout.rstrip().endswith("Failed: failing, killed.")
    assert "[2 of 3] killed: begins, " in run.stderr
    found = the_result(root)
    assert found.complete
    failing, killed, good = found.benchmarks
    assert (failing.state, failing.exit_code) == ("failed", 1)
    assert failing.reason.endswith("OSError: the disk is gone\n")
    assert (killed.state, killed.exit_code, killed.tables[0].rows) == ("failed", -9, (("x", "1.0"),))
    assert (good.state, good.command) == ("done", "python -m benchmarks.good SCRATCH/here")
    assert good.tables[0].rows == (("x", "1.0"), ("scratch/here", "2.0"))
    assert 0.01 < good.cpu_s < 60
    assert good.peak_mib > 1


def test_one_that_is_stopped_keeps_what_was_measured(root):
    run = subprocess.Popen(
        command(root, "good", "endless", "good"), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        line = next(line for line in run.stdout if line.endswith("| 3 |\n"))
        state = [(entry.name, entry.state) for entry in the_result(root).benchmarks]
        assert state == [("good", "done"), ("endless", "running")]
        run.send_signal(signal.SIGTERM)
        _, said = run.communicate(timeout=60)
    finally:
        run.kill()
    assert run.returncode == 130
    assert said.splitlines()[-1].startswith("stopped; what was measured so far is in ")
    found = the_result(root)
    assert not found.complete
    assert [entry.state for entry in found.benchmarks] == ["done", "stopped"]
    grandchild = int(line.split("|")[1])
    assert found.benchmarks[1].tables[0].rows == (("x", "1.0"), (str(grandchild), "3"))
    assert _is_gone(grandchild)


def _is_gone(pid):
    deadline_s = time.monotonic() + 10
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


def test_a_wrong_name_and_a_wrong_folder_are_bad_input(tmp_path):
    def said(*options):
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks", *options], cwd=ROOT, capture_output=True, text=True, env=os.environ
        )
        return run.returncode, run.stdout, run.stderr

    code, out, error = said("--only", "listing", "nothing")
    assert (code, out) == (2, "")
    assert error.startswith("error: no benchmark is named nothing; there are listing, ")
    none = tmp_path / "none"
    assert said("--data", str(none)) == (2, "", f"error: {none} is no folder; give one that is there, or none\n")
