"""Memory and CPU time of listing and hashing many files, beside a bare loop that does no more than read them.

    python -m benchmarks.listing 10000 100000 1000000

Each figure is of a process of its own: the first ingest of so many tiny files, the second one where nothing
changed, and the bare loop (os.walk, open, sha256). Makes the files in a temporary folder, 1,000 to a folder.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FILES_PER_FOLDER = 1_000

INGEST = """
import json, resource, sys
from pathlib import Path
from datasets.sources import source_settings
from tasks.ingest import ingest, listing_digest
from tasks.parallel import ComputeSettings
from tasks.stage_context import StageContext
from tasks.stage_process import peak_rss_mib

folder, work = Path(sys.argv[1]), Path(sys.argv[2])
work.mkdir(parents=True, exist_ok=True)
settings = source_settings(kind="folder_per_class", path=folder)
def context(reads):
    return StageContext(dataset="d", seed=0, inputs={}, out=work, place="", shared=work, published=work, recipe="",
                        compute=ComputeSettings(), reads=reads)
reads = listing_digest(settings, context(None))
listed = resource.getrusage(resource.RUSAGE_SELF)
summary = ingest(settings, context(reads))
assert summary["images_in"] == int(sys.argv[3]), summary
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"listing_cpu_s": listed.ru_utime + listed.ru_stime, "new": summary["new"],
                  "cpu_s": used.ru_utime + used.ru_stime, "rss_mib": peak_rss_mib()}))
"""

BARE_LOOP = """
import hashlib, json, os, resource, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        with open(os.path.join(folder, name), "rb") as file:
            hashlib.sha256(file.read()).hexdigest()
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"cpu_s": used.ru_utime + used.ru_stime, "rss_mib": used.ru_maxrss / 1024}))
"""


def main() -> None:
    """Measure for each number of files, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=int, nargs="*", default=[10_000, 100_000])
    columns = (
        "files",
        "listing, CPU s",
        "first ingest, CPU s",
        "again, CPU s",
        "bare loop, CPU s",
        "peak RSS, MiB",
        "wall, s",
    )
    print("|", " | ".join(columns), "|")
    print("|---|---|---|---|---|---|---|")
    for count in parser.parse_args().files:
        with tempfile.TemporaryDirectory() as scratch:
            folder = make_files(Path(scratch) / "files", count)
            started_s = time.monotonic()
            first = measured(INGEST, folder, Path(scratch) / "work", count)
            wall_s = time.monotonic() - started_s
            again = measured(INGEST, folder, Path(scratch) / "work", count)
            bare = measured(BARE_LOOP, folder)
        assert (first["new"], again["new"]) == (count, 0)
        print(
            f"| {count:,} | {first['listing_cpu_s']:.1f} | {first['cpu_s']:.1f} | {again['cpu_s']:.1f} "
            f"| {bare['cpu_s']:.1f} | {max(first['rss_mib'], again['rss_mib']):.0f} | {wall_s:.0f} |"
        )


def make_files(folder: Path, count: int) -> Path:
    """Write files of a few bytes, each different."""
    for start in range(0, count, FILES_PER_FOLDER):
        below = folder / f"{start // FILES_PER_FOLDER:05}"
        below.mkdir(parents=True)
        for number in range(start, min(start + FILES_PER_FOLDER, count)):
            (below / f"{number:08}.png").write_bytes(number.to_bytes(8, "little"))
    return folder


def measured(program: str, *arguments: object) -> dict[str, float]:
    """What a program of a process of its own prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    main()
