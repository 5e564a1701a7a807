"""Workers, wherever they are: gives them partitions, and notices when there are none left."""

import time
from collections.abc import Callable
from typing import Any

from datasets.errors import Unreachable

# Dask's own value has every image's memory given back to the system and taken anew, which costs a third of the time.
MALLOC_SETTINGS = {"MALLOC_TRIM_THRESHOLD_": 64 << 20, "MALLOC_MMAP_THRESHOLD_": 16 << 20}
# A partition that kills its worker is not tried on the others too: it is redone item by item at once. Those that wait
# on the same worker would be counted as killed with it, so a worker is given no more than it works on.
DASK_SETTINGS = {
    "distributed.nanny.pre-spawn-environ": MALLOC_SETTINGS | {"OMP_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 1},
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.worker-saturation": 1.0,
    "distributed.worker.daemon": False,
    "distributed.worker.profile.enabled": False,
    "distributed.comm.timeouts.connect": "60s",
    "distributed.admin.tick.interval": "1s",  # of a clock that only looks for stalls
    "distributed.admin.tick.limit": "60s",
    "distributed.admin.system-monitor.interval": "5s",
    "logging": {"distributed": "error"},
}
PARTITIONS_PER_THREAD = 4
COUNT_INTERVAL_S = 5.0


class Pool:
    """A Dask client with patience: `wait_s` seconds without a single worker end the work with a sentence."""

    def __init__(
        self, client: Any, name: str, advice: str, wait_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client
        self.name = name
        self._advice = advice
        self._wait_s = wait_s
        self._clock = clock
        self._seen_s = clock()
        self._counted_s = float("-inf")
        self._threads = 0

    @property
    def dashboard(self) -> str | None:
        """The address of the cluster's dashboard; None where it has none."""
        return self.client.dashboard_link if "dashboard" in self.client.scheduler_info()["services"] else None

    def window(self) -> int:
        """How many partitions to have under way: a few for each thread there is, so that none waits for us."""
        if self._clock() - self._counted_s > COUNT_INTERVAL_S:
            self._count()
        return PARTITIONS_PER_THREAD * max(self._threads, 1)

    def is_staffed(self) -> bool:
        """Whether there is any worker. Raises Unreachable where there has been none for too long."""
        self._count()
        if self._threads:
            return True
        if self._clock() - self._seen_s > self._wait_s:
            raise Unreachable(
                f"{self.name} had no worker for {self._wait_s:.0f} s; {self._advice}, and run the same command again: "
                "what is finished is kept"
            )
        return False

    def gone(self) -> Unreachable:
        """What to raise when the scheduler has dropped the work."""
        return Unreachable(
            f"{self.name} is gone, or dropped the work; start it again, and run the same command again: "
            "what is finished is kept"
        )

    def _count(self) -> None:
        if self.client.status not in ("running", "newly-created"):
            raise self.gone()
        try:
            self._threads = sum(self.client.nthreads().values())
        except (OSError, TimeoutError, ValueError) as error:
            raise self.gone() from error
        self._counted_s = self._clock()
        if self._threads:
            self._seen_s = self._counted_s
