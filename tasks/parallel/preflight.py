"""Whether a cluster that the settings name can be used, before work starts."""

from collections.abc import Iterable
from pathlib import Path

from tasks.parallel.settings import ComputeSettings
from tasks.progress import Progress, silent


def check_cluster(compute: ComputeSettings, paths: Iterable[Path], progress: Progress = silent) -> str | None:
    """A sentence with the address of the dashboard, where the settings name a cluster that has one.

    Raises BadInput where the cluster at the address cannot do the work: see `existing_pool`.
    """
    if compute.address is None:
        return None
    from tasks.parallel.existing_pool import existing_pool

    with existing_pool(compute, paths, progress) as pool:
        if compute.exchange:
            from tasks.parallel.exchange import check_exchange

            check_exchange(pool.client, compute.exchange, compute.address)
        return f"dashboard of the Dask cluster: {pool.dashboard}" if pool.dashboard else None
