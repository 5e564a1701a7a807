"""Both networks are moved by Adam, with the memory that the settings say."""

from pathlib import Path

import keras
import numpy as np
import pytest

from gan import training
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings
from gan.training_state import TrainingState

Images = tuple[np.ndarray, np.ndarray]
SPEC = ModelSpec(resolution_px=16, channels=1, classes=0, latent_size=4, width=2, max_width=4)


@pytest.mark.parametrize("beta1", [0.0, 0.5])
def test_the_second_step_remembers_so_much_of_the_first(beta1: float) -> None:
    state = TrainingState(SPEC, 0, beta1=beta1, beta2=(0.9, 0.9))
    state.set_learning_rate(0.1)
    for optimiser, network in (
        (state.generator_optimiser, state.generator),
        (state.discriminator_optimiser, state.discriminator),
    ):
        weights = network.trainable_variables
        start = [weight.numpy().copy() for weight in weights]
        for slope in (1.0, -0.5):
            optimiser.apply([keras.ops.full(weight.shape, slope) for weight in weights], weights)
        # Kingma and Ba 2015, worked out: mean and square of the slopes 1 and -0.5, without their bias towards zero.
        mean = ((1 - beta1) * beta1 * 1.0 - (1 - beta1) * 0.5) / (1 - beta1**2)
        square = (0.1 * 0.9 * 1.0 + 0.1 * 0.25) / (1 - 0.9**2)
        moved = -0.1 * 1.0 - 0.1 * mean / np.sqrt(square)
        for before, weight in zip(start, weights, strict=True):
            np.testing.assert_allclose(weight.numpy() - before, moved, rtol=1e-4)


def test_training_takes_it_from_the_settings(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path, monkeypatch
) -> None:
    asked = []

    class Stop(Exception):
        pass

    def state(*_: object, **given: object) -> None:
        asked.append(given["beta1"])
        raise Stop

    monkeypatch.setattr(training, "TrainingState", state)
    settings = small_training.model_copy(update={"adam_beta1": 0.5})
    with pytest.raises(Stop):
        training.train(stripes[0], None, None, few_stripes[0], None, settings, 0, tmp_path)
    assert asked == [0.5]
