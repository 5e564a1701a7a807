"""Losses against formulas in float64 NumPy, and their gradients against finite differences of these."""

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from gan.losses import ADVERSARIAL, adversarial_loss

REAL = np.array([0.3, -1.2, 4.0, 0.1])
FAKE = np.array([-0.5, 2.0, 3.9, 0.2])
EXTREME = np.array([1e4, -1e4, 0.0, 88.0], np.float32)

Formula = Callable[[np.ndarray, np.ndarray], float]


def softplus(values: np.ndarray) -> np.ndarray:
    return np.logaddexp(0.0, values)


def cross_entropy(scores: np.ndarray, label: float) -> float:
    probability = 1 / (1 + np.exp(-scores))
    return float(-(label * np.log(probability) + (1 - label) * np.log1p(-probability)).mean())


FORMULAS: dict[str, tuple[Formula, Formula]] = {
    "relativistic": (lambda r, f: softplus(f - r).mean(), lambda r, f: softplus(r - f).mean()),
    "non_saturating": (
        lambda r, f: cross_entropy(r, 1) + cross_entropy(f, 0),
        lambda r, f: cross_entropy(f, 1),
    ),
    "minimax": (
        lambda r, f: cross_entropy(r, 1) + cross_entropy(f, 0),
        lambda r, f: -cross_entropy(f, 0),
    ),
    "least_squares": (
        lambda r, f: ((r - 1) ** 2).mean() / 2 + (f**2).mean() / 2,
        lambda r, f: ((f - 1) ** 2).mean() / 2,
    ),
    "hinge": (
        lambda r, f: np.maximum(0, 1 - r).mean() + np.maximum(0, 1 + f).mean(),
        lambda r, f: -f.mean(),
    ),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
}
SIDES = [pytest.param(name, side, id=f"{name}-{side}") for name in FORMULAS for side in ("discriminator", "generator")]


def formula_of(name: str, side: str) -> Formula:
    return FORMULAS[name][side == "generator"]


def slopes(formula: Formula, real: np.ndarray, fake: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Central differences in every score: real ones, then synthetic ones."""
    scores = np.concatenate([real, fake])
    shifts = step * np.eye(len(scores))
    ends = [[formula(*np.split(scores + sign * shift, 2)) for sign in (1, -1)] for shift in shifts]
    return np.array([(above - below) / (2 * step) for above, below in ends])


def test_every_loss_has_a_formula_here() -> None:
    assert ADVERSARIAL.keys() == FORMULAS.keys()


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_a_loss_is_its_formula(name: str, side: str) -> None:
    got = getattr(ADVERSARIAL[name], side)(tf.constant(REAL), tf.constant(FAKE))
    assert float(got) == pytest.approx(formula_of(name, side)(REAL, FAKE), rel=1e-12)


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_its_gradient_is_the_slope_of_the_formula(name: str, side: str) -> None:
    real, fake = tf.constant(REAL), tf.constant(FAKE)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = getattr(ADVERSARIAL[name], side)(real, fake)
    got = tape.gradient(loss, [real, fake], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert np.concatenate(got) == pytest.approx(slopes(formula_of(name, side), REAL, FAKE), abs=1e-8)


@pytest.mark.parametrize(("name", "side"), SIDES)
def test_extreme_scores_overflow_nothing(name: str, side: str) -> None:
    real, fake = tf.constant(EXTREME), tf.constant(-EXTREME)
    with tf.GradientTape() as tape:
        tape.watch([real, fake])
        loss = getattr(ADVERSARIAL[name], side)(real, fake)
    gradients = tape.gradient(loss, [real, fake], unconnected_gradients=tf.UnconnectedGradients.ZERO)
    assert np.isfinite([float(loss), *np.concatenate(gradients)]).all()


@pytest.mark.parametrize(("name", "side"), SIDES)
@pytest.mark.parametrize(("real_shape", "fake_shape"), [((4, 1), (4, 1)), ((4, 1), (4,)), ((4,), (4, 1))])
def test_scores_may_have_a_last_axis_of_one(
    name: str, side: str, real_shape: tuple[int, ...], fake_shape: tuple[int, ...]
) -> None:
    loss = getattr(ADVERSARIAL[name], side)
    got = loss(tf.constant(REAL.reshape(real_shape)), tf.constant(FAKE.reshape(fake_shape)))
    assert float(got) == float(loss(tf.constant(REAL), tf.constant(FAKE)))


@pytest.mark.parametrize("name", ["non_saturating", "minimax"])
def test_a_smoothed_label_is_one_sided(name: str) -> None:
    got = adversarial_loss(name, 0.9).discriminator(tf.constant(REAL), tf.constant(FAKE))
    assert float(got) == pytest.approx(cross_entropy(REAL, 0.9) + cross_entropy(FAKE, 0), rel=1e-12)


def test_a_label_of_one_is_the_loss_of_the_table() -> None:
    assert adversarial_loss("minimax", 1.0) is ADVERSARIAL["minimax"]


@pytest.mark.parametrize(
    ("name", "recognised"),
    [
        ("relativistic", REAL > FAKE),
        ("wasserstein", REAL > FAKE),
        ("non_saturating", REAL > 0),
        ("minimax", REAL > 0),
        ("hinge", REAL > 0),
        ("least_squares", REAL > 0.5),
    ],
)
def test_a_margin_is_positive_where_a_real_image_is_recognised(name: str, recognised: np.ndarray) -> None:
    margins = ADVERSARIAL[name].real_margin(tf.constant(REAL), tf.constant(FAKE)).numpy()
    assert (margins > 0).tolist() == recognised.tolist()


@pytest.mark.parametrize("name", FORMULAS)
def test_only_a_pairing_generator_needs_real_scores(name: str) -> None:
    loss = ADVERSARIAL[name]
    values = [float(loss.generator(tf.constant(real), tf.constant(FAKE))) for real in (REAL, REAL + 1)]
    assert (values[0] != values[1]) == loss.generator_sees_real
