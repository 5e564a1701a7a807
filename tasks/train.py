"""Train: a generator of the latest published real version, from its split `train` alone."""

from dataclasses import asdict
from typing import Any

from datasets.errors import BadInput
from datasets.readers import load_numpy
from gan.models.spec import RESOLUTIONS_PX
from gan.settings import TrainingSettings
from tasks.published_versions import latest_or_refuse
from tasks.stage_context import StageContext, Summary
from tasks.validation_halves import halves_of

MIN_TRAINING_IMAGES = 16


def real_version(settings: Any, context: StageContext) -> dict[str, str]:
    """Digest of the real version that is learned from. Raises BadInput where none was published."""
    return {"content_digest": latest_or_refuse(context.published / context.dataset).index.content_digest}


def train(settings: TrainingSettings, context: StageContext) -> Summary:
    """Train until the budget is used up; select the snapshot on one half of validation."""
    from gan.training import train as train_generator

    version = latest_or_refuse(context.published / context.dataset)
    real = load_numpy(version.path, "train")
    check_trainable(len(real.images), real.images.shape[1:])
    held_out = load_numpy(version.path, "validation")
    select, _ = halves_of(version.path, held_out.ids, held_out.labels)
    result = train_generator(
        real.images,
        real.labels,
        real.class_names,
        held_out.images[select],
        None if held_out.labels is None else held_out.labels[select],
        settings,
        context.seed,
        context.out,
        context.progress,
    )
    return {
        "images_in": len(real.images),
        "images_out": len(real.images),
        "rejected": {},
        "images_seen": result.images_seen,
        "stopped_by": result.stopped_by,
        "resumed_at_images": result.resumed_at_images,
        "best": asdict(result.best),
        "alarms": [alarm.sentence for alarm in result.alarms],
        "rollbacks": result.rollbacks,
        "notes": list(result.notes),
    }


def check_trainable(count: int, shape: tuple[int, ...]) -> None:
    """Raises BadInput where there are too few images, or of a shape that no generator learns."""
    if count < MIN_TRAINING_IMAGES:
        raise BadInput(
            f"{count} training images are too few to learn from; at least {MIN_TRAINING_IMAGES} are needed; "
            "add images, or run `prepare` alone"
        )
    check_trainable_shape(shape)


def check_trainable_shape(shape: tuple[int, ...]) -> None:
    """Shape (height_px, width_px, ...) of prepared images. Raises BadInput unless a generator can learn it."""
    height_px, width_px = shape[:2]
    if height_px != width_px or width_px not in RESOLUTIONS_PX:
        raise BadInput(
            f"prepared images are {width_px}x{height_px} px, a generator learns squares with a side of "
            f"{', '.join(map(str, RESOLUTIONS_PX))} px; set scan.resize.width_px and height_px to one of these numbers"
        )
