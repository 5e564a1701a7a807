"""How many workers this machine bears: by its cores, and by its memory. Limits of containers count as the machine's."""

import os
from collections.abc import Iterator
from pathlib import Path

MIN_WORKER_MIB = 512
# What is left to the process that gives out the work, and to the system.
WORKERS_SHARE = 0.9
_UNLIMITED = 1 << 60  # version 1 of control groups writes a huge number for no limit


def usable_cores(root: Path = Path("/")) -> int:
    """Cores that this process may use: no more than its affinity and the quota of its control groups allow."""
    cores = len(os.sched_getaffinity(0))
    for folder in _control_groups(root, "cpu"):
        quota, period = _quota(folder)
        if quota > 0 and period > 0:
            cores = min(cores, max(1, -(-quota // period)))
    return cores


def usable_bytes(root: Path = Path("/")) -> int:
    """Memory in bytes that this process may use: no more than the machine has and its control groups allow."""
    fields = (root / "proc/meminfo").read_text(encoding="ascii").split()
    limit = int(fields[fields.index("MemTotal:") + 1]) * 1024
    for folder in _control_groups(root, "memory"):
        for name in ("memory.max", "memory.high", "memory.limit_in_bytes"):
            found = _numbers(folder / name)
            if found and 0 < found[0] < _UNLIMITED:
                limit = min(limit, found[0])
    return limit


def affordable_workers(cores: int, memory_bytes: int, worker_mib: int = MIN_WORKER_MIB) -> int:
    """One worker per core, as far as each has `worker_mib` of memory; at least one."""
    return max(1, min(cores, int(memory_bytes * WORKERS_SHARE) // (worker_mib << 20)))


def _control_groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the groups that this process is in, of either version; those further up limit it too."""
    listed = root / "proc/self/cgroup"
    for line in listed.read_text(encoding="utf-8").splitlines() if listed.exists() else ():
        _, controllers, group = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        base = root / "sys/fs/cgroup" / controllers
        place = base / group.lstrip("/")
        yield from (folder for folder in (place, *place.parents) if folder.is_relative_to(base) and folder.is_dir())


def _quota(folder: Path) -> tuple[int, int]:
    """Microseconds of processor time in each period of so many; 0 where there is no limit."""
    if numbers := _numbers(folder / "cpu.max"):
        return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)
    quota, period = _numbers(folder / "cpu.cfs_quota_us"), _numbers(folder / "cpu.cfs_period_us")
    return (quota[0], period[0]) if quota and period else (0, 0)


def _numbers(path: Path) -> list[int]:
    """Whole numbers in a file; none where it is missing, or says `max`."""
    try:
        return [int(word) for word in path.read_text(encoding="ascii").split()]
    except (OSError, ValueError):
        return []
