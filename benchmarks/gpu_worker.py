"""One measurement, or one slice of training, in a process of its own: its peak of device memory is then its own.

    python -m benchmarks.gpu_worker JOB.json

The job names its kind, its folders and settings; the result is written beside it as JSON.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.gpu_parts import read_data
from gan.backends import backend
from gan.checkpoints import newest_checkpoint
from gan.models.cost import parameters
from gan.models.registry import FAMILIES
from gan.presets import with_preset
from gan.settings import TrainingSettings
from gan.steps import step_kind
from gan.training import spec_of, train
from gan.training_log import read_log
from gan.training_state import TrainingState

SEED = 0
_WARM_UP_STEPS = 5


def main(path: Path) -> None:
    started = time.monotonic()
    job = json.loads(path.read_text())
    result = {"speed": speed, "slice": train_slice}[job["kind"]](job, started)
    path.with_suffix(".result.json").write_text(json.dumps(result))


def settings_of(job: dict[str, Any], images: np.ndarray) -> TrainingSettings:
    given = {**job["settings"], "model": job["family"], "precision": job["precision"]}
    settings = TrainingSettings.model_validate(given)
    return with_preset(settings, len(images), images.shape[1], FAMILIES[settings.model].defaults)


def speed(job: dict[str, Any], started: float) -> dict[str, Any]:
    """Real images per second of the bare compiled step, after warm-up, and the memory that it took."""
    images, labels, names = read_data(Path(job["data"]), "train")
    settings = settings_of(job, images)
    classes = len(names) if labels is not None and names is not None and len(names) > 1 else 0
    state = TrainingState(spec_of(images, classes, settings), SEED, precision=settings.precision)
    step = step_kind(state.spec).make(state, settings, SEED, (), backend.find_devices("one"))
    rng = np.random.default_rng(SEED)
    picks = rng.integers(len(images), size=settings.batch_size)
    batch = images[picks], np.zeros(len(picks), np.int32) if labels is None else labels[picks].astype(np.int32)

    def take(number: int) -> Any:
        return step(*batch, np.int32(number), np.float32(1.0), np.float32(0.99))

    for number in range(_WARM_UP_STEPS):
        np.asarray(take(number))
    compiled, steps, ends = time.monotonic(), 0, time.monotonic() + job["seconds"]
    while time.monotonic() < ends:
        for _ in range(10):  # one look at the clock for some steps, which are queued on a GPU
            steps += 1
            numbers = take(_WARM_UP_STEPS + steps)
        np.asarray(numbers)
    seconds = time.monotonic() - compiled
    return {
        "backend": keras.backend.backend(),
        "device": backend.find_devices("one").text,
        "batch_size": settings.batch_size,
        "parameters": [parameters(network) for network in (state.generator, state.discriminator)],
        "images_per_second": steps * settings.batch_size / seconds,
        "peak_mib": _mib(backend.peak_device_bytes()),
        "start_s": compiled - started,
    }


def train_slice(job: dict[str, Any], started: float) -> dict[str, Any]:
    """Go on with the run in a folder for so many seconds, evaluation and start included as far as they can be."""
    images, labels, names = read_data(Path(job["data"]), "train")
    held_out, held_out_labels, _ = read_data(Path(job["data"]), "validation")
    folder = Path(job["folder"])
    found = newest_checkpoint(folder / "checkpoints").checkpoint
    before_s = 0.0 if found is None else found.record["position"]["seconds"]
    left_s = max(1.0, job["seconds"] - (time.monotonic() - started))
    minutes = {"budget_minutes": (before_s + left_s) / 60}
    settings = TrainingSettings.model_validate(settings_of(job, images).model_dump() | minutes)
    result = train(images, labels, names, held_out, held_out_labels, settings, SEED, folder)
    last = result.evaluations[-1]
    log = [entry for entry in read_log(folder) if entry["event"] == "losses"]
    return {
        "images_seen": result.images_seen,
        "resumed_at_images": result.resumed_at_images,
        "stopped_by": result.stopped_by,
        "frechet_distance": last.frechet_distance,
        "best_frechet_distance": result.best.frechet_distance,
        "recall": last.recall,
        "extractor": last.extractor,
        "n_synthetic": last.n_synthetic,
        "images_per_second": log[-1]["images_per_second"] if log else result.images_per_second,
        "peak_mib": _mib(backend.peak_device_bytes()),
        "seconds": time.monotonic() - started,
    }


def _mib(size: int | None) -> float | None:
    return None if size is None else size / 2**20


if __name__ == "__main__":
    main(Path(sys.argv[1]))
