"""What test_backends.py runs in a process per backend: `python backend_run.py FOLDER`, with KERAS_BACKEND set.

It writes `<backend>.npz` into the folder, and trains there.
"""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np

from gan.backends import backend
from gan.checkpoints import newest_checkpoint
from gan.discriminator_augmentation_settings import chosen_policies
from gan.models.spec import ModelSpec
from gan.sampling import load_generator
from gan.settings import ClassifierSettings, TrainingSettings
from gan.steps import step_kind
from gan.training import train
from gan.training_state import TrainingState

EVERYTHING = {"policies": ["colour", "translation", "cutout", "flip"], "adaptive": False, "probability": 0.5}
CASES: dict[str, dict[str, Any]] = {
    "conv": {},
    "exact penalties and augmentation": {"penalty": {"order": "exact"}, "discriminator_augmentation": EVERYTHING},
    "dcgan": {"model": "dcgan", "loss": "non_saturating"},
    "spectral": {"model": "mlp", "spectral_normalisation": True, "penalty": {"kind": "r1", "order": "exact"}},
    "vae": {"model": "vae"},
    "r3gan": {"model": "r3gan"},
    "stylegan2": {"model": "stylegan2", "path_length": {"weight": 2.0, "every_steps": 1}},
    "progressive": {"model": "progressive"},
    "float16": {"precision": "mixed_float16", "penalty": {"kind": "none"}},
}
RATE = 0.01
NAMES = ("flat", "rising", "falling")
SETTINGS = TrainingSettings(
    preset="small",
    width=2,
    latent_size=4,
    batch_size=16,
    budget_images=320,
    evaluate_every_images=160,
    checkpoint_every_images=160,
    evaluation_samples=30,
    extractor=ClassifierSettings(width=4, feature_size=8, budget_images=320, batch_size=32),
)


def numpy_numbers(kind: str) -> Any:
    """Random numbers that are the same in both backends."""

    def draw(shape: tuple[int, ...], seed: int, step: Any) -> Any:
        drawn = getattr(np.random.default_rng(seed), kind)(size=shape)
        return keras.ops.convert_to_tensor(drawn.astype(np.float32))

    return draw


@contextmanager
def all_numbers_from_numpy() -> Iterator[None]:
    """What a step draws, and the noise in networks, which counts its own draws."""
    drawing, noise = (backend.normal, backend.uniform), keras.random.normal

    def drawn(shape: Sequence[int], dtype: str, seed: object) -> Any:
        return keras.ops.cast(numpy_numbers("standard_normal")(tuple(shape), len(shape), 0), dtype)

    backend.normal, backend.uniform = numpy_numbers("standard_normal"), numpy_numbers("uniform")
    keras.random.normal = drawn
    try:
        yield
    finally:
        (backend.normal, backend.uniform), keras.random.normal = drawing, noise


def made(changes: dict[str, Any], weights: Path) -> tuple[TrainingState, TrainingSettings, Any]:
    """A state that moves by RATE times its gradients, with the weights that the first backend had, and its step."""
    settings = TrainingSettings(width=2, latent_size=4, **{"batch_size": 8, **changes})
    spec = ModelSpec(
        family=settings.model,
        resolution_px=16,
        channels=3,
        classes=3,
        latent_size=4,
        width=2,
        max_width=32,
        spectral_normalisation=settings.spectral_normalisation,
    )
    state = TrainingState(spec, 0, precision=settings.precision)
    for name, network in (("generator", state.generator), ("discriminator", state.discriminator)):
        optimiser = keras.optimizers.SGD(RATE)
        if settings.precision == "mixed_float16":
            optimiser = keras.optimizers.LossScaleOptimizer(optimiser)
        optimiser.build(network.trainable_variables)
        setattr(state, f"{name}_optimiser", optimiser)
    if not weights.exists():
        np.savez(weights, **moved(state.arrays()))
    with np.load(weights) as archive:
        state.restore(dict(archive))
    policies = chosen_policies(settings.discriminator_augmentation, 100, 3, NAMES)
    return state, settings, step_kind(spec).make(state, settings, 0, policies, backend.find_devices("one"))


def moved(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Biases are 0 at first, and so is what is cut out: at 0, each library takes another side of the leaky ReLU."""
    rng = np.random.default_rng(2)
    return {
        name: array if "optimiser" in name else (array + rng.uniform(0.002, 0.02, array.shape)).astype(array.dtype)
        for name, array in arrays.items()
    }


def one_step(case: str, folder: Path) -> dict[str, np.ndarray]:
    """Its numbers, the gradients by variable, and whether the step after a restored state is the same to the bit."""
    state, settings, step = made(CASES[case], folder / f"weights {case}.npz")
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (3, settings.batch_size, 16, 16, 3), dtype=np.uint8)
    labels = rng.integers(3, size=(3, settings.batch_size)).astype(np.int32)

    def take(number: int) -> np.ndarray:
        scalars = np.int32(number), np.float32(0.7), np.float32(0.9)
        return np.asarray(step(images[number], labels[number], *scalars))

    before = state.arrays()
    result = {f"{case}/numbers": take(0)}
    after = state.arrays()
    result |= {f"{case}/{name}": (after[name] - before[name]) / RATE for name in after if "optimiser" not in name}
    wanted, wanted_arrays = take(1), state.arrays()
    state.restore(after)
    again, arrays = take(1), state.arrays()
    same = np.array_equal(again, wanted) and all(np.array_equal(arrays[name], wanted_arrays[name]) for name in arrays)
    return result | {f"{case}/resumes": np.array(same)}


def trained(data: dict[str, np.ndarray], folder: Path) -> None:
    train(data["x"], data["y"], NAMES, data["sx"], data["sy"], SETTINGS, 3, folder)


def half_of(folder: Path, other: Path) -> Path:
    """A copy that was stopped in the middle."""
    shutil.copytree(folder, other)
    max((other / "checkpoints").glob("step-*.npz")).unlink()
    return other


def last_arrays(folder: Path) -> dict[str, np.ndarray]:
    found = newest_checkpoint(folder / "checkpoints").checkpoint
    assert found is not None
    return found.arrays


def main(folder: Path) -> None:
    name = keras.backend.backend()
    with np.load(folder / "data.npz") as archive:
        data = dict(archive)
    backend.make_deterministic()
    trained(data, folder / name)
    trained(data, half_of(folder / name, folder / f"{name} resumed"))
    first, second = last_arrays(folder / name), last_arrays(folder / f"{name} resumed")
    result = {"resumes": np.array(all(np.array_equal(first[key], second[key]) for key in first))}
    if (folder / "tensorflow" / "generator.json").exists() and name != "tensorflow":
        trained(data, half_of(folder / "tensorflow", folder / f"tensorflow continued by {name}"))
    result["samples"] = load_generator(folder / "tensorflow").sample(np.arange(40) % 3, seed=5)
    with all_numbers_from_numpy():
        for case in CASES:
            result |= one_step(case, folder)
    result["imports"] = np.array([module for module in ("tensorflow", "jax") if module in sys.modules])
    np.savez(folder / f"{name}.npz", **result)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
