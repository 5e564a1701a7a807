"""What a compiled training step costs on this machine."""

import time

import numpy as np

from gan.backends import backend
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings
from gan.steps import step_kind
from gan.training_state import TrainingState

_WARM_UP_STEPS = 3
_MOST_STEPS = 200


def step_cpu_ms(spec: ModelSpec, settings: TrainingSettings, *, at_least_s: float = 1.0) -> float:
    """Milliseconds of CPU time of one training step, all threads together, over about so many seconds after warm-up.

    On a GPU this is what the processor does meanwhile.
    """
    state = TrainingState(spec, 0, precision=settings.precision)
    step = step_kind(spec).make(state, settings, 0, (), backend.find_devices("one"))
    shape = (settings.batch_size, spec.resolution_px, spec.resolution_px, spec.channels)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    labels = np.arange(settings.batch_size, dtype=np.int32) % max(spec.classes, 1)
    started, cpu_before_s = time.monotonic(), time.process_time()
    for number in range(_WARM_UP_STEPS + _MOST_STEPS):
        if number == _WARM_UP_STEPS:
            started, cpu_before_s = time.monotonic(), time.process_time()
        np.asarray(step(images, labels, np.int32(number), np.float32(1.0), np.float32(0.99)))
        timed = number + 1 - _WARM_UP_STEPS
        if timed > 0 and time.monotonic() - started > at_least_s:
            break
    return 1000.0 * (time.process_time() - cpu_before_s) / timed
