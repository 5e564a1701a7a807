"""CPU time and memory of every operation on a whole manifest, and how they grow, on made-up rows.

    python -m benchmarks.manifest_growth 10000 100000 1000000 --json growth.json

Each figure is of a process of its own, which calls what a run calls; all include the imports, which are the first line.
The rows are made by a seed: 10 classes of which each has two thirds of the images of the one before, thumbnails and
hashes of pictures made up of waves (see duplicate_search.py), a tenth near copies, a twentieth exact ones, and measures
with some outliers. Later operations work on what earlier ones wrote. The search for near copies, which by far takes the
most time, is left out above `--near-up-to` images; duplicate_search.py measures it alone.
"""

import argparse
import hashlib
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.duplicate_search import make_images

CLASSES = 10
CLASS_RATIO = 2 / 3
EXACT_COPIES = 0.05
ODD = 0.01
PIECE_ROWS = 8_192
PACK_IMAGES = 4_096
NEAR_UP_TO = 100_000
LEAST_TOLD_S = 0.05

Figures = dict[str, Any]


def main() -> None:
    """Print a Markdown table, and write all figures as JSON where that is asked for."""
    chosen = _arguments()
    if chosen.operation:
        print(json.dumps(measured_here(chosen.operation, chosen.folder)))
        return
    figures: dict[int, dict[str, Figures]] = {}
    for count in sorted(chosen.counts):
        with tempfile.TemporaryDirectory(prefix="manifest-growth-", dir=chosen.scratch) as scratch:
            folder = Path(scratch)
            make_manifest(folder, count)
            figures[count] = {}
            for name in OPERATIONS:
                if name != "curate" or count <= chosen.near_up_to:
                    figures[count][name] = measured(name, folder)
                    print(f"{count:,} {name}: {figures[count][name]}", file=sys.stderr, flush=True)
    print_table(figures)
    if chosen.json:
        load = os.getloadavg()[0]
        chosen.json.write_text(json.dumps({"load": load, "figures": figures}, indent=1), encoding="utf-8")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--near-up-to", type=int, default=NEAR_UP_TO, help="search for near copies up to so many rows")
    parser.add_argument("--json", type=Path, help="file to write all figures to")
    parser.add_argument("--scratch", type=Path, help="folder for the rows; 3 KiB each")
    parser.add_argument("--operation", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(name: str, folder: Path) -> Figures:
    """The figures of one operation, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.manifest_growth", "--operation", name, "--folder", str(folder)]
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    figures: Figures = json.loads(run.stdout.splitlines()[-1])
    return figures


def measured_here(name: str, folder: Path) -> Figures:
    """CPU seconds and peak memory of this process, from its start, and CPU seconds of parts where there are some."""
    from tasks.stage_process import peak_rss_mib

    started_s = time.monotonic()
    parts = OPERATIONS[name](folder) or {}
    used = resource.getrusage(resource.RUSAGE_SELF)
    wall_s = time.monotonic() - started_s
    return {"cpu_s": used.ru_utime + used.ru_stime, "wall_s": wall_s, "peak_mib": peak_rss_mib(), "parts": parts}


def make_manifest(folder: Path, count: int) -> None:
    """Write what scan would have written of so many images: manifest and findings."""
    from datasets.manifest import FINDINGS_FILE, FINDINGS_SCHEMA, MANIFEST_FILE, manifest_writer, write_table

    make_images(folder, count)
    rng = np.random.default_rng(1)
    thumbnails = np.load(folder / "thumbnails.npy", mmap_mode="r")
    hashes = {name: np.load(folder / f"{name}.npy") for name in ("phash", "phash_mirror")}
    shares = CLASS_RATIO ** np.arange(CLASSES)
    classes = rng.choice(CLASSES, count, p=shares / shares.sum())
    same_as = np.where(rng.random(count) < EXACT_COPIES, rng.integers(0, count, count), np.arange(count))
    (folder / "scan").mkdir()
    with manifest_writer(folder / "scan" / MANIFEST_FILE) as writer:
        for start in range(0, count, PIECE_ROWS):
            rows = np.arange(start, min(count, start + PIECE_ROWS))
            known = {name: codes[rows] for name, codes in hashes.items()}
            writer.write(_piece(rows, classes[rows], same_as[rows], known, np.asarray(thumbnails[rows]), rng))
    write_table(FINDINGS_SCHEMA.empty_table(), folder / "scan" / FINDINGS_FILE)


def _piece(
    rows: np.ndarray,
    classes: np.ndarray,
    same_as: np.ndarray,
    hashes: dict[str, np.ndarray],
    thumbnails: np.ndarray,
    rng: np.random.Generator,
) -> pa.Table:
    from datasets.manifest import SCHEMA

    count = len(rows)
    odd = np.where(rng.random(count) < ODD, 0.05, 1.0)
    columns: dict[str, Any] = {
        "source": ["photos"] * count,
        "member": [f"class-{label}/{row:09}.jpg" for row, label in zip(rows.tolist(), classes.tolist(), strict=True)],
        "frame": np.zeros(count, np.int32),
        "kind": ["real"] * count,
        "sha256": [_digest(f"bytes {row}") for row in rows.tolist()],
        "size_bytes": rng.integers(8_000, 80_000, count),
        "label": [f"class-{label}" for label in classes.tolist()],
        "licence": ["CC0-1.0"] * count,
        "status": ["kept"] * count,
        "format": ["jpeg"] * count,
        "width_px": rng.integers(300, 700, count),
        "height_px": rng.integers(300, 700, count),
        "channels": np.full(count, 3),
        "bit_depth": np.full(count, 8),
        "mean": rng.normal(120, 25, count),
        "std": rng.normal(55, 8, count).clip(10) * odd,
        "entropy_bits": rng.normal(7, 0.4, count).clip(1, 8),
        "sharpness": rng.lognormal(6, 0.6, count) * odd,
        "brightness_p05": rng.normal(30, 8, count).clip(0),
        "brightness_p95": rng.normal(210, 15, count).clip(0, 255),
        "clipped_fraction": rng.random(count) * 0.05,
        "pixel_sha256": [_digest(f"pixels {row}") for row in same_as.tolist()],
        "thumbnail": pa.FixedSizeBinaryArray.from_buffers(pa.binary(1024), count, [None, pa.py_buffer(thumbnails)]),
        "pack": [f"pixels/made-up/{row // PACK_IMAGES:06}.pack" for row in rows.tolist()],
        "offset": rows % PACK_IMAGES * 8_192,
        "length": rng.integers(4_000, 8_000, count),
        "channel_sums": rng.integers(0, 1 << 20, (count, 3)).tolist(),
        "channel_square_sums": rng.integers(0, 1 << 28, (count, 3)).tolist(),
        **hashes,
    }
    arrays = [
        pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _context(folder: Path, out: str, *inputs: str) -> Any:
    from tasks.parallel import ComputeSettings
    from tasks.stage_context import StageContext

    (folder / out).mkdir(exist_ok=True)
    return StageContext(
        dataset="made_up",
        seed=0,
        inputs={name: folder / name for name in inputs},
        out=folder / out,
        place=out,
        shared=folder,
        published=folder / "published",
        recipe="",
        compute=ComputeSettings(mode="synchronous"),
    )


def imports_alone(_: Path) -> None:
    """What every other figure includes."""
    import tasks.curate
    import tasks.gate_data
    import tasks.shard
    import tasks.split
    import tasks.verification.manifest_match  # noqa: F401


def read_whole(folder: Path) -> None:
    from datasets.manifest import MANIFEST_FILE, read_table

    read_table(folder / "scan" / MANIFEST_FILE)


def rewrite_in_pieces(folder: Path) -> None:
    from datasets.manifest import MANIFEST_FILE, manifest_writer, read_in_pieces

    with manifest_writer(folder / "rewritten.parquet") as writer:
        for piece in read_in_pieces(folder / "scan" / MANIFEST_FILE):
            writer.write(piece)
    (folder / "rewritten.parquet").unlink()


def curate_without_near(folder: Path) -> dict[str, float]:
    return _curate(folder, "curate", near_duplicates="ignore")


def curate_whole(folder: Path) -> dict[str, float]:
    return _curate(folder, "curate-near")


def _curate(folder: Path, out: str, **settings: Any) -> dict[str, float]:
    """The stage, with the CPU time of each of its checks."""
    from tasks import curate

    parts: dict[str, float] = {}

    def timed(check: Callable[[Any], None]) -> Callable[[Any], None]:
        def run(work: Any) -> None:
            before_s = time.process_time()
            check(work)
            parts[check.__name__.lstrip("_")] = time.process_time() - before_s

        return run

    curate.CHECKS = tuple(map(timed, curate.CHECKS))
    curate.curate(curate.CurateSettings(**settings), _context(folder, out, "scan"))
    return parts


def split(folder: Path) -> None:
    from tasks.split import split as run_split
    from tasks.splitting.settings import SplitSettings

    settings = SplitSettings.model_validate({"balance": {"policy": "undersample", "max_ratio": 20}})
    run_split(settings, _context(folder, "split", "curate"))


def shard_plan(folder: Path) -> None:
    """Which record goes into which shard, and the published manifest; no record is written."""
    from datasets.manifest import MANIFEST_FILE, read_table
    from tasks.shard import write_published_manifest
    from tasks.shard_plan import PLANNED_COLUMNS, partitions, plan_shards, planned_records

    manifest = folder / "split" / MANIFEST_FILE
    records = planned_records(read_table(manifest, PLANNED_COLUMNS))
    plan = plan_shards("made_up", records, 0, 128 << 20)
    partitions([shard for planned in plan.values() for shard in planned])
    (folder / "shard").mkdir(exist_ok=True)
    write_published_manifest([manifest], folder / "shard" / MANIFEST_FILE)


def gate(folder: Path) -> None:
    from tasks.gate_data import DataGateSettings, gate_data

    gate_data(DataGateSettings(), _context(folder, "gate", "curate", "split", "shard"))


def compare_with_last(folder: Path) -> None:
    """The gate's comparison with the last version: here, the same again."""
    from datasets.manifest import MANIFEST_FILE, in_use, read_table
    from tasks.data_gate.measures import against_last
    from tasks.gate_data import NEEDED

    table, old = (read_table(folder / name / MANIFEST_FILE, NEEDED) for name in ("split", "shard"))
    against_last(table, in_use(table), in_use(old))


def leaks(folder: Path) -> None:
    from datasets.manifest import MANIFEST_FILE, in_use, read_table
    from tasks.curation.kept_pairs import read_kept_pairs
    from tasks.data_gate.leaks import NEEDED, find_leaks

    used = in_use(read_table(folder / "split" / MANIFEST_FILE, [*NEEDED, "status"]))
    find_leaks(used, read_kept_pairs(folder / "curate"))


def state(folder: Path) -> None:
    """What is remembered of a published version, written and read again, as the next run does."""
    from datasets.manifest import MANIFEST_FILE, in_use, read_table
    from tasks.state import State, read_state, write_state

    columns = ["sha256", "pixel_sha256", "split", "status"]
    used = in_use(read_table(folder / "split" / MANIFEST_FILE, columns))
    splits = dict(zip(used["sha256"].to_pylist(), used["split"].to_pylist(), strict=True))
    splits.update(zip(used["pixel_sha256"].to_pylist(), used["split"].to_pylist(), strict=True))
    (folder / "state").mkdir()
    write_state(folder / "state", State(splits=splits))
    read_state(folder / "state")


def verify(folder: Path) -> None:
    """The comparison of all records with the manifest; the records are those that the rows say there are."""
    from datasets.manifest import MANIFEST_FILE, in_use, read_table
    from tasks.verification.faults import Faults
    from tasks.verification.manifest_match import COLUMNS, ReadShard, check_manifest, manifest_facts

    table = in_use(read_table(folder / "shard" / MANIFEST_FILE, COLUMNS))
    shards = [ReadShard(split, folder / split) for split in table["split"].unique().to_pylist()]
    numbers = {shard.split: number for number, shard in enumerate(shards)}
    records = manifest_facts(table)
    records["shard"] = [numbers[split] for split in table["split"].to_pylist()]
    records["record"] = np.arange(len(records))
    del table
    faults = Faults(20)
    check_manifest(folder / "shard", shards, records, faults)
    assert not len(faults), list(faults)


OPERATIONS: dict[str, Callable[[Path], dict[str, float] | None]] = {
    "imports alone": imports_alone,
    "read the manifest": read_whole,
    "copy it in pieces": rewrite_in_pieces,
    "curate without near copies": curate_without_near,
    "curate": curate_whole,
    "split, with balance": split,
    "plan of the shards, published manifest": shard_plan,
    "gate of the data": gate,
    "comparison with the last version": compare_with_last,
    "leaks": leaks,
    "state": state,
    "verify, part on the manifest": verify,
}


def print_table(figures: dict[int, dict[str, Figures]]) -> None:
    """A line per operation, with its parts below it; exponents between the two largest numbers of rows."""
    counts = list(figures)
    print("| operation | " + " | ".join(f"CPU s, {count:,}" for count in counts) + " | grows with N to the | ", end="")
    print(" | ".join(f"peak MiB, {count:,}" for count in counts) + " |")
    print("|---" * (2 * len(counts) + 2) + "|")
    for name in OPERATIONS:
        rows = {count: figures[count][name] for count in counts if name in figures[count]}
        started_s = {count: figures[count]["imports alone"]["cpu_s"] for count in rows}
        _print_row(name, counts, {count: row["cpu_s"] for count, row in rows.items()}, rows, started_s)
        for part in next(iter(rows.values()), {"parts": {}})["parts"]:
            seconds = {count: row["parts"][part] for count, row in rows.items()}
            if max(seconds.values()) >= 0.1:
                _print_row(f"… {part}", counts, seconds, {})


def _print_row(
    name: str,
    counts: list[int],
    seconds: dict[int, float],
    rows: dict[int, Figures],
    started_s: dict[int, float] | None = None,
) -> None:
    cells = [f"{seconds[count]:.1f}" if count in seconds else "" for count in counts]
    cells.append(_exponent({count: cpu_s - (started_s or {}).get(count, 0) for count, cpu_s in seconds.items()}))
    cells += [f"{rows[count]['peak_mib']:,.0f}" if count in rows else "" for count in counts]
    print(f"| {name} | {' | '.join(cells)} |")


def _exponent(seconds: dict[int, float]) -> str:
    """Between the two largest numbers of rows; empty where the time is too short to tell."""
    if len(seconds) < 2:
        return ""
    small, large = sorted(seconds)[-2:]
    if min(seconds[small], seconds[large]) < LEAST_TOLD_S:
        return ""
    return f"{math.log(seconds[large] / seconds[small]) / math.log(large / small):.2f}"


if __name__ == "__main__":
    main()
