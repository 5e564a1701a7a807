"""R3GAN against the description of its paper: parameters, initialisation, penalties."""

import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from gan.models.families.r3gan import build_discriminator, build_generator
from gan.models.spec import ModelSpec
from tests.gan.models.second_order import check_degree_two

ROOT = Path(__file__).resolve().parents[3]


def spec(resolution_px: int = 32, width: int = 16, max_width: int = 32, classes: int = 0) -> ModelSpec:
    return ModelSpec(
        family="r3gan", resolution_px=resolution_px, channels=3, classes=classes, latent_size=64, width=width,
        max_width=max_width,
    )  # fmt: skip


def block(width: int) -> int:
    """Parameters: 1x1 to twice the width, 3x3 from 16 channels each, 1x1 back; biases where activations follow."""
    inner = 2 * width
    return (width * inner + inner) + (9 * 16 * inner + inner) + inner * width


def test_parameters_are_those_of_the_description() -> None:
    """32 px: stages of 4, 8, 16 and 32 px with 32, 32, 32 and 16 channels, of two blocks each."""
    blocks = 6 * block(32) + 2 * block(16)
    generator = 64 * 32 + 16 * 32 + blocks + 32 * 16 + 16 * 3
    discriminator = 3 * 16 + blocks + 16 * 32 + 16 * 32 + 32 * 1
    assert build_generator(spec(), 0).count_params() == generator
    assert build_discriminator(spec(), 0).count_params() == discriminator


def test_labels_cost_an_embedding_each_and_a_matrix() -> None:
    plain, by_class = (build_generator(spec(classes=classes), 0).count_params() for classes in (0, 10))
    assert by_class - plain == 10 * 64 + 64 * 32
    plain, by_class = (build_discriminator(spec(classes=classes), 0).count_params() for classes in (0, 10))
    assert by_class - plain == 10 * 32 + (32 * 32 - 32)


def test_parameters_at_the_width_published_for_cifar_10() -> None:
    """768 channels at 4, 8, 16 and 32 px: 8 blocks of 2 * 768 * 1536 and 9 * 16 * 1536, and their biases."""
    per_block = 2 * 768 * 1536 + 9 * 16 * 1536 + 2 * 1536
    generator = build_generator(spec(width=768, max_width=768), 0)
    assert generator.count_params() == 8 * per_block + 64 * 768 + 16 * 768 + 768 * 3


@pytest.mark.parametrize("build", [build_generator, build_discriminator])
def test_blocks_begin_by_fix_up(build: keras.Model) -> None:
    """N(0, g / fan-in), g = sqrt(2 / 1.04) * 8^(-1/4) for 8 blocks; the last kernel of each is zero, as are biases."""
    layers = {layer.name: layer for layer in build(spec(width=32, max_width=64), 0).layers if layer.weights}
    gain = np.sqrt(2 / 1.04) * 8**-0.25
    assert sum(name.endswith("_out") for name in layers) == 8
    for name, layer in layers.items():
        if name.endswith("_out"):
            assert not layer.kernel.numpy().any()
        elif name.startswith("block"):
            fan_in = np.prod(layer.kernel.shape[:3])
            assert float(np.std(layer.kernel)) == pytest.approx(gain * fan_in**-0.5, rel=0.05)
            assert not layer.bias.numpy().any()
        elif hasattr(layer, "kernel") and layer.kernel.shape[-1] > 3:
            fan_in = np.prod(layer.kernel.shape[:-1])
            assert float(np.std(layer.kernel)) == pytest.approx(fan_in**-0.5, rel=0.1)


def test_an_untrained_generator_is_its_basis_enlarged() -> None:
    """Blocks change nothing at first, so images are linear in the latents."""
    generator = build_generator(spec(), 0)
    latents = np.random.default_rng(0).normal(size=(2, 64)).astype(np.float32)
    both = np.asarray(generator([latents.sum(axis=0, keepdims=True)]))
    assert np.asarray(generator([latents])).sum(axis=0) == pytest.approx(both[0], abs=1e-4)


def trained_a_little(network: keras.Model) -> keras.Model:
    """Blocks that do something, and no biases, so that scores are proportional to each kernel outside of blocks."""
    rng = np.random.default_rng(0)
    for layer in network.layers:
        if layer.name.endswith("_out"):
            layer.kernel.assign(rng.normal(size=layer.kernel.shape) * 0.1)
    return network


@pytest.mark.parametrize(("resolution_px", "classes"), [(32, 0), (128, 3)])
def test_exact_penalties_have_slopes_through_everything(resolution_px: int, classes: int) -> None:
    network = trained_a_little(build_discriminator(spec(resolution_px, 4, 16, classes), 0))
    check_degree_two(network, ["image", f"down_{resolution_px // 2}", "base", "vector" if classes else "score"])


JAX = """
import jax, keras, numpy
from gan.models.learned_basis import BasisSum
from gan.models.parts import Seeds
from gan.models.resampling import halved
from gan.models.residual_blocks import residual_block

images = keras.Input((8, 8, 16))
stage = halved(residual_block(images, 1, Seeds(0), "block"), "down")
network = keras.Model(images, BasisSum(seed=1)(stage))
rng = numpy.random.default_rng(0)
weights = [jax.numpy.asarray(0.1 * rng.normal(size=weight.shape)) for weight in network.get_weights()]
given = jax.numpy.asarray(rng.normal(size=(2, 8, 8, 16)))

def total(images, weights):
    return network.stateless_call(weights, [], images, training=True)[0].sum()

def penalty(weights):
    return (jax.grad(total)(given, weights) ** 2).sum()

value, slopes = jax.jit(jax.value_and_grad(penalty))(weights)
print(float((slopes[-1] * weights[-1]).sum() / value), all(float(abs(s).max()) > 0 for s in slopes if s.ndim > 1))
"""


def test_a_stage_has_slopes_of_slopes_under_jax_too() -> None:
    pytest.importorskip("jax", reason="jax is not installed: it comes with the extra [jax]")
    environment = {**os.environ, "KERAS_BACKEND": "jax"}
    done = subprocess.run([sys.executable, "-c", JAX], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    degree, moves_all = done.stdout.split()
    assert (float(degree), moves_all) == (pytest.approx(2.0, rel=1e-3), "True")
