"""Functions over partitions for the tests of the Dask seam. Worker processes import them by name."""

import ctypes
import os
import signal
import time

from tasks.time_limit import time_limit


def doubled(items):
    return [2 * item for item in items]


def dies_of_thirteen(items):
    if 13 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return [2 * item for item in items]


def aborts_on_thirteen(items):
    """As a decoder that finds its heap broken."""
    if 13 in items:
        os.abort()
    return [2 * item for item in items]


def hangs_on_thirteen(items):
    """As a decoder in an endless loop that keeps the interpreter's lock: no thread of the process goes on."""
    for item in items:
        with time_limit(1.0):
            if item == 13:
                ctypes.PyDLL(None).sleep(600)
    return [2 * item for item in items]


def sleeps_on_thirteen(items):
    """As a decoder that waits without the interpreter's lock, and sets itself no limit."""
    if 13 in items:
        time.sleep(600)
    return [2 * item for item in items]


def hoards_on_thirteen(items):
    """As a decoder that takes more and more memory."""
    held = []
    while 13 in items:
        held.append(bytearray(os.urandom(1 << 20) * 32))
        time.sleep(0.02)
    return [2 * item for item in items]


def dies_of_the_second_item_in_a_process(items):
    """An item that dies of what another left behind: by itself, it is fine."""
    for _ in items:
        if os.environ.get("AN_ITEM_WAS_HERE"):
            os.abort()
        os.environ["AN_ITEM_WAS_HERE"] = "1"
    return [2 * item for item in items]


def process_id(items):
    return os.getpid()


def fails_on_thirteen(items):
    if 13 in items:
        raise ValueError("thirteen is unlucky")
    return list(items)
