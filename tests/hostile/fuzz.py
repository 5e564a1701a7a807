"""Tries one reader with changed contents: it reads them, or refuses in one sentence, soon, within bounded memory.

A case is named by (seed, reader, number) alone, so that a finding can be made again by itself.
"""

import resource
import time
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from datasets.errors import BadInput
from tests.hostile.foreign_files import FOREIGN
from tests.hostile.kept_files import kept_readers
from tests.hostile.own_files import own_readers
from tests.hostile.reader import Reader

MOST_CPU_S = 3.0
MOST_SENTENCE = 3000
MOST_MEMORY_MIB = 2048
ALLOWED = (BadInput, OSError)


@dataclass
class Outcome:
    """What came of the cases of one reader. A finding is (number of the case, what happened)."""

    reader: str
    cases: int = 0
    refused: int = 0
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    findings: list[tuple[int, str]] = field(default_factory=list)

    @property
    def kinds(self) -> Counter[str]:
        """Findings by what happened."""
        return Counter(what for _, what in self.findings)


def all_readers() -> tuple[Reader, ...]:
    """Those of foreign files, those of our own, and those of what runs keep and leave to others."""
    with TemporaryDirectory() as folder:
        return FOREIGN + own_readers(Path(folder)) + kept_readers()


def tried(reader: Reader, seed: int, numbers: range, until_s: float | None = None) -> Outcome:
    """The cases of these numbers, as far as there is time (by the clock of `time.monotonic`)."""
    outcome = Outcome(reader.name)
    with TemporaryDirectory() as scratch:
        contents = reader.contents(Path(scratch))
    with TemporaryDirectory() as scratch:
        for number in numbers:
            if until_s is not None and time.monotonic() > until_s:
                break
            content = content_of(reader, contents, seed, number)
            folder = Path(scratch) / f"{number % 64}"
            folder.mkdir(exist_ok=True)
            _try(reader, content, folder, number, outcome)
    return outcome


def content_of(reader: Reader, contents: list[bytes], seed: int, number: int) -> bytes:
    """The changed content of one case."""
    random = np.random.default_rng([seed, zlib.crc32(reader.name.encode()), number])
    return reader.change(contents[int(random.integers(len(contents)))], random)


def _try(reader: Reader, content: bytes, folder: Path, number: int, outcome: Outcome) -> None:
    started_s, before_mib = time.process_time(), _peak_mib()
    problem = None
    try:
        reader.read(content, folder)
    except Exception as error:
        outcome.refused += 1
        problem = _fault_of(error, reader)
    took_s = time.process_time() - started_s
    outcome.cases += 1
    outcome.cpu_s += took_s
    outcome.slowest_s = max(outcome.slowest_s, took_s)
    if took_s > MOST_CPU_S:
        problem = f"took {took_s:.1f} s"
    if _peak_mib() - before_mib > MOST_MEMORY_MIB:
        problem = "took more than 2 GiB"
    if problem:
        outcome.findings.append((number, problem))


def _fault_of(error: Exception, reader: Reader) -> str | None:
    if reader.never_raises or not isinstance(error, ALLOWED):
        return f"{type(error).__name__}: {str(error)[:100]}"
    if "\n" in str(error):
        return f"more than one line: {str(error)[:100]!r}"
    if len(str(error)) > MOST_SENTENCE:
        return f"a sentence of {len(str(error))} characters"
    return None


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
