"""An adaptive Dask cluster of a user's: prints its address, and ends with its standard input."""

import sys

from distributed import LocalCluster

if __name__ == "__main__":
    with LocalCluster(n_workers=0, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0") as cluster:
        cluster.adapt(minimum=0, maximum=2, interval="200ms", wait_count=2)
        print(cluster.scheduler_address, flush=True)  # noqa: T201
        sys.stdin.read()
