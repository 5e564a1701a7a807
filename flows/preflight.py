"""Checks a run's settings against the world before any work starts."""

from collections.abc import Sequence

from flows.plan import volume_of
from flows.settings import Settings
from tasks.estimate import disk_bytes
from tasks.preflight import check_room, check_source, check_target
from tasks.published_versions import latest_or_refuse
from tasks.stage import Stage

MIN_FREE_BYTES = 100 * 2**20


def preflight(settings: Settings, stages: Sequence[Stage]) -> None:
    """Raises BadInput with one sentence for the first thing that cannot work. Writes nothing."""
    names = [stage.name for stage in stages]
    if "ingest" in names:
        check_source(settings.source)
    else:
        latest_or_refuse(settings.published / settings.dataset)
    needed = MIN_FREE_BYTES + disk_bytes(volume_of(settings, stages), names)
    for what, folder in (("workspace", settings.workspace), ("published", settings.published)):
        check_target(what, folder)
        check_room(what, folder, needed)
