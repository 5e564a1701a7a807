"""The loop of one training run: step, look, evaluate, save; back to the last checkpoint when numbers are not finite."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import BadInput
from gan import schedules
from gan.batches import BatchOrder
from gan.checkpoints import Checkpoint, newest_checkpoint, save_checkpoint
from gan.evaluation import Evaluation, Evaluator
from gan.health import Alarm, alarms
from gan.progress import Progress
from gan.sample_grid import write_grid
from gan.sampling import Generator
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.training_log import TrainingLog
from gan.training_state import TrainingState
from gan.training_step import StepFunction

_LOG_EVERY_STEPS = 50
_GRID_COLUMNS = 10
_GRID_ROWS_MOST = 20


class TrainingDiverged(RuntimeError):
    """Losses or weights were not finite more often than `rollbacks_allowed`. Says when, and what to change."""


@dataclass(frozen=True)
class RunInputs:
    """What a run is given. Labels are zeros where there are none; `digest` names data, settings and seed."""

    images: np.ndarray
    labels: np.ndarray
    class_names: Sequence[str] | None
    settings: TrainingSettings
    seed: int
    folder: Path
    digest: str


@dataclass
class Position:
    """Where a run is, apart from the weights. All of it is in every checkpoint."""

    step: int = 0
    seconds: float = 0.0
    rollbacks: int = 0
    evaluations: list[Evaluation] = field(default_factory=list)

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the smallest Frechet distance; the earlier one of equals."""
        return min(self.evaluations, key=lambda evaluation: evaluation.frechet_distance, default=None)


class TrainingRun:
    """One run in one folder; `resume`, then `run_to_end`."""

    def __init__(
        self, inputs: RunInputs, state: TrainingState, step: StepFunction, evaluator: Evaluator, progress: Progress
    ) -> None:
        settings = inputs.settings
        self._inputs, self._settings, self._state, self._step = inputs, settings, state, step
        self._evaluator, self._progress = evaluator, progress
        self._order = BatchOrder(len(inputs.images), settings.batch_size, derived_seed(inputs.seed, "data order"))
        self._steps = -(-settings.budget_images // settings.batch_size)
        self._generator = Generator(state.averaged, state.spec, inputs.class_names)
        self._log = TrainingLog(inputs.folder)
        self._best_weights = state.averaged_arrays()
        self._started = time.monotonic()
        self._seconds_before = 0.0
        self.position = Position()
        self.notes: list[str] = []
        self.resumed_at_images: int | None = None

    @property
    def images_seen(self) -> int:
        return self.position.step * self._settings.batch_size

    @property
    def stopped_by(self) -> str:
        return "budget_images" if self.position.step >= self._steps else "budget_minutes"

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return alarms(self.position.evaluations, self._settings)

    def resume(self) -> None:
        """Continue from the newest intact checkpoint; where there is none, write the first one.

        Raises BadInput where the folder holds a run on other data or settings.
        """
        found = newest_checkpoint(self._checkpoints)
        self.notes += found.notes
        if found.checkpoint is None:
            self._log.cut(0)
            self._save()
            return
        if found.checkpoint.record["run"] != self._inputs.digest:
            raise BadInput(
                f"{self._inputs.folder} holds training on other data, settings or seed; "
                "use another folder, or delete this one"
            )
        self._restore(found.checkpoint)
        self._log.cut(found.checkpoint.record["log_bytes"])
        self._seconds_before = self.position.seconds
        self.resumed_at_images = self.images_seen
        for note in found.notes:
            self._log.write("note", self.images_seen, sentence=note)

    def run_to_end(self) -> Generator:
        """Train until the budget or the cap; the best snapshot, saved in the folder.

        Raises TrainingDiverged after too many rollbacks.
        """
        while self.position.step < self._steps and not self._out_of_time():
            self._advance()
        if not self._evaluated():
            self._evaluate()
            self._save()
        self._generator.set_weights(self._best_weights)
        self._generator.save(self._inputs.folder)
        self._log.write("end", self.images_seen, stopped_by=self.stopped_by)
        return self._generator

    def _advance(self) -> None:
        """One step, and what is due after it."""
        numbers = self._one_step()
        evaluation_due, checkpoint_due = self._due("evaluate_every_images"), self._due("checkpoint_every_images")
        last = self.position.step == self._steps
        looks = self.position.step % _LOG_EVERY_STEPS == 0 or last
        if not (looks or evaluation_due or checkpoint_due):
            return
        sound = bool(np.isfinite(numbers).all())
        if sound and (evaluation_due or checkpoint_due or last):
            sound = self._state.is_finite()
        if not sound:
            self._roll_back()
            return
        if looks:
            self._report(numbers)
        if evaluation_due or last:
            self._evaluate()
        if checkpoint_due or last:
            self._save()

    def _one_step(self) -> np.ndarray:
        settings, seen = self._settings, self.images_seen
        rate = schedules.cosine(settings.learning_rate_start, settings.learning_rate_end, seen, settings.budget_images)
        self._state.set_learning_rate(rate * settings.rollback_learning_rate_factor**self.position.rollbacks)
        gamma = schedules.cosine(settings.gamma_start, settings.gamma_end, seen, settings.budget_images)
        decay = schedules.ema_decay(settings.batch_size, settings.ema_halflife_images, seen)
        picks = self._order.at(self.position.step)
        images, labels = self._inputs.images[picks], self._inputs.labels[picks]
        numbers = self._step(images, labels, np.int32(self.position.step), np.float32(gamma), np.float32(decay))
        self.position.step += 1
        return np.asarray(numbers)

    def _report(self, numbers: np.ndarray) -> None:
        rate = (self.images_seen - (self.resumed_at_images or 0)) / max(time.monotonic() - self._started, 1e-9)
        content = {
            "discriminator_loss": round(float(numbers[0]), 5),
            "generator_loss": round(float(numbers[1]), 5),
            "penalty": round(float(numbers[2]), 5),
            "images_per_second": round(rate, 1),
        }
        self._log.write("losses", self.images_seen, **content)
        self._progress(self.images_seen, self._settings.budget_images, **content)

    def _evaluate(self) -> None:
        evaluation = self._evaluator.evaluate(self._generator, self.images_seen)
        known = self.alarms
        self.position.evaluations.append(evaluation)
        if self.position.best is evaluation:
            self._best_weights = self._state.averaged_arrays()
        self._log.write("evaluation", self.images_seen, **_without(asdict(evaluation), "images_seen"))
        for alarm in self.alarms:
            if alarm not in known:
                self._log.write("alarm", self.images_seen, **_without(asdict(alarm), "images_seen"))
        self._write_grid()
        shown = {"frechet_distance": evaluation.frechet_distance, "recall": evaluation.recall}
        self._progress(self.images_seen, self._settings.budget_images, **shown)

    def _write_grid(self) -> None:
        classes = self._state.spec.classes
        rows = min(classes or _GRID_COLUMNS, _GRID_ROWS_MOST)
        count = rows * _GRID_COLUMNS
        wanted: np.ndarray | int = np.repeat(np.arange(rows), _GRID_COLUMNS) if classes else count
        images = self._generator.sample(wanted, derived_seed(self._inputs.seed, "grid"))
        write_grid(images, _GRID_COLUMNS, self._inputs.folder / "samples" / f"{self.images_seen:09}.png")

    def _save(self) -> None:
        self.position.seconds = self._elapsed_s()
        self._log.write("checkpoint", self.images_seen)
        best = {f"best/{index:03}": weight for index, weight in enumerate(self._best_weights)}
        record = {
            "run": self._inputs.digest,
            "log_bytes": self._log.size_bytes(),
            "position": asdict(self.position),
        }
        arrays = {**self._state.arrays(), **best}
        save_checkpoint(self._checkpoints, self.position.step, arrays, record, self._settings.checkpoints_kept)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self._state.restore(checkpoint.arrays)
        names = sorted(name for name in checkpoint.arrays if name.startswith("best/"))
        self._best_weights = [checkpoint.arrays[name] for name in names]
        record = checkpoint.record["position"]
        evaluations = [Evaluation(**evaluation) for evaluation in record["evaluations"]]
        self.position = Position(**{**record, "evaluations": evaluations})

    def _roll_back(self) -> None:
        diverged_at, rollbacks = self.images_seen, self.position.rollbacks + 1
        found = newest_checkpoint(self._checkpoints)
        if rollbacks > self._settings.rollbacks_allowed or found.checkpoint is None:
            self._log.write("diverged", diverged_at)
            raise TrainingDiverged(
                f"losses or weights were not finite after {diverged_at} images, and {rollbacks - 1} of "
                f"{self._settings.rollbacks_allowed} allowed returns to a checkpoint did not help; "
                "lower learning_rate_start or gamma_start"
            )
        self._restore(found.checkpoint)
        self.position.rollbacks = rollbacks
        self._log.write("rollback", diverged_at, back_to_images=self.images_seen, rollbacks=rollbacks)
        self.notes.append(f"not finite after {diverged_at} images: went back to {self.images_seen}")

    def _due(self, interval: str) -> bool:
        every = max(1, getattr(self._settings, interval) // self._settings.batch_size)
        return self.position.step % every == 0

    def _evaluated(self) -> bool:
        evaluations = self.position.evaluations
        return bool(evaluations) and evaluations[-1].images_seen == self.images_seen

    def _elapsed_s(self) -> float:
        return self._seconds_before + time.monotonic() - self._started

    def _out_of_time(self) -> bool:
        cap = self._settings.budget_minutes
        return cap is not None and self._elapsed_s() > 60.0 * cap

    @property
    def _checkpoints(self) -> Path:
        return self._inputs.folder / "checkpoints"


def _without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}
