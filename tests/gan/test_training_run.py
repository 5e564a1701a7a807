"""The loop with steps that go wrong on purpose."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gan.evaluation import Evaluator
from gan.extractors.embedded import random_conv_extractor
from gan.health import alarms
from gan.models.spec import ModelSpec
from gan.progress import silent
from gan.sampling import Generator
from gan.settings import TrainingSettings
from gan.training_log import read_log
from gan.training_run import RunInputs, TrainingDiverged, TrainingRun
from gan.training_state import TrainingState
from gan.training_step import make_step

Images = tuple[np.ndarray, np.ndarray]
MakeRun = Callable[[Callable[[int, int], bool]], TrainingRun]


@pytest.fixture
def state(small_training: TrainingSettings) -> TrainingState:
    spec = ModelSpec(resolution_px=16, channels=1, classes=3, latent_size=4, width=2, max_width=256)
    return TrainingState(spec, seed=0)


@pytest.fixture
def make_run(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, state: TrainingState, tmp_path: Path
) -> MakeRun:
    """A run whose weights become NaN in the calls for which `poisoned(call, step)` holds."""
    settings = small_training.model_copy(update={"rollbacks_allowed": 2})
    step_function = make_step(state, settings, seed=0)

    def make(poisoned: Callable[[int, int], bool]) -> TrainingRun:
        calls = 0

        def step(images: np.ndarray, labels: np.ndarray, number: np.int32, *rest: np.float32) -> np.ndarray:
            nonlocal calls
            calls += 1
            if poisoned(calls, int(number)):
                state.generator.trainable_variables[0].assign(np.nan * state.generator.trainable_variables[0])
            return np.asarray(step_function(images, labels, number, *rest))

        inputs = RunInputs(*stripes, ("a", "b", "c"), settings, 0, tmp_path, "digest")
        evaluator = Evaluator(random_conv_extractor((16, 16, 1), 0), *few_stripes, samples=60, seed=0)
        return TrainingRun(inputs, state, step, evaluator, silent)

    return make


def test_a_nan_sends_training_back_and_lowers_the_learning_rate(
    make_run: MakeRun, state: TrainingState, tmp_path: Path
) -> None:
    run = make_run(lambda call, step: call == 60)
    run.resume()
    run.run_to_end()
    assert (run.images_seen, run.position.rollbacks) == (1600, 1)
    assert run.notes == ["losses or weights were not finite after 1280 images: went back to 640"]
    assert state.is_finite()
    assert float(state.generator_optimiser.learning_rate.numpy()) == pytest.approx(0.5 * 5e-4, rel=0.01)
    (event,) = [line for line in read_log(tmp_path) if line["event"] == "rollback"]
    assert (event["images_seen"], event["back_to_images"]) == (1280, 640)


def test_a_nan_that_comes_back_ends_with_a_named_error(make_run: MakeRun, tmp_path: Path) -> None:
    run = make_run(lambda call, step: step == 60)
    run.resume()
    sentence = (
        "losses or weights were not finite after 1280 images, and 2 of 2 allowed returns to a checkpoint did not help; "
        "lower learning_rate_start or gamma_start"
    )
    with pytest.raises(TrainingDiverged, match=re.escape(sentence)):
        run.run_to_end()
    assert [line["event"] for line in read_log(tmp_path)].count("rollback") == 2


def test_one_image_per_class_raises_the_alarm(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, state: TrainingState
) -> None:
    kernel = next(variable for variable in state.averaged.variables if variable.path == "base/kernel")
    # The latents come first in its rows, then the label: without them, a class is one image.
    kernel.assign(np.where(np.arange(kernel.shape[0])[:, None] < 4, 0.0, np.asarray(kernel)))
    generator = Generator(state.averaged, state.spec, ("a", "b", "c"))
    evaluator = Evaluator(random_conv_extractor((16, 16, 1), 0), *few_stripes, samples=60, seed=0)
    seen = evaluator.evaluate(generator, images_seen=1500)
    assert seen.diversity < 1e-3
    raised = alarms([seen], small_training)
    assert {"recall", "diversity"} <= {alarm.measure for alarm in raised}
