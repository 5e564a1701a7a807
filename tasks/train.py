"""Train: a generator of the latest published real version, from its split `train` alone."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from datasets.errors import BadInput
from datasets.readers import load_numpy
from gan.models.spec import RESOLUTIONS_PX
from gan.settings import TrainingSettings, few_per_class
from tasks.digests import digest_of
from tasks.done_file import DONE_FILE, read_done
from tasks.parallel.sizing import usable_bytes
from tasks.published_versions import latest_or_refuse
from tasks.stage_context import StageContext, Summary
from tasks.validation_halves import halves_of

MIN_TRAINING_IMAGES = 16
MEMORY_SHARE = 0.5  # of the machine's, for the training images
_RECIPE = ("format", "stage", "settings", "code", "libraries")


def real_version(settings: Any, context: StageContext) -> dict[str, str]:
    """Digest of the real version that is learned from. Raises BadInput where none was published."""
    return {"content_digest": latest_or_refuse(context.published / context.dataset).index.content_digest}


def training_reads(settings: TrainingSettings, context: StageContext) -> dict[str, Any]:
    """The real version; which settings were set, since presets decide the others; the training to begin with.

    That is the newest one that ended, on other data or settings. Where this very training ended already, whatever was
    tried since, it is what that began with: so nothing is trained again when nothing changed. Raises BadInput where no
    version was published.
    """
    own = real_version(settings, context) | {"set": settings.model_dump(mode="json", exclude_unset=True)}
    if settings.warm_start == "never":
        return own | {"earlier": None}
    newest = None
    for folder, parts in _ended_trainings(context.shared / "train"):
        read = parts.get("reads") or {}
        if {name: read.get(name) for name in own} != own:
            newest = newest or folder.relative_to(context.shared).as_posix()
        elif digest_of({name: parts[name] for name in _RECIPE}) == context.recipe and parts.get("seed") == context.seed:
            return own | {"earlier": read["earlier"]}
    return own | {"earlier": newest}


def _ended_trainings(folder: Path) -> list[tuple[Path, Mapping[str, Any]]]:
    """Newest first, each with what its fingerprint is made of; unreadable ones are left out."""
    found = []
    for path in folder.glob(f"*/{DONE_FILE}"):
        done = read_done(path.parent)
        if done:
            found.append((path.stat().st_mtime_ns, path.parent, done["parts"]))
    return [(path, parts) for _, path, parts in sorted(found, key=lambda entry: entry[0], reverse=True)]


def train(settings: TrainingSettings, context: StageContext) -> Summary:
    """Train until the budget is used up; select the snapshot on one half of validation."""
    from gan.training import train as train_generator

    version = latest_or_refuse(context.published / context.dataset)
    features = version.index.features
    check_fits_memory(version.index.records("train"), (*features.shape,), usable_bytes())
    real = load_numpy(version.path, "train")
    check_trainable(len(real.images), real.images.shape[1:])
    held_out = load_numpy(version.path, "validation")
    select, _ = halves_of(version.path, held_out.ids, held_out.labels)
    reads = context.reads or {}
    # What was not set is for the preset; a child process is given all values, so it is told which those are.
    chosen = TrainingSettings.model_validate(reads["set"]) if "set" in reads else settings
    result = train_generator(
        real.images,
        real.labels,
        real.class_names,
        held_out.images[select],
        None if held_out.labels is None else held_out.labels[select],
        chosen,
        context.seed,
        context.out,
        context.progress,
        earlier=context.shared / reads["earlier"] if reads.get("earlier") else None,
    )
    return {
        "images_in": len(real.images),
        "images_out": len(real.images),
        "rejected": {},
        "images_seen": result.images_seen,
        "began_at_images": result.began_at_images,
        "stopped_by": result.stopped_by,
        "resumed_at_images": result.resumed_at_images,
        "title": result.title,
        "settings": result.settings,
        "best": asdict(result.best),
        "alarms": [alarm.sentence for alarm in result.alarms],
        "rollbacks": result.rollbacks,
        "notes": list(result.notes),
    }


def check_fits_memory(images: int, shape: tuple[int, ...], memory: int) -> None:
    """Raises BadInput where training images of a shape, a byte per number, take more than half of so many bytes."""
    needed = images
    for size in shape:
        needed *= size
    if needed > MEMORY_SHARE * memory:
        raise BadInput(
            f"{images} training images take {needed / 2**30:.1f} GiB, and training holds all of them in memory, in at "
            f"most half of this machine's {memory / 2**30:.1f} GiB; use a machine with more, or set "
            "scan.resize.width_px and height_px lower"
        )


def check_by_class(settings: TrainingSettings, counts: list[int]) -> None:
    """Training images per class. Raises BadInput where a generator without classes would be asked for classes."""
    if sum(count > 0 for count in counts) < 2:
        return
    if settings.conditional == "no":
        raise BadInput(
            "train.conditional is no, and the data set has classes, of which synthetic images are to be made; "
            "set it to auto, or run `train` alone"
        )
    few = few_per_class(counts)
    if few:
        raise BadInput(f"{few}; add images, merge classes, or run `prepare` alone")


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
