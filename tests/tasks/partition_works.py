"""Functions over partitions for the tests of the Dask seam. Worker processes import them by name."""

import ctypes
import importlib
import os
import signal
import sys
import time

from tasks.parallel.time_limit import time_limit


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


def waits_for_a_file(folder, items):
    """Says that it works and in which process, then goes on when there is a file called `go`."""
    (folder / f"at-{items[0]}").write_text(str(os.getpid()))
    while not (folder / "go").exists():
        time.sleep(0.02)
    return [2 * item for item in items]


def modules_with(*names_and_items):
    """All that is loaded once some modules are imported, except by what this process was started with."""
    *names, _ = names_and_items
    for name in names:
        importlib.import_module(name)
    return sorted({name.partition(".")[0] for name in sys.modules})


def scratch_folder(items):
    from distributed import get_worker

    return get_worker().local_directory
