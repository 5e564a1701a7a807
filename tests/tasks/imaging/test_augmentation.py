"""Augmentation: shapes, determinism in any process and order, and what presets never do."""

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tasks.imaging import augmentation
from tasks.imaging.augmentation import AugmentationSettings, augment, augmented_variants, variant_seed

PRESETS = ["light", "medium", "heavy", "digits"]
SEEDS = list(range(24))


def picture(channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 20, channels), dtype=np.uint8)


def digest(preset: str, seeds: list[int]) -> dict[int, str]:
    settings = AugmentationSettings(preset=preset)
    return {seed: hashlib.sha256(augment(picture(), settings, seed).tobytes()).hexdigest() for seed in seeds}


@pytest.mark.parametrize("preset", PRESETS)
def test_order_of_seeds_does_not_matter(preset: str) -> None:
    assert digest(preset, SEEDS) == digest(preset, SEEDS[::-1])


def test_other_processes_give_the_same_bytes() -> None:
    script = (
        "import hashlib, numpy as np\n"
        "from tasks.imaging.augmentation import AugmentationSettings, augment\n"
        "image = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)\n"
        f"for preset in {PRESETS}:\n"
        f"    for seed in {SEEDS[::-3]}:\n"
        "        copy = augment(image, AugmentationSettings(preset=preset), seed)\n"
        "        print(preset, seed, hashlib.sha256(copy.tobytes()).hexdigest())\n"
    )
    root = Path(augmentation.__file__).parents[2]
    lines = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True).stdout
    here = [f"{preset} {seed} {digest(preset, [seed])[seed]}" for preset in PRESETS for seed in SEEDS[::-3]]
    assert lines.splitlines() == here


def test_threads_do_not_disturb_one_another() -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda seed: digest("heavy", [seed])[seed], SEEDS))
    assert results == list(digest("heavy", SEEDS).values())


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("shape", [(24, 20, 1), (24, 20, 3), (1, 1, 1), (3, 90, 3)])
def test_shape_and_type_stay(preset: str, shape: tuple[int, int, int]) -> None:
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    copies = augmented_variants(image, AugmentationSettings(preset=preset), SEEDS[:10])
    assert (copies.shape, copies.dtype) == ((10, *shape), np.uint8)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("channels", [1, 3])
def test_copies_differ_from_one_another(preset: str, channels: int) -> None:
    copies = augmented_variants(picture(channels), AugmentationSettings(preset=preset), SEEDS)
    assert len({copy.tobytes() for copy in copies}) == len(SEEDS)


@pytest.mark.parametrize("preset", PRESETS)
def test_the_image_itself_is_left_alone(preset: str) -> None:
    image = picture()
    augmented_variants(image, AugmentationSettings(preset=preset), SEEDS)
    np.testing.assert_array_equal(image, picture())


def test_preset_none_repeats_the_image() -> None:
    copies = augmented_variants(picture(), AugmentationSettings(preset="none"), [1, 2])
    np.testing.assert_array_equal(copies, np.stack([picture(), picture()]))


def is_mirrored(copy: np.ndarray, image: np.ndarray) -> bool:
    same, other = (np.corrcoef(copy.ravel(), side.ravel())[0, 1] for side in (image, image[:, ::-1]))
    return bool(other > same)


@pytest.mark.parametrize(
    ("preset", "horizontal_flip", "expected"), [("light", True, True), ("light", False, False), ("digits", True, False)]
)
def test_mirroring_follows_preset_and_setting(preset: str, horizontal_flip: bool, expected: bool) -> None:
    ramp = np.repeat(np.linspace(0, 200, 32).astype(np.uint8)[np.newaxis, :, np.newaxis], 32, axis=0)
    settings = AugmentationSettings(preset=preset, horizontal_flip=horizontal_flip)
    assert any(is_mirrored(copy, ramp) for copy in augmented_variants(ramp, settings, SEEDS)) is expected


def test_seeds_of_variants_depend_on_each_part() -> None:
    seeds = {variant_seed(run, sha, variant) for run in (0, 1) for sha in ("a" * 64, "b" * 64) for variant in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_importing_the_module_does_not_import_imgaug() -> None:
    script = "import sys, tasks.imaging.augmentation; print('imgaug' in sys.modules)"
    root = Path(augmentation.__file__).parents[2]
    result = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
