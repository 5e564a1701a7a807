"""The benchmarks one after another: their tables as Markdown on standard output, and all of it as JSON.

    python -m benchmarks [--data DATA] [--peers PEERS] [--long] [--only NAME ...] [--results FOLDER]

DATA holds `fashion-mnist/` (IDX files), `clothing/` (JPEG files, in folders of any depth) and `torture/` (odd and
broken files with their `INDEX.tsv`). PEERS holds one virtual environment per tool, named as the tool: `cleanvision/`,
`imagededup/`, `img2dataset/`, and `torch/` for the published programs of metrics; the docstrings of `check_cost.py`,
`prepare_cost.py` and `peers/metric_values.py` say how to make them. What is not there is left out, and that is said.
The result is written after each benchmark, so that one that is stopped is kept as far as it came; `python -m
benchmarks.compare` compares it with the one before. Exit code 1 where a benchmark failed, 130 after Ctrl-C.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.machine import ROOT, commit, this_machine, versions
from benchmarks.results import RESULTS, Measured, Result, new_path, write_result
from benchmarks.running import minutes, run_benchmark, say
from benchmarks.suite import Benchmark, chosen
from datasets.errors import BadInput
from flows.processes import ending_at_signals

INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        wanted = list(chosen(options.only))
        places = {name: _folder(path) for name, path in (("DATA", options.data), ("PEERS", options.peers)) if path}
    except BadInput as error:
        say(f"error: {error}")
        return 2
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as scratch, ending_at_signals():
        try:
            return run_all(wanted, {**places, "SCRATCH": Path(scratch)}, options.results, is_long=options.long)
        except KeyboardInterrupt:  # between two benchmarks
            return INTERRUPTED


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="folder with fashion-mnist/, clothing/ and torture/")
    parser.add_argument("--peers", type=Path, help="folder with the peers' environments")
    parser.add_argument("--long", action="store_true", help="also what takes more than some minutes: hours in all")
    parser.add_argument("--only", nargs="+", default=[], help="names of benchmarks")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for the result (%(default)s)")
    return parser.parse_args(arguments)


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise BadInput(f"{path} is no folder; give one that is there, or none")
    return path.resolve()


def run_all(
    wanted: Sequence[Benchmark], places: Mapping[str, Path], folder: Path, *, is_long: bool, root: Path = ROOT
) -> int:
    """Run one after another, and write what is known before and after each."""
    started, began_s = datetime.now(UTC), time.monotonic()
    result = _begun(started, is_long)
    path = new_path(folder, started)
    print(_about(result), flush=True)
    for number, benchmark in enumerate(wanted, 1):
        print(f"\n## {benchmark.name}\n", flush=True)
        fitting = benchmark.fitting(places, is_long=is_long)
        if isinstance(fitting, str):
            print(f"Left out: {fitting}.", flush=True)
            measured = Measured(name=benchmark.name, state="left out", reason=fitting)
        else:
            write_result(result.with_benchmark(Measured(name=benchmark.name, state="running")), path)
            which = f"[{number} of {len(wanted)}] {benchmark.name}"
            say(f"{which}: begins, {minutes(time.monotonic() - began_s)} after the first")
            print(f"`python -m benchmarks.{fitting.command}`; load before it {os.getloadavg()[0]:.1f}\n", flush=True)
            measured = run_benchmark(fitting, places, which, root)
            print(f"\n{_told(measured)}", flush=True)
        result = result.with_benchmark(measured)
        write_result(result, path)
        if measured.state == "stopped":
            say(f"stopped; what was measured so far is in {path}")
            return INTERRUPTED
    write_result(result.model_copy(update={"complete": True}), path)
    say(f"all of it in {minutes(time.monotonic() - began_s)}; the result is {path}")
    return _end(result)


def _begun(started: datetime, is_long: bool) -> Result:
    return Result(
        started_at=started.isoformat(timespec="seconds"),
        is_long=is_long,
        machine=this_machine(),
        versions=versions(),
        commit=commit(),
    )


def _about(result: Result) -> str:
    known = ", ".join(f"{name} {version}" for name, version in result.versions.items())
    code = f"; code {result.commit}" if result.commit else ""
    return f"# Benchmarks\n\n{result.machine}; {known}{code}; {result.started_at}."


def _told(measured: Measured) -> str:
    """What it cost, for people."""
    state = {"done": "Done", "failed": f"FAILED (exit code {measured.exit_code})"}.get(measured.state, "Stopped")
    if measured.cpu_s is None or measured.wall_s is None:
        return f"{state}."
    cost = f"{measured.cpu_s:.0f} CPU s, {measured.wall_s:.0f} s, peak {measured.peak_mib:,.0f} MiB"
    return f"{state}: {cost}, load {measured.load_before:.1f} before, {measured.load_after:.1f} after."


def _end(result: Result) -> int:
    cpu_s = sum(entry.cpu_s or 0 for entry in result.benchmarks)
    failed = [entry.name for entry in result.benchmarks if entry.state == "failed"]
    print(f"\n{cpu_s:.0f} CPU s in all." + (f" Failed: {', '.join(failed)}." if failed else ""), flush=True)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
