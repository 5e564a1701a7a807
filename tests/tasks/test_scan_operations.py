"""The pixel operations of scan, on real folders: in their order, around the resize."""

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from datasets.image_codec import decode_image, encode_image
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.pixel_packs import PackReader
from tasks.imaging.measures import channel_sums
from tasks.imaging.operations.denoise import DenoiseSettings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.scanning.file import ScanSettings, scan_payload


@pytest.fixture
def prepared(workbench, write_images):
    """`prepared(images, **settings of scan)` -> the prepared images by member."""

    def run(images: Mapping[str, np.ndarray], **settings: Any) -> dict[str, np.ndarray]:
        shutil.rmtree(workbench.shared, ignore_errors=True)  # whose runs by hand all have the same settings
        workbench.shared.mkdir(parents=True)
        scan = ScanSettings.model_validate({"resize": {"width_px": 16, "height_px": 16}} | settings)
        workbench.prepare(write_images(images), until="scan", scan=scan)
        rows = read_table(workbench.outputs["scan"] / MANIFEST_FILE).to_pylist()
        with PackReader(workbench.shared) as packs:
            found = {row["member"]: decode_image(packs.read(row["pack"], row["offset"], row["length"])) for row in rows}
        for row in rows:
            assert row["channel_sums"] == channel_sums(found[row["member"]])[0]
        return found

    return run


SPLIT = {"kind": "threshold", "method": "fixed", "level": 127, "foreground": "bright", "fill_levels": [0]}
DARKER = {"kind": "gamma", "gamma": 2.0}


def picture(number: int = 0) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (16, 16, 1), dtype=np.uint8)


def test_the_order_of_the_list_is_the_order_of_work(prepared):
    (first,) = prepared({"a/one.png": picture()}, channels=1, before_resize=[DARKER, SPLIT]).values()
    (second,) = prepared({"a/one.png": picture()}, channels=1, before_resize=[SPLIT, DARKER]).values()
    darker = np.rint(255 * (picture() / 255) ** 2)
    assert np.array_equal(first, np.where(darker > 127, darker, 0))
    assert np.array_equal(second, np.where(picture() > 127, darker, 0))


def test_operations_are_done_before_or_after_the_resize(prepared):
    large = picture().repeat(2, axis=0).repeat(2, axis=1)
    large[::2] = 255 - large[::2]  # pairs of rows that average to grey
    (before,) = prepared({"a/one.png": large}, channels=1, before_resize=[SPLIT]).values()
    (after,) = prepared({"a/one.png": large}, channels=1, after_resize=[SPLIT]).values()
    assert np.unique(after).tolist() == [128]
    assert len(np.unique(before)) > 20


def test_an_operation_may_occur_twice(prepared):
    (found,) = prepared({"a/one.png": picture()}, channels=1, after_resize=[DARKER, DARKER]).values()
    assert np.abs(found - 255 * (picture() / 255) ** 4).max() < 2


def test_no_image_is_too_odd_for_any_operation(prepared):
    every = [{"kind": kind} for kind in ("denoise", "sharpen", "equalise", "clahe", "gamma", "clip_percentiles")]
    every += [{"kind": kind} for kind in ("colour_constancy", "threshold", "remove_background")]
    every += [{"kind": "denoise", "method": name} for name in ("wavelet", "tv_chambolle", "tv_bregman", "nlm")]
    shapes = [(1, 1, 3), (1, 9, 1), (7, 1, 3), (2, 2, 1), (40, 3, 3)]
    images = {f"a/{n}.png": np.full(shape, 40 * n, np.uint8) for n, shape in enumerate(shapes)}
    found = prepared(images, before_resize=every, after_resize=every)
    assert {image.shape for image in found.values()} == {(16, 16, 3)}
    assert len(found) == len(shapes)


def test_an_operation_that_fails_costs_the_image_only():
    impossible = DenoiseSettings.model_construct(kind="denoise", method="median", side_px=4)
    shape = ResizeSettings(width_px=16, height_px=16)
    scan = ScanSettings(channels=1, resize=shape).model_copy(update={"before_resize": (impossible,)})
    known = ScanSettings(channels=1, resize=shape)
    payload = encode_image(picture(), "png")
    rows = [next(scan_payload(settings, payload, "5eed")).row for settings in (scan, known)]
    assert [row["reason"] for row in rows] == ["operation_failed", None]
    assert rows[0]["detail"].startswith("a pixel operation failed (error: OpenCV(")


def test_random_crops_are_the_same_in_every_run(prepared):
    wide = np.arange(256, dtype=np.uint8).reshape(1, 256, 1).repeat(16, axis=0)
    images = {f"a/{n}.png": np.roll(wide, n) for n in range(6)}
    crop = {"width_px": 16, "height_px": 16, "mode": "random_crop", "seed": 3}
    first = prepared(images, channels=1, resize=crop)
    again = prepared(dict(reversed(images.items())), channels=1, resize=crop)
    assert all(np.array_equal(first[member], again[member]) for member in images)
    assert len({int(image[0, 0, 0]) for image in first.values()}) > 3
