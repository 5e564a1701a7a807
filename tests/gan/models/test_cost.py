"""Costs against numbers worked out by hand for one small network."""

import keras

from gan.models.cost import multiply_accumulates, parameters, step_estimate
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings
from gan.step_cost import step_cpu_ms

SPEC = ModelSpec(resolution_px=16, channels=3, classes=5, latent_size=6, width=4, max_width=8)
GENERATOR = 12 * 128 + 16 * (16 * 8 * 8) + 64 * (16 * 8 * 4) + 256 * (9 * 4 * 3)
DISCRIMINATOR = 256 * (9 * 3 * 4) + 64 * (16 * 4 * 8) + 16 * (16 * 8 * 8) + 128 * 8 + 8


def networks(name: str) -> tuple[keras.Model, keras.Model]:
    spec = SPEC.model_copy(update={"family": name})
    return FAMILIES[name].build_generator(spec, 0), FAMILIES[name].build_partner(spec, 0)


def test_multiply_accumulates_are_counted_where_a_kernel_is_applied() -> None:
    assert tuple(map(multiply_accumulates, networks("conv"))) == (GENERATOR, DISCRIMINATOR)


def test_moving_statistics_are_no_parameters() -> None:
    generator, _ = networks("dcgan")
    assert parameters(generator) == generator.count_params() - 2 * 2 * 8


def test_a_step_against_a_discriminator_costs_more_than_one_with_an_encoder() -> None:
    generator, encoder = networks("vae")
    assert step_estimate(*networks("conv")) == 4 * GENERATOR + 15 * DISCRIMINATOR
    assert step_estimate(generator, encoder) == 3 * (multiply_accumulates(generator) + multiply_accumulates(encoder))


def test_a_measured_step_takes_time() -> None:
    assert 0 < step_cpu_ms(SPEC, TrainingSettings(batch_size=4), at_least_s=0.05) < 60_000
