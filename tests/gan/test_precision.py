from pathlib import Path

import numpy as np
import pytest

from gan.sampling import load_generator
from gan.settings import TrainingSettings
from gan.training import train

Images = tuple[np.ndarray, np.ndarray]


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_trains_float32_weights(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path, precision: str
) -> None:
    change = {"precision": precision, "budget_images": 160, "evaluate_every_images": 160, "beta2_start": 0.9}
    settings = TrainingSettings.model_validate(small_training.model_dump() | change)
    result = train(stripes[0], None, None, few_stripes[0], None, settings, 0, tmp_path)
    assert np.isfinite(result.best.frechet_distance)
    assert f", {precision} on 1 CPU" in result.title
    network = load_generator(tmp_path).network
    assert {str(weight.dtype) for weight in network.weights} == {"float32"}
