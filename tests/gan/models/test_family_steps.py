"""Every family is trained and sampled at every size, and continues exactly where it was stopped."""

from collections.abc import Iterator

import numpy as np
import pytest
import tensorflow as tf

from gan.backends import backend
from gan.models.growth_layers import fades
from gan.models.options import NOT_SPECTRAL
from gan.models.registry import FAMILIES
from gan.models.spec import RESOLUTIONS_PX, ModelSpec
from gan.sampling import Generator
from gan.settings import TrainingSettings
from gan.step_numbers import StepNumbers
from gan.steps import step_kind
from gan.training_state import TrainingState
from gan.training_step import StepFunction

BATCH = 4
FIRST_STEPS = {"r3gan": 2}  # kernels behind one that begins at zero move from the second step on


@pytest.fixture
def eagerly() -> Iterator[None]:
    """Compiling a step takes longer than running it once."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def made(spec: ModelSpec, precision: str = "float32", **settings: object) -> tuple[TrainingState, StepFunction]:
    state = TrainingState(spec, 0, precision=precision)
    chosen = TrainingSettings(model=spec.family, batch_size=BATCH, **settings)
    return state, step_kind(spec).make(state, chosen, 0, (), backend.find_devices("one"))


def spec(
    family: str, resolution_px: int = 16, channels: int = 1, classes: int = 3, spectral: bool = False
) -> ModelSpec:
    return ModelSpec(
        family=family, resolution_px=resolution_px, channels=channels, classes=classes, latent_size=4, width=2,
        max_width=4, spectral_normalisation=spectral,
    )  # fmt: skip


def taken(step: StepFunction, wanted: ModelSpec, number: int, decay: float = 0.9) -> np.ndarray:
    rng = np.random.default_rng(number)
    shape = (BATCH, wanted.resolution_px, wanted.resolution_px, wanted.channels)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    labels = rng.integers(max(wanted.classes, 1), size=BATCH).astype(np.int32)
    return np.asarray(
        step(tf.constant(images), tf.constant(labels), np.int32(number), np.float32(1.0), np.float32(decay))
    )


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("classes", [0, 3], ids=["unconditional", "conditional"])
@pytest.mark.parametrize("channels", [1, 3], ids=["gray", "colour"])
@pytest.mark.parametrize("resolution_px", RESOLUTIONS_PX)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_changes_both_networks_and_the_average(
    name: str, resolution_px: int, channels: int, classes: int
) -> None:
    wanted = spec(name, resolution_px, channels, classes)
    state, step = made(wanted)
    networks = (state.generator, state.discriminator, state.averaged)
    for fade in [fade for network in networks for fade in fades(network)]:
        fade.share.assign(0.5)  # else what has not grown yet, or is outgrown, does not learn
    before = [[variable.numpy() for variable in network.trainable_variables] for network in networks]
    for number in range(FIRST_STEPS.get(name, 1)):
        numbers = taken(step, wanted, number)
    assert numbers.shape == (len(step_kind(wanted).numbers),)
    assert np.isfinite(numbers).all()
    for network, old in zip(networks, before, strict=True):
        kernels = [(a, b) for a, b in zip(old, network.trainable_variables, strict=True) if a.ndim > 1]
        assert all((a != b.numpy()).any() for a, b in kernels)
    sampled = state.averaged([tf.ones((1, 4)), *([tf.zeros((1,), tf.int32)] if classes else [])], training=False)
    assert sampled.shape == (1, resolution_px, resolution_px, channels)


VARIANTS = [(name, False) for name in FAMILIES] + [(name, True) for name in FAMILIES if name not in NOT_SPECTRAL]


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize(("name", "spectral"), VARIANTS)
def test_training_goes_on_exactly_from_its_arrays(name: str, spectral: bool) -> None:
    wanted = spec(name, spectral=spectral)
    state, step = made(wanted)
    for number in range(3):
        taken(step, wanted, number)
    kept = state.arrays()
    expected = taken(step, wanted, 3)
    after = state.arrays()
    other, other_step = made(wanted)
    other.restore(kept)
    assert np.array_equal(taken(other_step, wanted, 3), expected)
    assert all(np.array_equal(after[key], value) for key, value in other.arrays().items())


@pytest.mark.usefixtures("eagerly")
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
@pytest.mark.parametrize("name", FAMILIES)
def test_mixed_precision_trains_about_like_full_precision(name: str, precision: str) -> None:
    wanted = spec(name)
    exact, rounded = (taken(made(wanted, kind)[1], wanted, 0) for kind in ("float32", precision))
    losses = slice(0, StepNumbers._fields.index("pair_share"))  # shares of four images jump where a score is about 0
    assert rounded[losses] == pytest.approx(exact[losses], rel=0.2, abs=0.2)


def test_samples_of_a_family_depend_on_the_label_and_repeat() -> None:
    wanted = spec("dcgan")
    generator = Generator(made(wanted)[0].averaged, wanted, ("a", "b", "c"))
    first, again, other = (generator.sample(np.full(4, label), seed=1) for label in (0, 0, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.usefixtures("eagerly")
def test_moving_statistics_are_averaged_like_weights() -> None:
    wanted = spec("dcgan")
    state, step = made(wanted)
    (layer,) = [layer for layer in state.averaged.layers if layer.name == "base_normalised"]
    current = state.generator.get_layer("base_normalised")
    start = layer.moving_variance.numpy()
    taken(step, wanted, 0, decay=0.75)
    moved = 0.75 * start + 0.25 * current.moving_variance.numpy()
    assert (layer.moving_variance.numpy() != start).all()
    assert layer.moving_variance.numpy() == pytest.approx(moved)


def test_sampling_is_in_inference_mode() -> None:
    """With batch statistics, an image would depend on the others that are sampled with it."""
    wanted = spec("dcgan")
    generator = Generator(made(wanted)[0].averaged, wanted, ("a", "b", "c"))
    labels = np.array([0, 1, 2, 0])
    assert np.array_equal(generator.sample(labels, seed=0)[:1], generator.sample(np.array([0]), seed=0))
    statistics = [weight.copy() for weight in generator._network.get_weights()]
    generator.sample(labels, seed=1)
    assert all(np.array_equal(a, b) for a, b in zip(statistics, generator._network.get_weights(), strict=True))
