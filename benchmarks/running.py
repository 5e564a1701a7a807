"""One benchmark as a process of its own: its output passed on and kept; CPU time and memory are the kernel's."""

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from benchmarks.machine import ROOT
from benchmarks.results import Measured
from benchmarks.suite import Benchmark
from benchmarks.tables import tables_in
from flows.processes import end

POLL_S = 0.1
TELL_EVERY_S = 30.0
DRAIN_S = 5.0
LAST_WORDS_LINES = 5
QUIET = {"PYTHONUNBUFFERED": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}


@dataclass
class Tee:
    """A thread that passes on what a stream says, line by line, and keeps it."""

    source: IO[bytes]
    target: IO[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.thread = threading.Thread(target=self._pass_on, daemon=True)
        self.thread.start()

    def _pass_on(self) -> None:
        for payload in self.source:
            line = payload.decode(errors="replace")
            self.lines.append(line)
            with suppress(OSError):  # nobody listens any more; the child must not wait for that
                self.target.write(line)
                self.target.flush()

    def text(self) -> str:
        """All of it, once the child has ended; a server that it left behind may keep the stream open."""
        self.thread.join(DRAIN_S)
        return "".join(self.lines)


def run_benchmark(benchmark: Benchmark, places: Mapping[str, Path], which: str, root: Path = ROOT) -> Measured:
    """Run it to its end, and say now and then that it runs. Ctrl-C ends it with all that it started: `stopped`.

    `which`: "[3 of 20] listing", for messages. `root`: holds the package `benchmarks`.
    """
    module, *arguments = benchmark.words(places)
    load_before, started_s = os.getloadavg()[0], time.monotonic()
    child = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.{module}", *arguments],
        env={**os.environ, **QUIET},
        cwd=root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C reaches it through us alone, and so all of it
    )
    assert child.stdout is not None and child.stderr is not None
    out, words = Tee(child.stdout, sys.stdout), Tee(child.stderr, sys.stderr)
    usage = _waited(child, which)
    return Measured(
        name=benchmark.name,
        command=f"python -m benchmarks.{benchmark.command}",
        state="stopped" if usage is None else "failed" if child.returncode else "done",
        reason="" if usage and not child.returncode else "".join(words.text().splitlines(True)[-LAST_WORDS_LINES:]),
        exit_code=child.returncode,
        cpu_s=None if usage is None else round(usage.ru_utime + usage.ru_stime, 2),
        wall_s=round(time.monotonic() - started_s, 1),
        peak_mib=None if usage is None else round(usage.ru_maxrss / 1024, 1),
        load_before=round(load_before, 2),
        load_after=round(os.getloadavg()[0], 2),
        tables=tables_in(out.text()),
    )


def _waited(child: "subprocess.Popen[bytes]", which: str) -> resource.struct_rusage | None:
    """What it used until it ended; None where Ctrl-C ended it."""
    began_s = told_s = time.monotonic()
    try:
        while True:
            pid, status, usage = os.wait4(child.pid, os.WNOHANG)
            if pid:
                child.returncode = os.waitstatus_to_exitcode(status)
                return usage
            if time.monotonic() - told_s >= TELL_EVERY_S:
                told_s = time.monotonic()
                say(f"{which}: for {minutes(told_s - began_s)} now")
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        end(child)
        return None


def say(text: str) -> None:
    """A line about how far it is, beside the tables."""
    print(text, file=sys.stderr, flush=True)


def minutes(seconds: float) -> str:
    """As people say it."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02} s"
