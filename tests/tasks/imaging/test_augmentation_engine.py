"""The augmenters at work: shapes, measured effects, and the same bytes in any process, thread and order."""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tasks.imaging.augmentation as package
from tasks.imaging.augmentation import library
from tasks.imaging.augmentation.augmenters import (
    KINDS,
    AnyAugmenter,
    Blur,
    Brightness,
    Contrast,
    Crop,
    Cutout,
    Elastic,
    FlipHorizontal,
    FlipVertical,
    GaussianNoise,
    HueSaturation,
    JpegArtefacts,
    Perspective,
    PoissonNoise,
    Rotate,
    SaltAndPepper,
    Scale,
    Shear,
    Shift,
)
from tasks.imaging.augmentation.engine import augmented, variant_seed
from tasks.imaging.augmentation.presets import PRESETS

ROOT = Path(package.__file__).parents[3]
SEEDS = list(range(24))
COPYING = [name for name, listed in PRESETS.items() if listed]
ALONE: dict[str, tuple[AnyAugmenter, ...]] = {kind: (model(probability=1.0),) for kind, model in KINDS.items()}
EVERY: dict[str, tuple[AnyAugmenter, ...]] = ALONE | {name: PRESETS[name] for name in COPYING}


def copies_of(image: np.ndarray, augmenters: tuple[AnyAugmenter, ...], seeds: Sequence[int]) -> np.ndarray:
    """uint8 [K, H, W, C]: a copy for each seed."""
    return np.stack([augmented(image, augmenters, seed) for seed in seeds])


def noise(height_px: int = 24, width_px: int = 20, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height_px, width_px, channels), dtype=np.uint8)


def scene(side_px: int = 64, channels: int = 1) -> np.ndarray:
    """A smooth picture without symmetry: a bright blob off the centre on a slope."""
    rows, columns = np.mgrid[:side_px, :side_px] / side_px
    blob = 120 * np.exp(-((rows - 0.35) ** 2 + (columns - 0.4) ** 2) / 0.02)
    return np.repeat((40 + 60 * columns + blob)[..., None].astype(np.uint8), channels, axis=2)


def digest(name: str, seed: int) -> str:
    return hashlib.sha256(augmented(noise(), EVERY[name], seed).tobytes()).hexdigest()


def level_change(copy: np.ndarray, image: np.ndarray, margin_px: int = 0) -> float:
    """Mean absolute difference in grey levels, away from the border."""
    inside = np.s_[margin_px : len(image) - margin_px, margin_px : image.shape[1] - margin_px]
    return float(np.abs(copy[inside].astype(float) - image[inside]).mean())


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    height_px=st.integers(4, 41),
    width_px=st.integers(4, 41),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 2**31 - 1),
)
def test_shape_and_type_stay_at_any_size(name: str, height_px: int, width_px: int, channels: int, seed: int) -> None:
    augmenters = [step for step in EVERY[name] if channels == 3 or not step.needs_colour]
    copy = augmented(noise(height_px, width_px, channels), augmenters, seed)
    assert (copy.shape, copy.dtype) == ((height_px, width_px, channels), np.uint8)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (3, 90, 3), (90, 2, 1)])
def test_odd_shapes_stay(shape: tuple[int, int, int]) -> None:
    for name, listed in EVERY.items():
        augmenters = [step for step in listed if shape[2] == 3 or not step.needs_colour]
        assert augmented(noise(*shape), augmenters, 5).shape == shape, name


@pytest.mark.parametrize("name", EVERY)
def test_the_order_of_copies_does_not_matter(name: str) -> None:
    forwards = copies_of(noise(), EVERY[name], SEEDS[:6])
    backwards = copies_of(noise(), EVERY[name], SEEDS[5::-1])
    np.testing.assert_array_equal(backwards[::-1], forwards)


@pytest.mark.parametrize("kind", KINDS)
def test_seeding_is_that_of_imgaug(kind: str) -> None:
    shortcut, official = (library.build(ALONE[kind], (24, 20)) for _ in range(2))
    shortcut.random_state = library.imgaug_random(7)
    official.seed_(7)
    copies = [augmenter.augment_batch_(library.imgaug_batch(noise())).images[0] for augmenter in (shortcut, official)]
    np.testing.assert_array_equal(copies[0], copies[1])


def test_other_processes_give_the_same_bytes() -> None:
    script = (
        "import hashlib, numpy as np\n"
        "from tasks.imaging.augmentation.augmenters import KINDS\n"
        "from tasks.imaging.augmentation.presets import PRESETS\n"
        "from tasks.imaging.augmentation.engine import augmented\n"
        "every = {kind: (model(probability=1.0),) for kind, model in KINDS.items()} | PRESETS\n"
        "image = np.random.default_rng(0).integers(0, 256, (24, 20, 3), dtype=np.uint8)\n"
        f"for name in {list(EVERY)[::-1]}:\n"
        "    for seed in (9, 4):\n"
        "        print(name, seed, hashlib.sha256(augmented(image, every[name], seed).tobytes()).hexdigest())\n"
    )
    lines = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert lines.splitlines() == [
        f"{name} {seed} {digest(name, seed)}" for name in list(EVERY)[::-1] for seed in (9, 4)
    ]


def test_threads_do_not_disturb_one_another() -> None:
    wanted = [(name, seed) for seed in SEEDS for name in ("heavy", "photographs")]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda item: digest(*item), wanted))
    assert results == [digest(*item) for item in wanted]


@pytest.mark.parametrize("name", [name for name in EVERY if not name.startswith("flip_")])
def test_copies_differ_from_one_another(name: str) -> None:
    image = scene(channels=3) + noise(64, 64) // 8
    copies = copies_of(image, EVERY[name], SEEDS)
    assert len({copy.tobytes() for copy in copies}) > len(SEEDS) / 2


@pytest.mark.parametrize("name", EVERY)
def test_the_image_itself_is_left_alone(name: str) -> None:
    image = noise()
    copies_of(image, EVERY[name], SEEDS[:4])
    np.testing.assert_array_equal(image, noise())


def test_nothing_drawn_leaves_a_copy_that_is_the_image() -> None:
    np.testing.assert_array_equal(augmented(noise(), (), 1), noise())


def test_the_probability_is_the_share_of_copies() -> None:
    copies = copies_of(noise(), (FlipVertical(probability=0.3),), range(1000))
    assert 250 <= sum(not np.array_equal(copy, noise()) for copy in copies) <= 350


def test_flips_mirror_exactly() -> None:
    np.testing.assert_array_equal(augmented(noise(), (FlipHorizontal(probability=1),), 1), noise()[:, ::-1])
    np.testing.assert_array_equal(augmented(noise(), (FlipVertical(probability=1),), 1), noise()[::-1])


@pytest.mark.parametrize(("degrees", "turns"), [(90, -1), (-90, 1), (180, 2), (0, 0)])
def test_a_right_angle_turns_clockwise(degrees: float, turns: int) -> None:
    image = scene(33)
    copy = augmented(image, (Rotate(degrees=(degrees, degrees)),), 1)
    assert level_change(copy, np.rot90(image, turns), margin_px=2) < 1.5


def test_a_shift_moves_right_and_down_and_fills_with_the_edge() -> None:
    image = scene(50)
    copy = augmented(image, (Shift(x=(0.1, 0.1), y=(0.2, 0.2)),), 1)
    np.testing.assert_array_equal(copy[10:, 5:], image[:-10, :-5])
    np.testing.assert_array_equal(copy[:10, 5:], np.repeat(image[:1, :-5], 10, axis=0))


@pytest.mark.parametrize(("fill", "level"), [("black", 0), ("white", 255)])
def test_what_comes_in_from_outside_is_as_asked(fill: str, level: int) -> None:
    copy = augmented(scene(50), (Shift(x=(0.2, 0.2), y=(0, 0), fill=fill),), 1)  # type: ignore[arg-type]
    assert set(np.unique(copy[:, :9])) == {level}


def test_a_mirror_fill_repeats_what_is_near_the_border() -> None:
    copy = augmented(scene(50), (Shift(x=(0.2, 0.2), y=(0, 0), fill="mirror"),), 1)
    assert level_change(copy[:, :10], scene(50)[:, 9::-1]) < 3


def test_a_scale_of_two_enlarges_the_middle() -> None:
    copy = augmented(scene(64), (Scale(factor=(2, 2)),), 1)
    assert level_change(copy[::2, ::2], scene(64)[16:48, 16:48], margin_px=2) < 6


def test_a_shear_moves_rows_against_one_another() -> None:
    image = np.zeros((41, 41, 1), np.uint8)
    image[:, 20] = 255
    copy = augmented(image, (Shear(degrees=(30, 30)),), 1)[..., 0]
    moved_px = abs(int(copy[5].argmax()) - int(copy[35].argmax()))
    assert abs(moved_px - 30 * np.tan(np.radians(30))) <= 1.5


def test_neighbouring_turns_and_shifts_resample_once() -> None:
    apart = (Rotate(degrees=(20, 20)), Brightness(factor=(1, 1)), Rotate(degrees=(-20, -20)))
    together = (Rotate(degrees=(0, 0)), Scale(factor=(1, 1)), Shift(x=(0, 0), y=(0, 0)))
    np.testing.assert_array_equal(augmented(noise(), together, 1), noise())
    assert level_change(augmented(noise(), apart, 1), noise()) > 5


def test_two_of_a_kind_side_by_side_are_both_done() -> None:
    copy = augmented(scene(50), (Shift(x=(0.1, 0.1), y=(0, 0)), Shift(x=(0.1, 0.1), y=(0, 0))), 1)
    np.testing.assert_array_equal(copy[:, 10:], scene(50)[:, :-10])


def test_a_crop_enlarges_what_is_left() -> None:
    copy = augmented(scene(64), (Crop(share=(0.25, 0.25)),), 1)
    assert level_change(copy[::2, ::2], scene(64)[16:48, 16:48], margin_px=2) < 6


@pytest.mark.parametrize("share", [0.02, 0.06])
def test_an_elastic_change_moves_pixels_as_far_as_asked(share: float) -> None:
    side_px = 200
    ramp = np.repeat(np.linspace(0, 199, side_px).astype(np.uint8)[None, :, None], side_px, axis=0)  # a level a pixel
    copies = copies_of(ramp, (Elastic(displacement=(share, share), smoothness=0.05, probability=1),), SEEDS)
    moved_px = (copies.astype(float) - ramp)[:, 40:-40, 40:-40]
    assert share * side_px * 0.6 < moved_px.std() < share * side_px * 1.4


def test_a_perspective_moves_no_corner_too_far() -> None:
    copies = copies_of(scene(64), (Perspective(share=(0.05, 0.05), probability=1),), SEEDS)
    changes = [level_change(copy, scene(64)) for copy in copies]
    assert 0.5 < float(np.mean(changes)) < 20


@pytest.mark.parametrize("factor", [0.5, 1.2, 2.0])
def test_brightness_multiplies(factor: float) -> None:
    copy = augmented(scene(channels=3), (Brightness(factor=(factor, factor)),), 1)
    expected = (scene(channels=3) * factor).clip(0, 255)
    assert np.abs(copy - expected).max() <= 1


@pytest.mark.parametrize("factor", [0.5, 1.5])
def test_contrast_spreads_from_mid_grey(factor: float) -> None:
    copy = augmented(scene(), (Contrast(factor=(factor, factor)),), 1)
    assert np.abs(copy - (127 + (scene() - 127.0) * factor).clip(0, 255)).max() <= 1.5


def test_hue_turns_the_colour_wheel() -> None:
    red = np.full((8, 8, 3), (200, 0, 0), np.uint8)
    copy = augmented(red, (HueSaturation(hue_degrees=(120, 120), saturation=(0, 0)),), 1)
    assert np.abs(copy[0, 0].astype(int) - (0, 200, 0)).max() <= 14


def test_saturation_of_minus_one_leaves_grey() -> None:
    copy = augmented(noise(), (HueSaturation(hue_degrees=(0, 0), saturation=(-1, -1)),), 1)
    assert int(np.ptp(copy, axis=2).max()) == 0


def test_gaussian_noise_has_its_standard_deviation() -> None:
    grey = np.full((64, 64, 1), 128, np.uint8)
    copies = copies_of(grey, (GaussianNoise(std_levels=(10, 10), probability=1),), SEEDS)
    assert 9 < copies.astype(float).std() < 11


def test_poisson_noise_has_its_mean_size() -> None:
    grey = np.full((64, 64, 1), 128, np.uint8)
    copies = copies_of(grey, (PoissonNoise(mean_levels=(10, 10), probability=1),), SEEDS)
    assert 9 < level_change(copies, np.repeat(grey[None], len(SEEDS), axis=0)) < 11


def test_salt_and_pepper_replaces_its_share_of_pixels() -> None:
    grey = np.full((64, 64, 1), 128, np.uint8)
    copies = copies_of(grey, (SaltAndPepper(share=(0.1, 0.1), probability=1),), SEEDS)
    assert 0.08 < float((copies != 128).mean()) < 0.11


def test_blur_weakens_fine_detail_more_the_further_it_reaches() -> None:
    spread = [float(augmented(noise(), (Blur(sigma_px=(px, px), probability=1),), 1).std()) for px in (0.5, 1, 3)]
    assert noise().std() > spread[0] > spread[1] > spread[2]


@pytest.mark.parametrize(("fill", "level"), [("grey", 128), ("black", 0), ("white", 255)])
def test_a_hole_has_its_size_and_level(fill: str, level: int) -> None:
    image = np.full((40, 40, 1), 77, np.uint8)
    copies = copies_of(image, (Cutout(share=(0.25, 0.25), fill=fill, probability=1),), SEEDS)  # type: ignore[arg-type]
    assert set(np.unique(copies)) == {77, level}
    assert max(int((copy != 77).sum()) for copy in copies) in range(81, 122)


def test_a_worse_jpeg_quality_changes_more() -> None:
    changes = [
        level_change(augmented(noise(), (JpegArtefacts(quality=(q, q), probability=1),), 1), noise())
        for q in (95, 50, 5)
    ]
    assert 0 < changes[0] < changes[1] < changes[2]


def is_mirrored(copy: np.ndarray, image: np.ndarray) -> bool:
    same, other = (np.corrcoef(copy.ravel(), side.ravel())[0, 1] for side in (image, image[:, ::-1]))
    return bool(other > same)


@pytest.mark.parametrize(
    ("preset", "expected"), [("light", True), ("digits", False), ("documents", False), ("xray", False)]
)
def test_mirroring_follows_the_preset(preset: str, expected: bool) -> None:
    ramp = np.repeat(np.linspace(0, 200, 32).astype(np.uint8)[np.newaxis, :, np.newaxis], 32, axis=0)
    assert any(is_mirrored(copy, ramp) for copy in copies_of(ramp, PRESETS[preset], SEEDS)) is expected  # type: ignore[index]


def test_seeds_of_variants_depend_on_each_part() -> None:
    seeds = {variant_seed(run, sha, variant) for run in (0, 1) for sha in ("a" * 64, "b" * 64) for variant in (0, 1)}
    assert len(seeds) == 8
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_importing_the_modules_does_not_import_imgaug() -> None:
    script = "import sys, tasks.imaging.augmentation.engine, tasks.augment; print('imgaug' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "False"
