"""CPU time and memory of the search for near copies, and how they grow, beside a comparison of every pair.

    python -m benchmarks.duplicate_search 20000 100000 1000000

Each figure is of a process of its own. The pictures are made up: sums of waves that are the weaker the faster they are,
about a common picture, so that their hashes crowd as those of photographs of like things do; each tenth is a copy with
noise, mirrored every other time. Thumbnails lie in a file and are mapped. The comparison of every pair is bare NumPy,
on hashes and mirror hashes, without any check of thumbnails.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tasks.imaging.near_duplicates.edits import view_hashes
from tasks.imaging.near_duplicates.likeness import mirror

_AT_ONCE = 8_192
_WAVES = 14
_COMMON_SHARE = 0.8
_SIDE_PX = 32

SEARCH = """
import json, resource, sys
from pathlib import Path
import numpy as np
from tasks.imaging.duplicates import DuplicateSettings, near_copies
folder = Path(sys.argv[1])
phash, mirror = (np.load(folder / f"{name}.npy") for name in ("phash", "phash_mirror"))
thumbnails = np.load(folder / "thumbnails.npy", mmap_mode="r")
rows = np.arange(len(phash))
before = resource.getrusage(resource.RUSAGE_SELF)
settings = DuplicateSettings(find_edited=sys.argv[2] == "edited")
found = near_copies(rows, phash, mirror, thumbnails, np.full(len(rows), 300), settings)
after = resource.getrusage(resource.RUSAGE_SELF)
planted = {tuple(pair) for pair in np.load(folder / "planted.npy").tolist()}
print(json.dumps({
    "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    "rss_mib": after.ru_maxrss / 1024, "pairs": len(found.pairs), "numbers": found.numbers,
    "recall": len(planted & {tuple(pair) for pair in found.pairs.tolist()}) / max(1, len(planted)),
}))
"""

EVERY_PAIR = """
import json, resource, sys
from pathlib import Path
import numpy as np
folder = Path(sys.argv[1])
phash, mirror = (np.load(folder / f"{name}.npy") for name in ("phash", "phash_mirror"))
before = resource.getrusage(resource.RUSAGE_SELF)
pairs = 0
for start in range(0, len(phash), 512):
    for codes in (phash, mirror):
        distances = np.bitwise_count(phash[start : start + 512, np.newaxis] ^ codes[np.newaxis, start:])
        pairs += int((distances <= 8).sum())
after = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
    "rss_mib": after.ru_maxrss / 1024, "pairs": pairs,
}))
"""


def main() -> None:
    """Measure for each number of images, and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=int, nargs="*", default=[20_000, 100_000])
    parser.add_argument("--every-pair-up-to", type=int, default=20_000)
    parser.add_argument("--edited-up-to", type=int, help="search for edited copies up to so many images; default: any")
    parser.add_argument("--only", choices=("whole", "edited"), help="one of the two searches")
    chosen = parser.parse_args()
    print("| images | search | CPU s | grows with N to the | peak RSS, MiB | copies found | comparisons cut |")
    print("|---|---|---|---|---|---|---|")
    before: dict[str, tuple[int, float]] = {}
    for count in chosen.images:
        with tempfile.TemporaryDirectory() as scratch:
            make_images(Path(scratch), count)
            for kind in ("whole", "edited"):
                is_too_long = kind == "edited" and chosen.edited_up_to and count > chosen.edited_up_to
                if chosen.only in (None, kind) and not is_too_long:
                    figures = measured(SEARCH, scratch, kind)
                    growth = growth_of(before.get(kind), (count, figures["cpu_s"]))
                    before[kind] = (count, figures["cpu_s"])
                    cut = figures["numbers"]["comparisons_cut"] + figures["numbers"]["proposals_cut"]
                    print(
                        f"| {count:,} | {kind} | {figures['cpu_s']:.1f} | {growth} | {figures['rss_mib']:.0f} "
                        f"| {figures['recall']:.2%} | {cut:,} |",
                        flush=True,
                    )
            if count <= chosen.every_pair_up_to:
                figures = measured(EVERY_PAIR, scratch)
                print(f"| {count:,} | every pair, NumPy | {figures['cpu_s']:.1f} | 2 | {figures['rss_mib']:.0f} | | |")


def make_images(folder: Path, count: int) -> None:
    """Write thumbnails, hashes and the planted pairs."""
    rng = np.random.default_rng(0)
    place, wave = np.arange(_SIDE_PX)[:, np.newaxis], np.arange(_WAVES)
    basis = np.cos(np.pi * (2 * place + 1) * wave / (2 * _SIDE_PX)).astype(np.float32)
    strength = 90 / (1 + np.hypot(*np.meshgrid(wave, wave))) ** 1.3
    common = rng.normal(size=(_WAVES, _WAVES))
    thumbnails = np.lib.format.open_memmap(
        folder / "thumbnails.npy", mode="w+", dtype=np.uint8, shape=(count, _SIDE_PX**2)
    )
    fresh = count - count // 10
    for start in range(0, fresh, _AT_ONCE):
        some = min(_AT_ONCE, fresh - start)
        waves = (rng.normal(size=(some, _WAVES, _WAVES)) + _COMMON_SHARE * common) * strength
        grey = 128 + basis @ waves.astype(np.float32) @ basis.T
        thumbnails[start : start + some] = np.clip(grey, 0, 255).reshape(some, -1).astype(np.uint8)
    originals = rng.integers(0, fresh, count - fresh)
    for start in range(0, len(originals), _AT_ONCE):
        copied = thumbnails[originals[start : start + _AT_ONCE]]
        copied[::2] = mirror(copied[::2])
        noisy = copied.astype(np.int16) + rng.integers(-3, 4, copied.shape, dtype=np.int16)
        thumbnails[fresh + start : fresh + start + len(copied)] = np.clip(noisy, 0, 255).astype(np.uint8)
    thumbnails.flush()
    np.save(folder / "planted.npy", np.stack([originals, np.arange(fresh, count)], axis=1))
    straight, mirrored = [], []
    for start in range(0, count, _AT_ONCE):
        rows = np.arange(min(_AT_ONCE, count - start))
        some = np.asarray(thumbnails[start : start + _AT_ONCE])
        straight.append(view_hashes(some, rows)[0])
        mirrored.append(view_hashes(mirror(some), rows)[0])
    np.save(folder / "phash.npy", np.concatenate(straight))
    np.save(folder / "phash_mirror.npy", np.concatenate(mirrored))


def growth_of(before: tuple[int, float] | None, now: tuple[int, float]) -> str:
    """The exponent of the growth between two measurements."""
    if before is None:
        return ""
    return f"{math.log(now[1] / before[1]) / math.log(now[0] / before[0]):.2f}"


def measured(script: str, *arguments: object) -> dict:
    """What a script prints as JSON, run in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    main()
