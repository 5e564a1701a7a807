"""A process that runs a flow once for each line that comes in, and says what the flow gave and what it still holds.

Arguments: name of the flow's function, settings file.
"""

import gc
import json
import sys
import threading
from pathlib import Path

import psutil

from flows import pipelines
from flows.local_server import LocalServer


def held():
    """What grows where something leaks."""
    gc.collect()
    process = psutil.Process()
    return {
        "memory_mib": process.memory_info().rss / 2**20,
        "objects": len(gc.get_objects()),
        "handles": sorted(_handles()),
        "threads": threading.active_count(),
        "processes": [child.pid for child in process.children(recursive=True)],
    }


def _handles():
    """What each open file descriptor stands for; numbers of sockets and pipes are left out."""
    for link in Path("/proc/self/fd").iterdir():
        try:
            yield str(link.readlink()).partition(":[")[0]
        except FileNotFoundError:
            continue  # that of this listing


def main():
    flow = getattr(pipelines, sys.argv[1])
    with pipelines.connected(LocalServer()):
        for _ in sys.stdin:
            outcome = flow(settings_file=sys.argv[2])
            sys.stdout.write(json.dumps(held() | {"outcome": outcome}) + "\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
