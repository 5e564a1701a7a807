"""Functions over partitions for the tests of the Dask seam. Worker processes import them by name."""

import os
import signal


def doubled(items):
    return [2 * item for item in items]


def dies_of_thirteen(items):
    if 13 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return [2 * item for item in items]


def process_id(items):
    return os.getpid()


def fails_on_thirteen(items):
    if 13 in items:
        raise ValueError("thirteen is unlucky")
    return list(items)
