"""CPU time that Prefect costs a run, in the run's own process and in the server.

    python -m benchmarks.prefect_share demo/settings.yaml

Runs a flow first until nothing is left to do, then again so many times with Prefect, against a server of its own on
this machine (SQLite, in a temporary folder), and without: the same stages, all skipped, with the same lock, record and
report. What Prefect costs hardly depends on what stages do, since none of their work goes through it: a run, a task per
stage, and a line of log now and then. The server goes on working after a run has ended; it is given time for that, and
what it takes while nothing runs is taken off.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

from benchmarks.command_cost import measured
from benchmarks.tables import markdown
from tasks.stages import FLOWS

COLUMNS = (
    "flow", "without Prefect", "with Prefect", "Prefect in the run's process", "in the server", "in all",
    "server at rest, a minute",
)  # fmt: skip
START_TIMEOUT_S = 240
SETTLE_S = 30

WITHOUT = """
import logging, sys
from pathlib import Path
from flows.preflight import preflight
from flows.settings import load_settings
from tasks.report.build import build_report
from tasks.run import Run
from tasks.run_log import LogObserver
from tasks.stage import workspace_lock
from tasks.stages import FLOWS
settings, stages = load_settings(Path(sys.argv[1])), FLOWS[sys.argv[2]]
preflight(settings, stages)
with workspace_lock(settings.place):
    logger = logging.getLogger("run")
    run = Run(flow=sys.argv[2], settings=settings, place=settings.place, observer=LogObserver(logger))
    run.run_stages(stages)
    build_report(run.finish(None), run.report_path)
"""

WITH = """
import sys
from flows import pipelines
getattr(pipelines, sys.argv[2].replace("-", "_"))(settings_file=sys.argv[1])
"""


def main() -> None:
    """Print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("settings", type=Path, help="settings file")
    parser.add_argument("--flow", choices=FLOWS, default="augment-dataset")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    arguments = [str(chosen.settings.resolve()), chosen.flow]
    cpu_of(WITHOUT, arguments, dict(os.environ))
    with tempfile.TemporaryDirectory(prefix="prefect-share-") as home, server(Path(home)) as (process, environment):
        cpu_of(WITH, arguments, environment)  # the first run of a deployment or flow registers it
        time.sleep(SETTLE_S)
        idle_per_s = cpu_during(process, SETTLE_S) / SETTLE_S
        rows = [shares(process, environment, arguments, idle_per_s) for _ in range(chosen.rounds)]
    plain, client, served = (statistics.median(column) for column in zip(*rows, strict=True))
    print(f"CPU s, median of {chosen.rounds}\n")
    flow = f"{chosen.flow}, {len(FLOWS[chosen.flow])} stages, all skipped"
    cells = [plain, client, client - plain, served, client - plain + served, 60 * idle_per_s]
    print(markdown(COLUMNS, [[flow, *(f"{cell:.1f}" for cell in cells)]]))


def shares(
    process: psutil.Process, environment: dict[str, str], arguments: list[str], idle_per_s: float
) -> tuple[float, float, float]:
    """CPU seconds of a run without Prefect, of one with it, and of the server for the latter."""
    plain = cpu_of(WITHOUT, arguments, environment)
    before, started_s = cpu_s(process), time.monotonic()
    client = cpu_of(WITH, arguments, environment)
    time.sleep(SETTLE_S)
    return plain, client, cpu_s(process) - before - idle_per_s * (time.monotonic() - started_s)


def cpu_of(script: str, arguments: list[str], environment: dict[str, str]) -> float:
    """CPU seconds of a Python process and all that it started."""
    return measured([sys.executable, "-c", script, *arguments], environment).cpu_s


def cpu_s(process: psutil.Process) -> float:
    """CPU seconds so far of a process and its children."""
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return sum(entry.user + entry.system for entry in times)


def cpu_during(process: psutil.Process, seconds: float) -> float:
    before = cpu_s(process)
    time.sleep(seconds)
    return cpu_s(process) - before


@contextmanager
def server(home: Path) -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    """A server on a free port, and the environment in which it is found."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    quiet = {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1", "PREFECT_LOGGING_LEVEL": "ERROR"}
    environment = {**os.environ, **quiet, "PREFECT_HOME": str(home), "PREFECT_API_URL": url}
    command = [sys.executable, "-m", "prefect", "server", "start", "--no-ui", "--port", str(port)]
    with (home / "server.log").open("wb") as log:
        child = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"{url}/health")
        yield psutil.Process(child.pid), environment
    finally:
        child.terminate()
        child.wait(30)


def wait_for(url: str) -> None:
    """Until it answers. Raises TimeoutError."""
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s:
        try:
            if httpx.get(url, timeout=5).is_success:
                return
        except httpx.TransportError:
            pass  # it is not up yet
        time.sleep(0.5)
    raise TimeoutError(f"no server answered at {url} within {START_TIMEOUT_S} s")


if __name__ == "__main__":
    main()
