"""What one run of a command costs: CPU time of it and of all that it started, as the kernel has it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.machine import ROOT


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command used, with all its children."""

    cpu_s: float
    wall_s: float


def measured(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, in our environment where none is given. Exits with its last words where it fails."""
    started_s = time.monotonic()
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(command, env=environment, stdout=words, stderr=words, cwd=ROOT)
        try:
            _, status, usage = os.wait4(child.pid, 0)
        except BaseException:
            child.kill()
            raise
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            words.seek(0)
            sys.exit(f"{' '.join(command)} failed:\n{words.read()[-2000:].decode(errors='replace')}")
    return Cost(cpu_s=usage.ru_utime + usage.ru_stime, wall_s=time.monotonic() - started_s)
