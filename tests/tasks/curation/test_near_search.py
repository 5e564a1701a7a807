from functools import partial

import numpy as np
import pytest

from tasks.curation import near_search
from tasks.curation.near_search import in_workers, spread_over
from tasks.imaging.duplicates import DuplicateSettings, near_copies
from tasks.imaging.near_duplicates.edits import view_hashes
from tasks.imaging.near_duplicates.likeness import mirror
from tasks.imaging.near_duplicates.search import here
from tasks.parallel import ComputeSettings


@pytest.fixture(scope="module")
def images():
    """Hashes and thumbnails of 60 smooth pictures, each with a near copy, a mirrored one and a cut one."""
    rng = np.random.default_rng(0)
    waves = np.zeros((60, 32, 32))
    waves[:, :12, :12] = rng.normal(size=(60, 12, 12)) / (1 + np.add.outer(np.arange(12), np.arange(12)))
    basis = np.cos(np.pi * (2 * np.arange(32)[:, np.newaxis] + 1) * np.arange(32) / 64)
    originals = np.clip(128 + 60 * (basis @ waves @ basis.T), 0, 255).reshape(60, 1024).astype(np.uint8)
    near = np.clip(originals.astype(int) + rng.integers(-2, 3, originals.shape), 0, 255).astype(np.uint8)
    cut = np.repeat(np.repeat(originals.reshape(60, 32, 32)[:, 1:31, 1:31], 2, 1), 2, 2)[:, 14:46, 14:46]
    thumbnails = np.concatenate([originals, near, mirror(originals), cut.reshape(60, 1024)])
    rows = np.arange(len(thumbnails))
    return view_hashes(thumbnails, rows)[0], view_hashes(mirror(thumbnails), rows)[0], thumbnails


def search(images, run):
    rows = np.arange(len(images[0]))
    return near_copies(rows, *images, np.full(len(rows), 300), DuplicateSettings(), run)


@pytest.mark.parametrize("mapped", [False, True], ids=["in memory", "mapped"])
@pytest.mark.parametrize("mode", ["synchronous", "threads"])
def test_workers_find_what_one_process_finds(images, tmp_path, mode, mapped):
    if mapped:
        np.save(tmp_path / "thumbnails.npy", images[2])
        images = (*images[:2], np.load(tmp_path / "thumbnails.npy", mmap_mode="r"))
    compute = ComputeSettings(mode=mode, workers=2)
    alone = search(images, here)
    together = search(images, partial(in_workers, compute, tmp_path))
    assert len(alone.pairs) >= 120
    assert together.pairs.tolist() == alone.pairs.tolist()
    assert together.numbers == alone.numbers


def test_few_images_need_no_workers(tmp_path):
    assert spread_over(ComputeSettings(), tmp_path, near_search.MIN_IMAGES - 1) is here
    assert spread_over(ComputeSettings(mode="synchronous"), tmp_path, 10**6) is here
    assert spread_over(ComputeSettings(), tmp_path, near_search.MIN_IMAGES) is not here
