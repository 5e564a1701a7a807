"""The one seam to Dask: partitions of a list go out, small results come back.

`settings` says how work is spread, `sizing` how much fits on this machine, `spread` keeps partitions on their way and
redoes those whose process died, `local_pool` and `existing_pool` are the two places where they are worked on, and
`probe` is what workers of another machine are asked before they get any. `exchange` carries files to workers that see
none of our folders.
"""

from tasks.parallel.files import Files
from tasks.parallel.partitions import Partitions, partitions_of
from tasks.parallel.preflight import check_cluster
from tasks.parallel.settings import ComputeSettings
from tasks.parallel.spread import ITEM_TIMEOUT_S, map_partitions

__all__ = [
    "ITEM_TIMEOUT_S",
    "ComputeSettings",
    "Files",
    "Partitions",
    "check_cluster",
    "map_partitions",
    "partitions_of",
]
