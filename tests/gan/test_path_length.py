"""Path lengths of a synthesis whose slope is known, and of the generator of a family."""

import numpy as np
import pytest
import tensorflow as tf

from gan.backends import backend
from gan.models.families.stylegan2 import build_generator
from gan.models.spec import ModelSpec
from gan.path_length import PathLengths, path_lengths, uneven_lengths_penalty
from gan.path_length_settings import PathLengthSettings

RNG = np.random.default_rng(4)
SLOPE, CURVE = RNG.normal(size=(3, 4 * 4 * 2)), RNG.normal(size=(3, 4 * 4 * 2))
STYLES, NOISE = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4, 4, 2))


def wanted_lengths(slope: np.ndarray) -> np.ndarray:
    """|J^T y| for images = styles slope + styles^2 curve, in NumPy; y has deviation 1 / sqrt(H W)."""
    noise = NOISE.reshape(5, -1) / 4
    jacobians = slope[None] + 2 * STYLES[:, :, None] * CURVE[None]  # [N, S, pixels]
    return np.sqrt((np.einsum("nsp,np->ns", jacobians, noise) ** 2).sum(axis=1))


def lengths(slope: tf.Tensor) -> tf.Tensor:
    def synthesis(styles: tf.Tensor) -> tf.Tensor:
        return tf.reshape(styles @ slope + styles**2 @ tf.constant(CURVE, tf.float32), (-1, 4, 4, 2))

    return path_lengths(synthesis, tf.constant(STYLES, tf.float32), tf.constant(NOISE, tf.float32))


def test_lengths_are_those_of_the_formula() -> None:
    assert lengths(tf.constant(SLOPE, tf.float32)).numpy() == pytest.approx(wanted_lengths(SLOPE), rel=1e-5)


def test_the_penalty_has_the_slope_of_the_formula_in_the_weights() -> None:
    mean = 2.0
    slope = tf.Variable(SLOPE, dtype=tf.float32)
    with tf.GradientTape() as tape:
        penalty = uneven_lengths_penalty(lengths(slope.value()), tf.constant(mean))
    got = tape.gradient(penalty, slope).numpy()
    assert float(penalty) == pytest.approx(np.square(wanted_lengths(SLOPE) - mean).mean(), rel=1e-5)
    for place in [(0, 0), (1, 17), (2, 31)]:
        shift = np.zeros_like(SLOPE)
        shift[place] = 1e-6
        ends = [np.square(wanted_lengths(SLOPE + sign * shift) - mean).mean() for sign in (1, -1)]
        assert got[place] == pytest.approx((ends[0] - ends[1]) / 2e-6, rel=1e-3, abs=1e-4)


@pytest.fixture
def paths() -> PathLengths:
    spec = ModelSpec(family="stylegan2", resolution_px=16, channels=1, classes=2, latent_size=4, width=2, max_width=4)
    return PathLengths(build_generator(spec, 0), PathLengthSettings(weight=3.0, every_steps=5, mean_decay=0.9))


def inputs_and_noise(count: int = 6) -> tuple[list[tf.Tensor], tf.Tensor]:
    rng = np.random.default_rng(5)
    latents, labels = rng.normal(size=(count, 4)), np.arange(count) % 2
    noise = rng.normal(size=(count, 16, 16, 1))
    return [tf.constant(latents, tf.float32), tf.constant(labels, tf.int32)], tf.constant(noise, tf.float32)


def test_the_mean_moves_and_the_penalty_is_weighted_by_its_interval(paths: PathLengths) -> None:
    inputs, noise = inputs_and_noise()
    styles = paths._mapping([given[:3] for given in inputs])
    known = path_lengths(paths._synthesis, styles, noise[:3]).numpy()
    weighted = float(paths.weighted_penalty(inputs, noise))
    mean = 0.1 * known.mean()
    assert float(paths.mean.numpy()) == pytest.approx(mean, rel=1e-4)
    assert weighted == pytest.approx(15 * np.square(known - mean).mean(), rel=1e-4)


def test_lengths_of_the_family_are_those_of_finite_differences(paths: PathLengths) -> None:
    inputs, noise = inputs_and_noise(1)
    styles = paths._mapping(inputs).numpy()
    steps = 1e-2 * np.eye(4, dtype=np.float32)
    moved = [
        (paths._synthesis(styles + step).numpy() - paths._synthesis(styles - step).numpy()) / 2e-2 for step in steps
    ]
    slopes = [(move * noise.numpy()).sum() / 16 for move in moved]
    got = float(path_lengths(paths._synthesis, tf.constant(styles), noise)[0])
    assert got == pytest.approx(np.linalg.norm(slopes), rel=0.02)


def test_the_penalty_reaches_every_kernel_of_the_generator(paths: PathLengths) -> None:
    """The slope of a slope that TensorFlow lacks would silently be none."""
    inputs, noise = inputs_and_noise()
    variables = [*paths._mapping.trainable_variables, *paths._synthesis.trainable_variables]
    kernels = [variable for variable in variables if len(variable.shape) > 1]
    found, _ = backend.gradients(lambda: (paths.weighted_penalty(inputs, noise), None), kernels)
    sizes = {
        variable.path: float(tf.reduce_sum(tf.abs(backend.dense(slope))))
        for variable, slope in zip(kernels, found, strict=True)
    }
    assert [path for path, size in sizes.items() if not size > 0] == []
