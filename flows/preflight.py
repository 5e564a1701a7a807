"""Checks a run's settings against the world before any work starts."""

from collections.abc import Sequence

from datasets.sources.registry import open_source
from flows.plan import volume_of
from flows.settings import Settings
from tasks.estimate import disk_bytes
from tasks.generate import wanted_labels
from tasks.preflight import check_enough_files, check_room, check_source, check_target
from tasks.published_versions import latest_or_refuse
from tasks.stage import Stage
from tasks.state import read_state
from tasks.train import check_trainable, check_trainable_shape

MIN_FREE_BYTES = 100 * 2**20


def preflight(settings: Settings, stages: Sequence[Stage]) -> None:
    """Raises BadInput with one sentence for the first thing that cannot work. Writes nothing."""
    names = [stage.name for stage in stages]
    if "ingest" in names:
        _check_raw(settings, names)
    else:
        _check_published(settings, names)
    needed = MIN_FREE_BYTES + disk_bytes(volume_of(settings, stages), names)
    for what, folder in (("workspace", settings.workspace), ("published", settings.published)):
        check_target(what, folder)
        check_room(what, folder, needed)


def _check_raw(settings: Settings, names: Sequence[str]) -> None:
    check_source(settings.source)
    check_enough_files(settings.source, will_train="train" in names)
    if "train" in names:
        resize = settings.scan.resize
        check_trainable_shape((resize.height_px, resize.width_px))
    if "generate" in names and settings.generate.quotas:
        labels = {item.label for item in open_source(settings.source).items() if item.label is not None}
        labels.update(read_state(settings.place.shared).class_names or ())
        wanted_labels(settings.generate, tuple(sorted(labels)) or None)


def _check_published(settings: Settings, names: Sequence[str]) -> None:
    """What is learned from is there already."""
    index = latest_or_refuse(settings.published / settings.dataset).index
    check_trainable(index.records("train"), (index.features.height_px, index.features.width_px))
    if "generate" in names:
        wanted_labels(settings.generate, index.features.class_names)
