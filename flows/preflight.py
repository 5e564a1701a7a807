"""Checks a run's settings against the world before any work starts."""

from collections import Counter
from collections.abc import Mapping, Sequence

from datasets.sources.registry import open_source
from flows.plan import SKIP, plan, volume_of
from flows.settings import Settings
from tasks.estimate import disk_bytes
from tasks.generate import wanted_labels
from tasks.preflight import (
    check_enough_files,
    check_not_inside,
    check_room,
    check_source,
    check_source_outside,
    check_target,
    check_training_images,
    check_validation_images,
    free_bytes,
)
from tasks.published_versions import latest, latest_or_refuse
from tasks.split import largest_splits
from tasks.stage import Stage
from tasks.state import State, read_state
from tasks.train import check_trainable, check_trainable_shape

MIN_FREE_BYTES = 100 * 2**20


def preflight(settings: Settings, stages: Sequence[Stage]) -> None:
    """Raises BadInput with one sentence for the first thing that cannot work. Writes nothing."""
    names = [stage.name for stage in stages]
    if "ingest" in names:
        _check_raw(settings, names)
    else:
        _check_published(settings, names)
    for what, folder in (("workspace", settings.workspace), ("published", settings.published)):
        check_target(what, folder)
    _check_room(settings, stages)


def _check_raw(settings: Settings, names: Sequence[str]) -> None:
    check_source(settings.source)
    for what, folder in (("workspace", settings.workspace), ("published", settings.published)):
        check_not_inside(what, folder, settings.source.path)
        check_source_outside(settings.source.path, what, folder)
    check_enough_files(settings.source, will_train="train" in names)
    if "train" not in names:
        return
    resize = settings.scan.resize
    check_trainable_shape((resize.height_px, resize.width_px))
    state = read_state(settings.place.shared)
    sizes = Counter(item.label for item in open_source(settings.source).items() if item.problem is None)
    _check_most_images(settings, names, sizes, state)
    if "generate" in names and settings.generate.quotas:
        labels = {label for label in sizes if label is not None} | set(state.class_names or ())
        wanted_labels(settings.generate, tuple(sorted(labels)) or None)


def _check_most_images(settings: Settings, names: Sequence[str], sizes: Mapping[str | None, int], state: State) -> None:
    """Every file may become an image, but no more than that: too few of them are known to be too few now."""
    files = sum(sizes.values())
    first = not state.splits and latest(settings.published / settings.dataset) is None
    copies_kept = "keep_all" in (settings.curate.exact_duplicates, settings.curate.near_duplicates)
    if first and not copies_kept:
        most = largest_splits(settings.split.shares, sizes.values())
    else:  # published images stay in their split, and copies in one, whatever the shares
        most = dict.fromkeys(("train", "validation"), files - 2)
    what = f"{settings.source.path} holds {files} files, which give at most"
    alone = "or run `prepare` alone"
    check_training_images(what, most["train"], f"lower split.validation or split.test, add images, {alone}")
    advice = f"raise split.validation, add images, {alone}"
    check_validation_images(what, most["validation"], _min_gate_images(settings, names), advice)


def _check_published(settings: Settings, names: Sequence[str]) -> None:
    """What is learned from is there already."""
    version = latest_or_refuse(settings.published / settings.dataset)
    index = version.index
    check_trainable(index.records("train"), (index.features.height_px, index.features.width_px))
    advice = "add images, of which split.validation takes its share, and run `prepare` again"
    gate = _min_gate_images(settings, names)
    check_validation_images(f"{version.path} has", index.records("validation"), gate, advice)
    if "generate" in names:
        wanted_labels(settings.generate, index.features.class_names)


def _min_gate_images(settings: Settings, names: Sequence[str]) -> int | None:
    return settings.synthetic_gate.min_gate_images if "gate_synthetic" in names else None


def _check_room(settings: Settings, stages: Sequence[Stage]) -> None:
    """What is up to date needs no room; that is looked into, which takes time, only where not all would fit."""
    folders = {"workspace": settings.workspace, "published": settings.published}
    volume = volume_of(settings, stages)

    def needed(names: Sequence[str]) -> int:
        return MIN_FREE_BYTES + disk_bytes(volume, names) if names else 0

    needed_bytes = needed([stage.name for stage in stages])
    if min(map(free_bytes, folders.values())) < needed_bytes:
        needed_bytes = needed([entry.stage.name for entry in plan(settings, stages) if entry.action != SKIP])
    for what, folder in folders.items():
        check_room(what, folder, needed_bytes)
