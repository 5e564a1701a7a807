"""The loop of one training run: step, look, evaluate, save; back to a checkpoint when it fails."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from datasets.errors import BadInput, Refused
from gan.backends import Tensor
from gan.batches import BatchOrder
from gan.checkpoints import Checkpoint, forget_after, newest_checkpoint, save_checkpoint
from gan.discriminator import save_discriminator
from gan.evaluation import Evaluator
from gan.growth import Growth
from gan.health import Alarm, Window, alarms, divergence, is_healthy, saturation
from gan.models.registry import family_of
from gan.presets import chosen_values
from gan.progress import Progress, time_left
from gan.sampling import Generator
from gan.schedules import scheduled
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.speed import Stopwatch
from gan.steps import step_kind
from gan.training_log import TrainingLog
from gan.training_position import Position, position_of
from gan.training_state import TrainingState
from gan.training_step import StepFunction
from gan.watching import SAMPLES_FOLDER, Watch

StoppedBy: TypeAlias = Literal["budget_images", "budget_minutes", "early_stop_evaluations"]

_LOG_EVERY_STEPS = 50
_STRONGER = 0.2  # probability that a return after a collapse adds to that of augmentation


class TrainingDiverged(RuntimeError):
    """A run left its bounds more often than `rollbacks_allowed`. Says when, how, and what to change."""


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
    title: str = ""  # what is trained how, for the line at the start


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
        self._watch = Watch(self._generator, settings, inputs.seed, inputs.folder)
        self._kind = step_kind(state.spec)
        self._best_weights, self._best_partner = state.averaged_arrays(), state.partner_arrays()
        self._growth = Growth((state.generator, state.averaged, state.discriminator), settings)
        self._stopwatch = Stopwatch()
        self._unread: list[Tensor] = []  # numbers of steps, left where they were computed until they are needed
        self.position = Position()
        self.notes: list[str] = []
        self.resumed_at_images: int | None = None

    @property
    def images_seen(self) -> int:
        return self.position.step * self._settings.batch_size

    @property
    def stopped_by(self) -> StoppedBy:
        if self.position.step >= self._steps:
            return "budget_images"
        return "early_stop_evaluations" if self._no_longer_better() else "budget_minutes"

    @property
    def began_at_images(self) -> int:
        """Above 0 after a warm start."""
        return self.position.first_step * self._settings.batch_size

    @property
    def chosen(self) -> dict[str, Any]:
        """What the preset decides, as it was used."""
        return chosen_values(self._settings)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return tuple(self.position.alarms)

    @property
    def title(self) -> str:
        """What is trained how, and how long it takes as soon as that was measured."""
        return self._inputs.title + self._stopwatch.estimate_text

    def resume(self, warm: Checkpoint | None = None) -> None:
        """Continue from the newest intact checkpoint; where there is none, write the first one.

        `warm` holds the weights of another run to begin with then, late in the budget.
        Raises BadInput where the folder holds a run on other data or settings.
        """
        found = newest_checkpoint(self._checkpoints)
        self.notes += found.notes
        checkpoint = found.checkpoint or newest_checkpoint(self._healthy).checkpoint  # killed while it went back
        if checkpoint is None:
            self._begin(warm)
            return
        if checkpoint.record["run"] != self._inputs.digest:
            raise BadInput(
                f"{self._inputs.folder} holds training on other data, settings or seed; "
                "use another folder, or delete this one"
            )
        self._restore(checkpoint)
        self._log.cut(checkpoint.record["log_bytes"])
        self._stopwatch.add(self.position.seconds)
        self.resumed_at_images = self.images_seen
        self._progress(self.images_seen, self._settings.budget_images)  # before the bar measures any speed
        for note in found.notes:
            self._log.write("note", self.images_seen, sentence=note)

    def run_to_end(self) -> Generator:
        """Train until the budget or the cap; the best snapshot, saved in the folder.

        Raises TrainingDiverged after too many rollbacks, Refused where a collapse stops it by policy, or where it is at
        its beginning, perhaps again, and no time is left.
        """
        while self.position.step < self._steps and not self._out_of_time() and not self._no_longer_better():
            self._advance()
        if not self._evaluated() and self._is_trained() and not self._evaluate():
            self._save()
        if not self._is_trained():
            raise Refused(self._nothing_learned())
        self._generator.set_weights(self._best_weights)
        self._generator.save(self._inputs.folder, training=self.chosen)
        if family_of(self._state.spec).kind == "adversarial":
            save_discriminator(self._best_partner, self._state.spec, self._inputs.folder)
        self._watch.close()
        self._log.write("end", self.images_seen, stopped_by=self.stopped_by)
        return self._generator

    def _is_trained(self) -> bool:
        return self.position.step > self.position.first_step

    def _nothing_learned(self) -> str:
        over = f"the {self._settings.budget_minutes:g} minutes of train.budget_minutes are over"
        if not self.position.rollbacks:
            return f"{over}, and no step was made; raise them"
        why = "; ".join(alarm.sentence for alarm in self.position.alarms) or "losses or weights left their bounds"
        return (
            f"{why}; training went back to where it began, and {over}; raise them, lower train.learning_rate_start, "
            "or raise train.gamma_end"
        )

    def _begin(self, warm: Checkpoint | None) -> None:
        self._log.cut(0)
        self._watch.cut(0)
        if warm is not None:
            self._state.restore(warm.arrays)
            self._best_weights, self._best_partner = self._state.averaged_arrays(), self._state.partner_arrays()
            left = max(1, round(self._settings.warm_start_budget_share * self._steps))
            self.position.step = self.position.first_step = self._steps - left
            self._log.write("warm_start", self.images_seen)
        self._save()
        self._save_healthy()

    def _advance(self) -> None:
        """One step, and what is due after it."""
        self._one_step()
        evaluation_due, checkpoint_due = self._due("evaluate_every_images"), self._due("checkpoint_every_images")
        last = self.position.step == self._steps
        looks = self.position.step % _LOG_EVERY_STEPS == 0 or last
        if self._stopwatch.step_done(self._unread):
            self._tell_start()
        if not (looks or evaluation_due or checkpoint_due):
            return
        numbers = self._read_numbers()
        wrong = divergence(numbers, self._settings)
        if wrong is None and (evaluation_due or checkpoint_due or last) and not self._state.is_finite():
            wrong = "losses or weights were not finite"
        if wrong is not None:
            self._return_from_divergence(wrong)
            return
        if looks:
            self._report(numbers)
        if (evaluation_due or last) and self._evaluate():
            return  # it went back
        if checkpoint_due or last:
            self._save()

    def _one_step(self) -> None:
        position = self.position
        weights = self._kind.weights(self._settings)
        now = scheduled(self._settings, weights, self.images_seen, position.rollbacks, position.collapses)
        self._state.set_learning_rate(now.learning_rate)
        self._state.set_beta2(now.beta2)
        self._growth.follow(self.images_seen)
        picks = self._order.at(position.step)
        images, labels = self._inputs.images[picks], self._inputs.labels[picks]
        rest = (np.int32(position.step), np.float32(now.weight), np.float32(now.ema_decay))
        self._unread.append(self._step(images, labels, *rest))
        position.step += 1
        self._watch.after_step(self.images_seen)

    def _read_numbers(self) -> dict[str, np.ndarray]:
        """What the steps since the last time gave, by name, float32 [steps] each."""
        rows = np.stack([np.asarray(numbers) for numbers in self._unread])
        self._unread.clear()
        numbers = dict(zip(self._kind.numbers, rows.T, strict=False))
        paired = numbers.get("pair_share", np.array([]))
        self.position.paired_steps += len(paired)
        self.position.paired_sum += float(paired.sum(dtype=np.float64))
        return numbers

    def _report(self, numbers: dict[str, np.ndarray]) -> None:
        content = {name: round(float(values[-1]), 5) for name, values in numbers.items()}
        content["images_per_second"] = round(self._stopwatch.steps_per_second * self._settings.batch_size, 1)
        self._log.write("losses", self.images_seen, **content)
        self._watch.numbers("losses", self.images_seen, content)
        left = time_left(self._settings.budget_images - self.images_seen, content["images_per_second"])
        self._progress(self.images_seen, self._settings.budget_images, **content, time_left=left)

    def _tell_start(self) -> None:
        self._stopwatch.estimate(self._steps - self.position.step)
        self._log.write("start", self.images_seen, sentence=self.title)
        self._progress(self.images_seen, self._settings.budget_images, start=self.title)

    def _evaluate(self) -> bool:
        """Compare with real images, and act on what is found. True where the run went back to an earlier checkpoint."""
        evaluation = self._evaluator.evaluate(self._generator, self.images_seen)
        self.position.evaluations.append(evaluation)
        if self.position.best is evaluation:
            self._best_weights, self._best_partner = self._state.averaged_arrays(), self._state.partner_arrays()
        content = _without(asdict(evaluation), "images_seen")
        self._log.write("evaluation", self.images_seen, **content)
        self._watch.numbers("evaluation", self.images_seen, content)
        self._watch.evaluated(self.images_seen)
        shown = {"frechet_distance": evaluation.frechet_distance, "recall": evaluation.recall}
        self._progress(self.images_seen, self._settings.budget_images, **shown)
        raised = self._new_alarms()
        for alarm in raised:
            self._log.write("alarm", self.images_seen, **_without(asdict(alarm), "images_seen"))
        self.position.alarms += raised
        if not raised:
            if is_healthy(evaluation, self._settings):
                self._save_healthy()
            return False
        return self._act_on(raised)

    def _new_alarms(self) -> list[Alarm]:
        position = self.position
        paired = position.paired_sum / position.paired_steps if position.paired_steps else float("nan")
        position.paired_sum, position.paired_steps = 0.0, 0
        saturated = saturation(Window(images_seen=self.images_seen, real_above_fake=paired), self._settings)
        found = [*alarms(position.evaluations, self._settings), *([saturated] if saturated else [])]
        known = set() if position.collapses else {alarm.measure for alarm in position.alarms}
        return [alarm for alarm in found if alarm.images_seen == self.images_seen and alarm.measure not in known]

    def _act_on(self, raised: Sequence[Alarm]) -> bool:
        policy, allowed = self._settings.health.on_collapse, self._settings.health.collapse_returns_allowed
        if policy == "continue":
            return False
        evidence = "; ".join(alarm.sentence for alarm in raised)
        if policy == "stop" or self.position.collapses >= allowed:
            tried = "" if policy == "stop" else f"{allowed} returns to a healthy checkpoint did not help; "
            self._log.write("stopped", self.images_seen, sentence=evidence)
            grid = self._inputs.folder / SAMPLES_FOLDER / f"{self.images_seen:09}.png"
            raise Refused(
                f"{tried}{evidence}; the images are in {grid}; to train on all the same, set "
                "train.health.on_collapse to continue"
            )
        self._go_back(self._healthy, evidence, collapsed=True)
        return True

    def _save(self) -> None:
        self._log.write("checkpoint", self.images_seen)
        self._save_in(self._checkpoints, self._settings.checkpoints_kept)

    def _save_healthy(self) -> None:
        """What a collapse would go back to."""
        if self._settings.health.on_collapse == "roll_back":
            self._save_in(self._healthy, keep=1)

    def _save_in(self, folder: Path, keep: int) -> None:
        self.position.seconds = self._stopwatch.seconds
        best = {f"best/{index:03}": weight for index, weight in enumerate(self._best_weights)}
        record = {
            "run": self._inputs.digest,
            "log_bytes": self._log.size_bytes(),
            "position": self.position.as_record(),
        }
        partner = {f"best_partner/{index:03}": weight for index, weight in enumerate(self._best_partner)}
        save_checkpoint(folder, self.position.step, {**self._state.arrays(), **best, **partner}, record, keep)

    def _restore(self, checkpoint: Checkpoint) -> None:
        self._state.restore(checkpoint.arrays)
        self._best_weights = _below("best/", checkpoint.arrays)
        self._best_partner = _below("best_partner/", checkpoint.arrays)
        self.position = position_of(checkpoint.record["position"])
        self._unread.clear()
        self._watch.cut(self.images_seen)

    def _return_from_divergence(self, why: str) -> None:
        done, allowed = self.position.rollbacks - self.position.collapses, self._settings.rollbacks_allowed
        if done >= allowed:
            self._log.write("diverged", self.images_seen)
            raise TrainingDiverged(
                f"{why} after {self.images_seen} images, and {done} of {allowed} allowed returns to a checkpoint did "
                "not help; lower learning_rate_start or gamma_start"
            )
        self._go_back(self._checkpoints, f"{why} after {self.images_seen} images", collapsed=False)

    def _go_back(self, folder: Path, why: str, collapsed: bool) -> None:
        """To the newest checkpoint in a folder, with a lower learning rate, and stronger penalties after a collapse."""
        failed, failed_at_images = self.position, self.images_seen
        found = newest_checkpoint(folder)
        if found.checkpoint is None:
            raise TrainingDiverged(f"{why}, and {folder} holds no intact checkpoint to return to; train anew")
        self._restore(found.checkpoint)
        self.position.rollbacks = failed.rollbacks + 1
        self.position.collapses = failed.collapses + collapsed
        self.position.alarms = failed.alarms
        numbers = {"back_to_images": self.images_seen, "rollbacks": self.position.rollbacks}
        self._log.write("rollback", failed_at_images, **numbers)
        self.notes.append(f"{why.rstrip(',')}: went back to {self.images_seen}")
        if collapsed:
            self._state.strengthen_augmentation(_STRONGER, self._settings.discriminator_augmentation.probability_max)
            forget_after(self._checkpoints, self.position.step)
            self._save()

    def _due(self, interval: str) -> bool:
        every = max(1, getattr(self._settings, interval) // self._settings.batch_size)
        return self.position.step % every == 0

    def _evaluated(self) -> bool:
        evaluations = self.position.evaluations
        return bool(evaluations) and evaluations[-1].images_seen == self.images_seen

    def _out_of_time(self) -> bool:
        cap = self._settings.budget_minutes
        return cap is not None and self._stopwatch.seconds > 60.0 * cap

    def _no_longer_better(self) -> bool:
        patience = self._settings.early_stop_evaluations
        return patience is not None and self.position.evaluations_since_best >= patience

    @property
    def _checkpoints(self) -> Path:
        return self._inputs.folder / "checkpoints"

    @property
    def _healthy(self) -> Path:
        return self._checkpoints / "healthy"


def _below(prefix: str, arrays: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    return [arrays[name] for name in sorted(arrays) if name.startswith(prefix)]


def _without(record: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name != key}
