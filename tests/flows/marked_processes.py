"""Processes that descend from what a test started, whoever their parent is now: its mark is in their environment."""

import time

import psutil

MARK = "AUGMENT_DATASET_TEST"


def processes_with(mark):
    """Numbers and command lines of those that run with this mark."""
    found = {}
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(mark) and process.status() != psutil.STATUS_ZOMBIE:
                found[process.pid] = " ".join(process.cmdline())
        except psutil.Error:
            continue  # it has ended, or is another user's
    return found


def processes_left(mark, patience_s=30):
    """Command lines of those that do not end soon by themselves."""
    deadline_s = time.monotonic() + patience_s
    while (found := processes_with(mark)) and time.monotonic() < deadline_s:
        time.sleep(0.1)
    return list(found.values())
