"""Scanning many arrays at once gives what scanning them one by one does, byte for byte."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.sources.arrays.raw_pixels import BLOCK_IMAGES, MAX_BLOCK_IMAGE_BYTES, pnm_bytes
from datasets.sources.base import Source, SourceItem
from tasks.imaging.block_measures import MAX_SIDE_PX
from tasks.imaging.decode import DecodeLimits
from tasks.imaging.operations.denoise import DenoiseSettings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.parallel import ComputeSettings
from tasks.scan import MAX_BYTES_HERE, scan_partition, where_to_scan
from tasks.scanning.block import fits_blocks
from tasks.scanning.file import ScanSettings

GREY, COLOUR = (28, 28, 1), (32, 32, 3)


@dataclass
class Arrays(Source):
    """Images by number; `blocks` says whether they are handed out many at once."""

    images: np.ndarray
    blocks: bool
    lost: tuple[int, ...] = ()
    asked: list[int] = field(default_factory=list)
    name: str = "arrays"

    def items(self) -> Iterator[SourceItem]:
        return (SourceItem(member=str(index)) for index in range(len(self.images)))

    def read(self, member):
        if int(member) in self.lost:
            raise OSError("gone")
        return pnm_bytes(self.images[int(member)])

    def read_block(self, members):
        self.asked.append(len(members))
        if {int(member) for member in members} & set(self.lost):
            raise OSError("gone")
        return self.images[[int(member) for member in members]] if self.blocks else None


def random_images(number, shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (number, *shape), dtype=np.uint8)


def smooth_images(number, shape):
    """With flat parts, so that extreme and equal levels occur."""
    ramp = np.linspace(-60, 320, shape[0] * shape[1] * shape[2]).reshape(shape)
    return np.stack([np.roll(ramp, step * 7).clip(0, 255) for step in range(number)]).astype(np.uint8)


def listed_units(images):
    digests = [hashlib.sha256(pnm_bytes(image)).hexdigest() for image in images]
    return [("arrays", str(index), sha256) for index, sha256 in enumerate(digests)]


FOLDERS = count()


def scanned(folder, scan_settings, source, units, keeps_pixels=True):
    """Bytes of the pack, its index, and the passing faults."""
    store = folder / str(next(FOLDERS)) / "store"
    store.mkdir(parents=True)
    faults = scan_partition(scan_settings, {"arrays": source}, store, units, keeps_pixels)
    (pack,), (index,) = store.glob("*.pack"), store.glob("*.parquet")
    return pack.name, pack.read_bytes(), pq.read_table(index), index.read_bytes(), faults


def check_alike(folder, scan_settings, images, keeps_pixels=True):
    """Compares both ways, and that the first one took all images at once."""
    units = listed_units(images)
    assert fits_blocks(scan_settings, images.shape[1:])
    at_once, one_by_one = (
        scanned(folder, scan_settings, Arrays(images, blocks), units, keeps_pixels) for blocks in (True, False)
    )
    assert at_once[2].to_pylist() == one_by_one[2].to_pylist()
    assert at_once == one_by_one


def sized(width_px, height_px, channels=1, encoding="png", **resizing):
    resize = ResizeSettings(width_px=width_px, height_px=height_px, **resizing)
    return ScanSettings(channels=channels, resize=resize, encoding=encoding)


@pytest.mark.parametrize("shape", [GREY, COLOUR, (1, 1, 1), (5, 40, 3), (64, 64, 1), (7, MAX_SIDE_PX, 3)])
@pytest.mark.parametrize("channels", [1, 3])
def test_images_of_any_small_shape_as_they_are(tmp_path, shape, channels):
    width_px, height_px = max(shape[1], 4), max(shape[0], 4)
    images = np.concatenate([random_images(5, shape), smooth_images(4, shape)])
    check_alike(tmp_path, sized(width_px, height_px, channels), images)


@pytest.mark.parametrize("mode", ["pad", "crop", "random_crop", "stretch"])
@pytest.mark.parametrize(("width_px", "height_px"), [(16, 16), (40, 24), (64, 64)])
@pytest.mark.parametrize("shape", [GREY, (20, 30, 3)])
def test_resized_images(tmp_path, mode, width_px, height_px, shape):
    check_alike(tmp_path, sized(width_px, height_px, 3, mode=mode, seed=4), random_images(6, shape))


def test_an_image_of_the_right_shape_is_cut_where_less_of_it_is_kept(tmp_path):
    check_alike(tmp_path, sized(28, 28, mode="random_crop", crop_share=0.7), random_images(6, GREY))


@pytest.mark.parametrize("encoding", ["png", "jpeg", "raw"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_encoding(tmp_path, encoding, channels):
    check_alike(tmp_path, sized(32, 32, channels, encoding), smooth_images(6, COLOUR))


def test_measures_alone(tmp_path):
    check_alike(tmp_path, sized(28, 28), random_images(6, GREY), keeps_pixels=False)


def test_more_images_than_one_block_holds(tmp_path):
    check_alike(tmp_path, sized(4, 4), random_images(BLOCK_IMAGES + 3, (4, 4, 1)))


@settings(max_examples=25, deadline=None)
@given(
    height_px=st.integers(1, 48),
    width_px=st.integers(1, 48),
    colour=st.booleans(),
    number=st.integers(1, 4),
    seed=st.integers(0, 99),
    channels=st.sampled_from([1, 3]),
)
def test_any_arrays(tmp_path_factory, height_px, width_px, colour, number, seed, channels):
    images = random_images(number, (height_px, width_px, 3 if colour else 1), seed)
    check_alike(tmp_path_factory.getbasetemp(), sized(24, 20, channels), images)


@pytest.mark.parametrize(
    "scan_settings",
    [
        ScanSettings(before_resize=(DenoiseSettings(method="median"),)),
        ScanSettings(after_resize=(DenoiseSettings(method="median"),)),
        ScanSettings(frames="all"),
        ScanSettings(limits=DecodeLimits(max_bytes=100)),
        ScanSettings(limits=DecodeLimits(max_side_px=20)),
        ScanSettings(limits=DecodeLimits(max_pixels=28 * 28 - 1)),
    ],
)
def test_what_is_asked_of_single_images_is_done_one_by_one(tmp_path, scan_settings):
    images = random_images(3, GREY)
    assert not fits_blocks(scan_settings, GREY)
    at_once, one_by_one = (
        scanned(tmp_path, scan_settings, Arrays(images, blocks), listed_units(images)) for blocks in (True, False)
    )
    assert at_once == one_by_one


def test_images_with_a_long_side_are_done_one_by_one():
    assert fits_blocks(ScanSettings(), (MAX_SIDE_PX, 1, 1))
    assert not fits_blocks(ScanSettings(), (MAX_SIDE_PX + 1, 1, 1))


def test_the_largest_arrays_that_are_handed_out_are_small_enough_for_exact_sums():
    assert 255**2 * MAX_BLOCK_IMAGE_BYTES < 2**53


@pytest.mark.parametrize("changed", [[1], [0, 2], [0, 1, 2]])
def test_an_image_that_changed_costs_its_own_row(tmp_path, changed):
    images = random_images(3, GREY)
    units = listed_units(images)
    images[changed] += 1
    at_once, one_by_one = (scanned(tmp_path, sized(28, 28), Arrays(images, blocks), units) for blocks in (True, False))
    assert at_once == one_by_one
    assert [row["sha256"] for row in at_once[4]] == [units[index][2] for index in changed]
    assert {row["reason"] for row in at_once[4]} == {"changed_while_read"}


def test_an_image_that_vanished_costs_its_own_row(tmp_path):
    images = random_images(3, GREY)
    source = Arrays(images, blocks=True, lost=(1,))
    *_, table, _, faults = scanned(tmp_path, sized(28, 28), source, listed_units(images))
    assert [row["reason"] for row in faults] == ["vanished"]
    assert table["sha256"].to_pylist() == [listed_units(images)[index][2] for index in (0, 2)]


def test_sources_are_asked_for_whole_blocks(tmp_path):
    images = random_images(BLOCK_IMAGES + 1, (4, 4, 1))
    source = Arrays(images, blocks=True)
    scanned(tmp_path, sized(4, 4), source, listed_units(images))
    assert source.asked == [BLOCK_IMAGES, 1]


def test_images_of_two_sources_in_one_partition(tmp_path):
    images = random_images(4, GREY)
    units = [(f"source{index % 2}", member, sha256) for index, (_, member, sha256) in enumerate(listed_units(images))]
    store = tmp_path / "store"
    store.mkdir()
    sources = {f"source{number}": Arrays(images, blocks=True, name=f"source{number}") for number in range(2)}
    assert scan_partition(sized(28, 28), sources, store, units) == []
    assert pq.read_table(next(store.glob("*.parquet")))["sha256"].to_pylist() == [sha256 for _, _, sha256 in units]


@pytest.mark.parametrize(
    ("change", "mode"),
    [
        ({}, "synchronous"),
        ({"blocks": False}, "processes"),
        ({"bytes_per_file": MAX_BYTES_HERE / 3}, "processes"),
        ({"bytes_per_file": None}, "synchronous"),
        ({"frames": "all"}, "processes"),
        ({"dask_address": "tcp://127.0.0.1:8786"}, "processes"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else value,
)
def test_a_little_work_on_arrays_starts_no_workers(change, mode):
    images = random_images(3, GREY)
    compute = where_to_scan(
        ScanSettings(frames=change.get("frames", "first")),
        {"arrays": Arrays(images, change.get("blocks", True))},
        listed_units(images),
        change.get("bytes_per_file", 800.0),
        ComputeSettings(dask_address=change.get("dask_address")),
    )
    assert compute.mode == mode
