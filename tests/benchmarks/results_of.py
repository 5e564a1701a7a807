"""Results as a run of the benchmarks would have written them."""

from benchmarks.machine import Machine
from benchmarks.results import Measured, Result
from benchmarks.tables import Table

HERE = Machine(processor="a processor", cores=2, memory_gib=24)
COSTS = Table(title="costs", columns=("files", "CPU s"), rows=(("1,000", "2.0"), ("10,000", "20.0")))


def measured(name="listing", **changes):
    figures = {"cpu_s": 30.0, "wall_s": 40.0, "peak_mib": 200.0, "load_before": 1.0, "load_after": 2.0, "exit_code": 0}
    given = {"name": name, "command": f"python -m benchmarks.{name}", "state": "done", "tables": (COSTS,)}
    return Measured.model_validate({**given, **figures, **changes})


def result(*benchmarks, **changes):
    given = {"started_at": "2026-11-22T18:00:00+00:00", "complete": True, "machine": HERE, "versions": {"numpy": "2.4"}}
    return Result(**{**given, "commit": "abc", "benchmarks": benchmarks or (measured(),), **changes})
