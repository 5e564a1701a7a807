"""Training of a class-conditional (or unconditional) generator within a budget counted in images."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import BadInput
from gan.backends import backend
from gan.devices import Devices
from gan.discriminator_augmentation_settings import chosen_policies
from gan.evaluation import Evaluation, Evaluator
from gan.extractors.base import Extractor
from gan.extractors.embedded import load_extractor, make_extractor, save_extractor
from gan.extractors.folds import Fold, fold_of
from gan.health import Alarm
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec, check_attention, check_image_shape
from gan.presets import with_preset
from gan.progress import Progress, silent
from gan.seeds import derived_seed
from gan.settings import MIN_SELECT_IMAGES, TrainingSettings, few_per_class
from gan.steps import step_kind
from gan.training_run import RunInputs, StoppedBy, TrainingDiverged, TrainingRun
from gan.training_state import TrainingState
from gan.warm_start import WarmStart, warm_start, write_trained_on

__all__ = ["Alarm", "Evaluation", "TrainingDiverged", "TrainingResult", "spec_of", "train"]

EXTRACTOR_FILE = "extractor.npz"
# These change how a run is watched or cut short, not what its steps compute.
_NOT_IN_DIGEST = {"budget_minutes", "checkpoint_every_images", "checkpoints_kept", "tensorboard", "film"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """What training did. The generator to use is the best snapshot, in `folder`; see gan.sampling.load_generator."""

    folder: Path
    images_seen: int
    stopped_by: StoppedBy
    resumed_at_images: int | None
    best: Evaluation
    evaluations: tuple[Evaluation, ...]
    alarms: tuple[Alarm, ...]
    rollbacks: int
    notes: tuple[str, ...]  # e.g. a damaged checkpoint that was passed over
    title: str  # what was trained how, and how long it was expected to take
    settings: dict[str, Any]  # what the preset decides, as it was used
    began_at_images: int  # above 0 after a warm start
    images_per_second: float  # of this call, evaluations included
    cpu_seconds: float  # of this call


def train(
    images: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str] | None,
    select_images: np.ndarray,
    select_labels: np.ndarray | None,
    settings: TrainingSettings,
    seed: int,
    folder: Path,
    progress: Progress = silent,
    earlier: Path | None = None,
) -> TrainingResult:
    """Train on uint8 [N, H, W, C], labels int32 [N] in [0, len(class_names)) or None; resume what `folder` holds.

    `folder` receives checkpoints/, training_log.jsonl, samples/*.png, extractor.npz, trained_on.npz,
    generator.weights.npz and generator.json. The snapshot with the smallest Frechet distance to `select_images` is the
    one kept. `earlier` is such a folder of the last version, for a warm start.
    Raises BadInput for shapes, sizes or labels that cannot be trained on; TrainingDiverged; Refused for a collapse.
    """
    _check(images, labels, class_names, select_images, select_labels)
    settings = with_preset(settings, len(images), images.shape[1], FAMILIES[settings.model].defaults)
    family = FAMILIES[settings.model]
    devices = backend.find_devices(settings.devices if family.kind == "adversarial" else "one")
    devices.check_batch(settings.batch_size, settings.model)
    started, cpu_before_s = time.monotonic(), time.process_time()
    backend.make_deterministic()
    folder.mkdir(parents=True, exist_ok=True)
    classes, notes = _classes(labels, class_names, settings)
    if not classes:
        labels, select_labels = None, None
        class_names = class_names if class_names is not None and len(class_names) == 1 else None
    spec = spec_of(images, classes, settings)
    digest = _digest(images, labels, class_names, select_images, select_labels, settings, seed)
    extractor = _extractor(images, labels, classes, settings, seed, folder)
    evaluator = Evaluator(extractor, select_images, select_labels, settings.evaluation_samples, seed)
    beta2 = (settings.beta2_start, settings.beta2_end)
    with devices.scope():
        state = TrainingState(spec, seed, precision=settings.precision, beta1=settings.adam_beta1, beta2=beta2)
        policies = chosen_policies(settings.discriminator_augmentation, len(images), spec.channels, class_names)
        step = step_kind(spec).make(state, settings, seed, policies, devices)
    network_labels = np.zeros(len(images), np.int32) if labels is None else labels.astype(np.int32)
    title = _title(settings, devices)
    inputs = RunInputs(images, network_labels, class_names, settings, seed, folder, digest, title)
    run = TrainingRun(inputs, state, step, evaluator, progress)
    run.notes += notes
    begin = WarmStart(None, "")
    if earlier is not None and settings.warm_start != "never":
        names = None if class_names is None else tuple(class_names)
        begin = warm_start(earlier, spec, names, images, labels, settings, state.shapes())
    run.resume(begin.checkpoint)
    if begin.sentence:
        run.notes.append(begin.sentence)
    write_trained_on(images, labels, folder)
    run.run_to_end()
    return _result(run, folder, time.monotonic() - started, time.process_time() - cpu_before_s)


def _classes(
    labels: np.ndarray | None, class_names: Sequence[str] | None, settings: TrainingSettings
) -> tuple[int, list[str]]:
    """How many classes the networks are told of, 0 for none, and what there is to say about it."""
    if labels is None or class_names is None or len(class_names) < 2 or settings.conditional == "no":
        return 0, []
    few = few_per_class(np.bincount(labels, minlength=len(class_names)).tolist())
    if few is None:
        return len(class_names), []
    if settings.conditional == "yes":
        raise BadInput(f"{few}; add images, or set train.conditional to no")
    return 0, [f"{few}: learned without classes"]


def _title(settings: TrainingSettings, devices: Devices) -> str:
    """The line at the start."""
    family = f"{settings.model}, preset {settings.preset}"
    return f"{family}, {settings.budget_images} images, {settings.precision} on {devices.text}"


def _result(run: TrainingRun, folder: Path, seconds: float, cpu_seconds: float) -> TrainingResult:
    best = run.position.best
    assert best is not None  # run_to_end always evaluates
    return TrainingResult(
        folder=folder,
        images_seen=run.images_seen,
        stopped_by=run.stopped_by,
        resumed_at_images=run.resumed_at_images,
        best=best,
        evaluations=tuple(run.position.evaluations),
        alarms=run.alarms,
        rollbacks=run.position.rollbacks,
        notes=tuple(run.notes),
        title=run.title,
        settings=run.chosen,
        began_at_images=run.began_at_images,
        images_per_second=(run.images_seen - (run.resumed_at_images or run.began_at_images)) / seconds,
        cpu_seconds=cpu_seconds,
    )


def spec_of(images: np.ndarray, classes: int, settings: TrainingSettings) -> ModelSpec:
    """Networks for images [N, S, S, C], with so many classes or 0. Raises BadInput for an unfit `attention_px`."""
    spec = ModelSpec(
        family=settings.model,
        resolution_px=images.shape[1],
        channels=images.shape[3],
        classes=classes,
        latent_size=settings.latent_size,
        latent_scale=settings.latent_scale,
        width=settings.width,
        max_width=settings.max_width,
        spectral_normalisation=settings.spectral_normalisation,
        bounded_output=settings.bounded_output,
        normalisation=settings.normalisation,
        attention_px=settings.attention_px,
    )
    check_attention(spec)
    return spec


def _extractor(
    images: np.ndarray, labels: np.ndarray | None, classes: int, settings: TrainingSettings, seed: int, folder: Path
) -> Extractor:
    """The extractor of this run, read back where an earlier call made it."""
    path = folder / EXTRACTOR_FILE
    if path.exists():
        return load_extractor(path)
    if len(images) >= len(Fold):
        chosen = fold_of(len(images), len(Fold), seed, labels) == Fold.SELECTION
        images, labels = images[chosen], None if labels is None else labels[chosen]
    extractor = make_extractor(images, labels, classes, settings.extractor, derived_seed(seed, "extractor"))
    save_extractor(extractor, path)
    return extractor


def _digest(
    images: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str] | None,
    select_images: np.ndarray,
    select_labels: np.ndarray | None,
    settings: TrainingSettings,
    seed: int,
) -> str:
    digest = hashlib.sha256(settings.model_dump_json(exclude=_NOT_IN_DIGEST).encode())
    digest.update(repr((seed, class_names and tuple(class_names))).encode())
    for array in (images, labels, select_images, select_labels):
        if array is None:
            digest.update(b"none")
        else:
            digest.update(repr(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)  # without a copy: it may be half of the memory
    return digest.hexdigest()


def _check(
    images: np.ndarray,
    labels: np.ndarray | None,
    class_names: Sequence[str] | None,
    select_images: np.ndarray,
    select_labels: np.ndarray | None,
) -> None:
    check_image_shape(images.shape)
    if images.dtype != np.uint8 or select_images.dtype != np.uint8:
        raise BadInput(f"images are {images.dtype} and {select_images.dtype}; training needs uint8 in [0, 255]")
    if select_images.shape[1:] != images.shape[1:]:
        shapes = f"select images have shape {select_images.shape[1:]}, training images {images.shape[1:]}"
        raise BadInput(f"{shapes}; prepare both alike")
    if len(images) < 2:
        raise BadInput(f"{len(images)} training images; at least 2 are needed; add images")
    if len(select_images) < MIN_SELECT_IMAGES:
        raise BadInput(
            f"{len(select_images)} images (half of validation) to select the snapshot with; at least "
            f"{MIN_SELECT_IMAGES} are needed; raise split.validation, or add images"
        )
    if (labels is None) != (select_labels is None):
        raise BadInput("either the training images or the select images have no labels; give labels for both or none")
    if labels is not None and select_labels is not None:
        _check_labels(labels, len(images), class_names)
        _check_labels(select_labels, len(select_images), class_names)


def _check_labels(labels: np.ndarray, count: int, class_names: Sequence[str] | None) -> None:
    if not class_names:
        raise BadInput("labels without class names; give one name per class")
    if len(labels) != count:
        raise BadInput(f"{len(labels)} labels for {count} images; give one per image")
    if labels.min() < 0 or labels.max() >= len(class_names):
        raise BadInput(f"labels span {labels.min()}..{labels.max()}; allowed are 0..{len(class_names) - 1}")
