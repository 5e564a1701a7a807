"""Whether a cluster that the settings name can be used, before work starts."""

from collections.abc import Iterable
from pathlib import Path

from tasks.parallel.settings import ComputeSettings
from tasks.progress import Progress, silent


def check_cluster(compute: ComputeSettings, paths: Iterable[Path], progress: Progress = silent) -> None:
    """Raises BadInput where the cluster at the address cannot do the work: see `existing_pool`."""
    if compute.address is None:
        return
    from tasks.parallel.existing_pool import existing_pool

    with existing_pool(compute, paths, progress):
        return
