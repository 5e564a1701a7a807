"""What figures depend on besides the code: the machine, its system, and versions."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

LIBRARIES = (
    "numpy", "scipy", "opencv-python-headless", "simplejpeg", "pillow", "imaug", "pyarrow", "dask", "prefect",
    "tensorflow", "keras",
)  # fmt: skip
ROOT = Path(__file__).resolve().parent.parent


class Machine(BaseModel):
    """Processor, cores that may be used, and memory: figures of unlike ones are not compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    processor: str
    cores: int
    memory_gib: int

    def __str__(self) -> str:
        return f"{self.cores} cores ({self.processor}), {self.memory_gib} GiB"


def this_machine() -> Machine:
    """What Linux says of it."""
    processor = next((text for text in _values("/proc/cpuinfo", "model name")), platform.machine())
    kib = next((int(text.split()[0]) for text in _values("/proc/meminfo", "MemTotal")), 0)
    return Machine(processor=processor, cores=len(os.sched_getaffinity(0)), memory_gib=round(kib / 2**20))


def versions() -> dict[str, str]:
    """Of the system, Python and the libraries whose speed shows."""
    of_system = {"system": f"{platform.system()} {platform.release()}", "Python": platform.python_version()}
    return of_system | {name: version(name) for name in LIBRARIES}


def commit() -> str:
    """Of the code, with "changed" where files differ from it; empty where git knows of none."""
    found = _git("rev-parse", "--short=12", "HEAD")
    return f"{found}, changed" if found and _git("status", "--porcelain", "--untracked-files=no") else found


def _git(*arguments: str) -> str:
    try:
        run = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return run.stdout.strip() if run.returncode == 0 else ""


def _values(path: str, name: str) -> list[str]:
    """What a file of /proc says after a name and a colon."""
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [line.partition(":")[2].strip() for line in lines if line.startswith(name)]
