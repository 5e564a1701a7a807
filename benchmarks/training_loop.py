"""What the training loop costs beside its compiled step: images per CPU-second of both, taken in turns.

    python -m benchmarks.training_loop [ROUNDS]

Bare: the same compiled step, averaging of weights included, fed with one batch from memory again and again, its
numbers read at the end. Loop: steps of a run over the digits of scikit-learn with the default settings, with batches,
schedules, log and numbers, and their part of reading the shards (once per run) and of checkpoints (every 20,000
images). Evaluations, which are no training, are left out, and so is compilation.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from sklearn.datasets import load_digits

from datasets.image_codec import encode_image
from datasets.image_record import ImageRecord, encode_record
from datasets.normalise import Normalise
from datasets.readers import LoadedSplit, load_numpy
from datasets.tfds_layout import Index, ShardFeatures, describe_shard, shard_filename, write_features, write_index
from datasets.tfrecord import write_tfrecord
from gan.backends import backend
from gan.devices import Devices
from gan.evaluation import Evaluator
from gan.extractors.embedded import random_conv_extractor
from gan.models.spec import ModelSpec
from gan.progress import silent
from gan.settings import TrainingSettings
from gan.training_run import RunInputs, TrainingRun
from gan.training_state import TrainingState
from gan.training_step import StepFunction, make_step

STEPS = 10  # of a round, each kind: short, since neighbours come and go
SETTINGS = TrainingSettings(preset="small")
CLASSES = tuple("0123456789")


class WithoutEvaluation(TrainingRun):
    """Evaluations cost what their settings say; here only the loop is of interest."""

    def _evaluate(self) -> bool:
        self.position.paired_sum, self.position.paired_steps = 0.0, 0
        return False

    def _evaluated(self) -> bool:
        return True


def write_shards(folder: Path) -> None:
    """The digits at 16x16, gray, as a data set that `load_numpy` reads."""
    digits = load_digits()
    sides = [cv2.resize((image * 255 / 16).astype(np.uint8), (16, 16)) for image in digits.images]
    features = ShardFeatures(16, 16, 1, "png", CLASSES)
    records = (
        encode_record(
            ImageRecord(
                image=encode_image(image[..., None], "png"),
                id=str(number),
                kind="real",
                derived_from="",
                label=int(label),
            )
        )
        for number, (image, label) in enumerate(zip(sides, digits.target, strict=True))
    )
    folder.mkdir()
    path = folder / shard_filename("digits", "train", 0, 1)
    entry = describe_shard(path, write_tfrecord(path, records))
    normalise = Normalise((0.5,), (0.25,), "symmetric")
    write_features(folder, features, normalise.method)
    splits = {"train": (entry,)}
    write_index(
        folder,
        Index(
            name="digits",
            version=None,
            content_digest="none",
            features=features,
            normalise=normalise,
            splits=splits,
        ),
    )


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What it gives, and its CPU seconds."""
    started = time.process_time()
    result = work()
    return result, time.process_time() - started


def begun_run(state: TrainingState, step: StepFunction, real: LoadedSplit, folder: Path) -> WithoutEvaluation:
    """A run that is ready for its first step."""
    assert real.labels is not None
    inputs = RunInputs(real.images, real.labels, CLASSES, SETTINGS, 0, folder, "benchmark")
    evaluator = Evaluator(random_conv_extractor((16, 16, 1), 0), real.images[:8], None, 16, 0)
    return WithoutEvaluation(inputs, state, step, evaluator, silent)


def main(rounds: int) -> None:
    spec = ModelSpec(resolution_px=16, channels=1, classes=10, latent_size=64, width=16, max_width=256)
    backend.make_deterministic()
    state = TrainingState(spec, 0)
    step = make_step(state, SETTINGS, 0, (), Devices(["CPU:0"]))
    with tempfile.TemporaryDirectory() as scratch:
        write_shards(Path(scratch) / "shards")
        real, reading_s = timed(lambda: load_numpy(Path(scratch) / "shards", "train"))
        run = begun_run(state, step, real, Path(scratch))
        _, checkpoint_s = timed(run.resume)  # writes one
        given = real.images[:32], real.labels[:32], np.int32(0), np.float32(1.0), np.float32(0.99)
        fixed = [keras.ops.convert_to_tensor(value) for value in given]
        timed(lambda: np.asarray(step(*fixed)))  # compilation
        bare_s, loop_s = [], []
        for _ in range(rounds):
            bare_s.append(timed(lambda: np.asarray([step(*fixed) for _ in range(STEPS)][-1]))[1])
            loop_s.append(timed(lambda: [run._advance() for _ in range(STEPS)])[1])
    images = STEPS * SETTINGS.batch_size
    rare_s = images * (reading_s / SETTINGS.budget_images + checkpoint_s / SETTINGS.checkpoint_every_images)
    bare, loop = images * rounds / sum(bare_s), images * rounds / (sum(loop_s) + rounds * rare_s)
    ratios = [one / (other + rare_s) for one, other in zip(bare_s, loop_s, strict=True)]
    print("| | images per CPU-second | ratio | median of rounds |\n|---|---|---|---|")
    print(f"| bare compiled step | {bare:.0f} | | |")
    print(f"| training loop | {loop:.0f} | {loop / bare:.3f} | {statistics.median(ratios):.3f} |")
    print(f"\n{rounds} rounds of {STEPS} steps\n\n| | CPU s |\n|---|---|")
    print(f"| reading the shards | {reading_s:.2f} |\n| a checkpoint | {checkpoint_s:.2f} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 30)
