"""Checks a run's settings against the world before any work starts."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from datasets.errors import BadInput
from datasets.sources.auto import AutoSettings, detected
from datasets.sources.settings import CommonSourceSettings
from datasets.sources.tfds import TfdsSettings
from datasets.splits import TRAIN
from flows.output import waiting_told
from flows.partitions import check_owner
from flows.plan import SKIP, plan, volume_of
from flows.settings import Settings
from gan.extractors.settings import ExtractorSettings
from gan.extractors.weights import missing_weights
from tasks.curation.exclusions import check_exclusions
from tasks.curation.overrides import check_overrides
from tasks.estimate import disk_bytes
from tasks.generate import check_sampling, training_images
from tasks.ingest import source_cache
from tasks.parallel import check_cluster
from tasks.parallel.sizing import usable_bytes
from tasks.preflight import (
    check_enough_files,
    check_not_inside,
    check_room,
    check_source_outside,
    check_target,
    check_training_images,
    check_validation_images,
    existing_parent,
    free_bytes,
)
from tasks.published_versions import latest, latest_or_refuse
from tasks.quotas import wanted_labels
from tasks.splitting.ledger import check_same_splits
from tasks.splitting.targets import largest_source_splits
from tasks.stage import Stage
from tasks.state import State, read_state
from tasks.survey import Survey, check_holds_images, survey
from tasks.train import check_by_class, check_fits_memory, check_trainable, check_trainable_shape

MIN_FREE_BYTES = 100 * 2**20


def preflight(settings: Settings, stages: Sequence[Stage], say: Callable[[str], None] | None = None) -> Survey:
    """Raises BadInput with one sentence for the first thing that cannot work. Writes nothing.

    `say` is told where the cluster that will be used can be watched.
    Returns what the sources were found to hold; nothing where the stages read none.
    """
    names = [stage.name for stage in stages]
    check_owner(settings.place.shared, settings.partition)
    if "generate" in names:
        check_sampling(settings.generate, settings.train.model)
    if "gate_synthetic" in names:
        check_weights(settings.synthetic_gate.extractor)
    found = Survey()
    if "ingest" in names:
        found = _check_raw(settings, names)
    else:
        _check_published(settings, names)
    for what, folder in (("workspace", settings.workspace), ("published", settings.place.published)):
        check_target(what, folder)
    dashboard = check_cluster(settings.compute, _shared_places(settings, names), waiting_told())
    if dashboard and say:
        say(dashboard)
    _check_room(settings, stages, found)
    return found


def check_weights(extractor: ExtractorSettings) -> None:
    """Raises BadInput where the weights that the gate measures with are not there: training would be for nothing."""
    missing = missing_weights(extractor)
    if missing:
        raise BadInput(f"synthetic_gate.extractor: {missing}")


def _shared_places(settings: Settings, names: Sequence[str]) -> list[Path]:
    """What workers of a cluster must see: the images, and where the workspace is or will be, unless files travel."""
    images = [path for leaf in settings.source.leaves for path in leaf.local_paths] if "ingest" in names else []
    workspace = [] if settings.compute.exchange else [existing_parent(settings.workspace.resolve())]
    return [path.resolve() for path in (*images, *workspace)]


def _check_splits(settings: Settings, names: Sequence[str]) -> None:
    """Raises BadInput where folds are to be trained on, or the splits are not of the kind that was published."""
    if settings.split.folds and "train" in names:
        raise BadInput(
            f"split.folds is {settings.split.folds}, and a generator learns from train and is judged by validation, "
            "which folds do not have; set split.folds to 0, or run `prepare` alone"
        )
    last = latest(settings.place.published / settings.dataset)
    published = {*read_state(settings.place.shared).splits.values(), *(last.index.splits if last else ())}
    check_same_splits(settings.split, published, settings.dataset)


def _check_raw(settings: Settings, names: Sequence[str]) -> Survey:
    _check_splits(settings, names)
    check_exclusions(settings.curate.exclusions)
    check_overrides(settings.curate.overrides)
    for leaf in settings.source.leaves:
        if leaf is settings.source and leaf.weight is not None:
            raise BadInput(f"source.weight {leaf.weight:g} is for sources of a mixture (kind mixed); remove it")
    cache = source_cache(settings.place.shared)
    check_holds_images(settings.source, cache)
    for leaf in settings.source.leaves:
        # Published versions may be a source, but for those that this run makes.
        published = settings.place.published
        own = published / settings.dataset if _is_published(leaf, cache) else published
        for path in leaf.local_paths:
            for what, folder in (("workspace", settings.workspace), ("published", own)):
                check_not_inside(what, folder, path)
                check_source_outside(path, what, folder)
    found = survey(settings.source, cache)
    if not found.unfetched:
        _check_counts(settings, names, found)
    return found


def _check_counts(settings: Settings, names: Sequence[str], found: Survey) -> None:
    check_enough_files(found, settings.source.place, settings.split, will_train="train" in names)
    if "train" not in names:
        return
    resize = settings.scan.resize
    check_trainable_shape((resize.height_px, resize.width_px))
    state = read_state(settings.place.shared)
    _check_most_images(settings, names, found.images, state)
    if "generate" in names and settings.generate.quotas:
        labels = found.labels | set(state.class_names or ())
        wanted_labels(settings.generate, tuple(sorted(labels)) or None)


def _check_most_images(
    settings: Settings, names: Sequence[str], images: Mapping[str | None, Mapping[str | None, int]], state: State
) -> None:
    """Every file may become an image, but no more than that: too few of them are known to be too few now."""
    if settings.split.source_splits == "ignore":
        images = {label: {None: sum(by_split.values())} for label, by_split in images.items()}
    files = sum(sum(by_split.values()) for by_split in images.values())
    first = not state.splits and latest(settings.place.published / settings.dataset) is None
    copies_kept = "keep_all" in (settings.curate.exact_duplicates, settings.curate.near_duplicates)
    if first and not copies_kept:
        most = largest_source_splits(settings.split.shares, images.values())
    else:  # published images stay in their split, and copies in one, whatever the shares
        most = dict.fromkeys(("train", "validation"), files - 2)
    what = f"{settings.source.place} holds {files} files, which give at most"
    alone = "or run `prepare` alone"
    check_training_images(what, most["train"], f"lower split.validation or split.test, add images, {alone}")
    advice = f"raise split.validation, add images, {alone}"
    check_validation_images(what, most["validation"], _min_gate_images(settings, names), advice)


def _check_published(settings: Settings, names: Sequence[str]) -> None:
    """What is learned from is there already."""
    version = latest_or_refuse(settings.place.published / settings.dataset)
    index = version.index
    if TRAIN not in index.splits:
        raise BadInput(
            f"{version.path} has folds, and a generator learns from train and is judged by validation; prepare a data "
            "set of another name (dataset) with split.folds 0"
        )
    check_trainable(index.records("train"), (index.features.height_px, index.features.width_px))
    advice = "add images, of which split.validation takes its share, and run `prepare` again"
    gate = _min_gate_images(settings, names)
    check_validation_images(f"{version.path} has", index.records("validation"), gate, advice)
    check_fits_memory(index.records("train"), index.features.shape, usable_bytes())
    if "generate" in names:
        check_by_class(settings.train, training_images(version))
        wanted_labels(settings.generate, index.features.class_names, training_images(version))


def _is_published(leaf: CommonSourceSettings, cache: Path) -> bool:
    found = detected(leaf, cache / leaf.resolved_name) if isinstance(leaf, AutoSettings) else leaf
    return isinstance(found, TfdsSettings)


def _min_gate_images(settings: Settings, names: Sequence[str]) -> int | None:
    return settings.synthetic_gate.min_gate_images if "gate_synthetic" in names else None


def _check_room(settings: Settings, stages: Sequence[Stage], found: Survey) -> None:
    """What is up to date needs no room; that is looked into, which takes time, only where not all would fit."""
    folders = {"workspace": settings.workspace, "published": settings.place.published}
    volume = volume_of(settings, stages, found)

    def needed(names: Sequence[str]) -> int:
        return MIN_FREE_BYTES + disk_bytes(volume, names) if names else 0

    needed_bytes = needed([stage.name for stage in stages])
    if min(map(free_bytes, folders.values())) < needed_bytes:
        needed_bytes = needed([entry.stage.name for entry in plan(settings, stages, found) if entry.action != SKIP])
    for what, folder in folders.items():
        check_room(what, folder, needed_bytes)
