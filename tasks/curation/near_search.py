"""The search for near copies through Dask: each worker takes some choices of bands, and reads the images from files."""

import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tasks.imaging.near_duplicates.hash_join import Join
from tasks.imaging.near_duplicates.search import Found, Images, Limits, Part, Spread, here
from tasks.parallel import ComputeSettings, map_partitions, partitions_of
from tasks.progress import silent

# Under so many images the search ends before workers have started.
MIN_IMAGES = 100_000
_PARTITIONS_PER_WORKER = 2
_COLUMNS = ("at", "phash", "phash_mirror")


def spread_over(compute: ComputeSettings, scratch: Path, images: int) -> Spread:
    """How to search among so many images: in this process, or in workers that can read files in `scratch`."""
    if compute.mode == "synchronous" or images < MIN_IMAGES:
        return here
    return partial(in_workers, compute, scratch)


def in_workers(
    compute: ComputeSettings, scratch: Path, part: Part, images: Images, limits: Limits, join: Join, known: np.ndarray
) -> list[Found]:
    """All choices of bands, spread over workers."""
    numbers = list(range(len(join.choices)))
    size = -(-len(numbers) // (_PARTITIONS_PER_WORKER * compute.worker_count))
    with tempfile.TemporaryDirectory(dir=scratch, prefix="near-copies-") as folder:
        _save(images, known, Path(folder))
        work = partial(_from_files, part, Path(folder), limits, join)
        return map_partitions(work, partitions_of(numbers, size), compute, silent)


def _from_files(part: Part, folder: Path, limits: Limits, join: Join, numbers: Sequence[int]) -> Found:
    columns = {name: np.load(folder / f"{name}.npy") for name in _COLUMNS}
    thumbnails = np.load((folder / "thumbnails").read_text(encoding="utf-8"), mmap_mode="r")
    return part(Images(thumbnails=thumbnails, **columns), limits, join, np.load(folder / "known.npy"), numbers)


def _save(images: Images, known: np.ndarray, folder: Path) -> None:
    """Thumbnails that are mapped from a .npy file already are left where they are."""
    for name in _COLUMNS:
        np.save(folder / f"{name}.npy", getattr(images, name))
    np.save(folder / "known.npy", known)
    path = getattr(images.thumbnails, "filename", None)
    if path is None:
        path = folder / "thumbnails.npy"
        np.save(path, images.thumbnails)
    (folder / "thumbnails").write_text(str(path), encoding="utf-8")
