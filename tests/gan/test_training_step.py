"""One step, put together from a loss, a penalty and augmentation."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gan.discriminator_augmentation import drawn_change
from gan.discriminator_augmentation_settings import chosen_policies
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings
from gan.step_numbers import StepNumbers
from gan.training_state import TrainingState
from gan.training_step import StepFunction, make_step, uses_xla

Images = tuple[np.ndarray, np.ndarray]
ALWAYS = {"policies": ["translation", "cutout"], "adaptive": False, "probability": 0.5}
ADAPTIVE = {"policies": ["translation"], "images_to_full": 640, "probability": 0.3}

Made = tuple[TrainingState, StepFunction]


@pytest.fixture
def made() -> Callable[..., Made]:
    """A small state and its step of 8 images, for changes of the settings."""

    def make(channels: int = 1, width: int = 2, **changes: Any) -> Made:
        settings = TrainingSettings(width=width, latent_size=4, **{"batch_size": 8, **changes})
        spec = ModelSpec(
            family=settings.model,
            resolution_px=16,
            channels=channels,
            classes=3,
            latent_size=4,
            width=width,
            max_width=32,
        )
        state = TrainingState(spec, seed=0)
        state.set_learning_rate(1e-3)
        policies = chosen_policies(settings.discriminator_augmentation, 100, channels, None)
        return state, make_step(state, settings, 0, policies)

    return make


def run(step: StepFunction, data: Images, numbers: range, gamma: float = 1.0) -> list[StepNumbers]:
    """Steps with these numbers, on batches that follow from the number."""
    given = []
    for number in numbers:
        picks = np.arange(8 * number, 8 * number + 8) % len(data[0])
        scalars = np.int32(number), np.float32(gamma), np.float32(0.5)
        given.append(StepNumbers.of(np.asarray(step(data[0][picks], data[1][picks].astype(np.int32), *scalars))))
    return given


@pytest.mark.parametrize(
    "changes",
    [
        {"loss": "non_saturating", "real_label": 0.9, "penalty": {"kind": "r2"}},
        {"loss": "minimax", "penalty": {"kind": "none"}, "discriminator_augmentation": ALWAYS},
        {"loss": "least_squares", "penalty": {"order": "exact"}},
        {"loss": "hinge"},
        {"loss": "wasserstein", "discriminator_steps": 1, "discriminator_augmentation": ALWAYS},
        {"penalty": {"order": "exact"}, "discriminator_augmentation": ALWAYS | {"policies": ["colour", "flip"]}},
        {"model": "dcgan", "penalty": {"order": "exact"}},
    ],
    ids=lambda changes: "-".join(str(value) for value in changes.values() if isinstance(value, str)) or "colour",
)
def test_each_combination_moves_both_networks(
    changes: dict[str, Any], made: Callable[..., Made], stripes: Images
) -> None:
    state, step = made(**changes)
    before = state.generator.get_weights(), state.discriminator.get_weights()
    numbers = run(step, stripes, range(5))
    assert np.isfinite(np.array(numbers)).all()
    assert state.is_finite()
    moved = [
        any(not np.array_equal(old, new) for old, new in zip(was, network.get_weights(), strict=True))
        for was, network in zip(before, (state.generator, state.discriminator), strict=True)
    ]
    assert moved == [True, True]


def test_numbers_tell_how_real_and_synthetic_images_score(made: Callable[..., Made], stripes: Images) -> None:
    state, step = made(loss="non_saturating", penalty={"kind": "none"})
    scores = state.discriminator([tf.constant(stripes[0][:8], tf.float32) / 127.5 - 1, tf.constant(stripes[1][:8])])
    (numbers,) = run(step, stripes, range(1))
    assert numbers.real_score == pytest.approx(float(tf.reduce_mean(scores)), rel=1e-4)
    assert numbers.real_sign == pytest.approx(float(tf.reduce_mean(tf.sign(scores))))
    assert numbers.pair_share in np.arange(9) / 8
    assert (numbers.penalty, numbers.augmentation_probability) == (0, 0)


def test_the_generator_moves_every_so_many_steps_of_the_discriminator(
    made: Callable[..., Made], stripes: Images
) -> None:
    state, step = made(loss="wasserstein", discriminator_steps=3)
    weights = [state.generator.get_weights()[0]]
    for number in range(6):
        run(step, stripes, range(number, number + 1))
        weights.append(state.generator.get_weights()[0])
    moved = [not np.array_equal(old, new) for old, new in pairwise(weights)]
    assert moved == [False, False, True, False, False, True]


def test_a_lazy_penalty_is_weighted_by_its_interval(made: Callable[..., Made], stripes: Images) -> None:
    (lazy, lazy_step), (eager, eager_step) = made(penalty={"every_steps": 4}), made()
    lazy_numbers = run(lazy_step, stripes, range(1), gamma=0.5)
    assert lazy_numbers == run(eager_step, stripes, range(1), gamma=2.0)
    assert_equal(lazy.discriminator.get_weights(), eager.discriminator.get_weights())


def test_between_lazy_penalties_the_last_one_is_told(made: Callable[..., Made], stripes: Images) -> None:
    _, step = made(penalty={"every_steps": 3})
    penalties = [numbers.penalty for numbers in run(step, stripes, range(6))]
    assert penalties[0] == penalties[1] == penalties[2] != penalties[3] == penalties[4] == penalties[5]


def test_restored_arrays_go_on_to_the_same_bits(made: Callable[..., Made], stripes: Images) -> None:
    changes = {"discriminator_augmentation": ADAPTIVE, "penalty": {"every_steps": 2}}
    whole, step = made(**changes)
    run(step, stripes, range(6))
    half = whole.arrays()
    numbers = run(step, stripes, range(6, 13))
    resumed, resumed_step = made(**changes)
    resumed.restore(half)
    assert run(resumed_step, stripes, range(6, 13)) == numbers
    assert_equal(list(resumed.arrays().values()), list(whole.arrays().values()))


def test_the_probability_follows_the_signs_of_real_images(made: Callable[..., Made], stripes: Images) -> None:
    _, step = made(discriminator_augmentation=ADAPTIVE)
    numbers = run(step, stripes, range(9))
    probability, wanted = 0.3, []
    for number, seen in enumerate(numbers):
        wanted.append(probability)
        if number % 4 == 3:
            sign = np.mean([each.real_sign for each in numbers[number - 3 : number + 1]])
            probability += 8 * 4 / 640 * np.sign(sign - 0.6)
        assert seen.augmentation_probability == pytest.approx(wanted[-1])


def test_a_change_of_gamma_and_learning_rate_traces_nothing_again(made: Callable[..., Made], stripes: Images) -> None:
    state, step = made()
    traced = 0
    original = state.generator.call

    def counting(*arguments: Any, **named: Any) -> Any:
        nonlocal traced
        traced += 1
        return original(*arguments, **named)

    state.generator.call = counting
    run(step, stripes, range(1))
    first = traced
    state.set_learning_rate(5e-4)
    run(step, stripes, range(1, 4), gamma=0.3)
    assert traced == first > 0


def test_a_step_compiles_with_xla(made: Callable[..., Made], stripes: Images) -> None:
    """Its random numbers differ from those of a plain step; what does not depend on them is the same."""
    (state, xla), (_, plain) = made(compile="xla"), made(penalty={"kind": "none"})
    (got,), (wanted,) = run(xla, stripes, range(1)), run(plain, stripes, range(1))
    assert got.real_score == pytest.approx(wanted.real_score, rel=1e-3)
    assert np.isfinite(np.array(got)).all()
    assert state.is_finite()


@pytest.mark.parametrize(
    ("wanted", "has_gpu", "xla"),
    [("auto", False, False), ("auto", True, True), ("plain", True, False), ("xla", False, True)],
)
def test_auto_compiles_with_xla_on_gpus(wanted: str, has_gpu: bool, xla: bool) -> None:
    assert uses_xla(wanted, has_gpu) is xla


def test_augmentation_stays_out_of_samples(made: Callable[..., Made]) -> None:
    """Real images are bright all over; cutouts and margins are gray, and half of what the discriminator saw had both.

    The statistic is the share of pixels nearer to that gray than to any real pixel.
    """
    rng = np.random.default_rng(0)
    labels = np.arange(240, dtype=np.int32) % 3
    levels = (205 + 15 * labels)[:, None, None, None]
    bright = (levels + rng.normal(0, 3, size=(240, 16, 16, 1))).astype(np.uint8)
    state, step = made(width=4, discriminator_augmentation=ALWAYS)
    run(step, (bright, labels), range(400), gamma=0.3)
    latents = rng.normal(size=(120, 4)).astype(np.float32)
    synthetic = np.asarray(state.averaged([latents, labels[:120]]))
    real = bright / 127.5 - 1
    change = drawn_change(
        ("translation", "cutout"), real.shape, tf.constant(0.5), lambda shape, _: rng.uniform(size=shape)
    )
    seen = change(tf.constant(real, tf.float32)).numpy()
    shares = [float((images < 0.25).mean()) for images in (real, seen, synthetic)]
    assert shares[0] == 0
    assert shares[1] > 0.1
    assert shares[2] < 0.02


def assert_equal(got: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    assert [place for place, pair in enumerate(zip(got, wanted, strict=True)) if not np.array_equal(*pair)] == []
