"""On the PYTHONPATH of a run, this makes its stages' processes count what they write, and strikes at one of these.

WRITES_LOG gets a line, with the process's number, for each file that is opened for writing or renamed below
WRITES_BELOW. The function FAULT of tests/faults/inflicted.py is called once, in the process where it is so first: at
line FAULT_AT (0: before the stage begins), or when the file FAULT_ON_READ is opened. FAULT_IN: stage, or worker.
"""

import os
import sys
from contextlib import suppress

PROCESSES = {"stage": "tasks.stage_process", "worker": "multiprocessing.forkserver"}

if PROCESSES[os.environ.get("FAULT_IN", "stage")] in " ".join(sys.orig_argv):
    below, log = os.environ["WRITES_BELOW"], os.environ["WRITES_LOG"]
    strike_at = int(os.environ.get("FAULT_AT", "-1"))
    strike_on = os.environ.get("FAULT_ON_READ")
    writes = 0

    def writes_path(event, arguments):
        """What is written, where the event is about that."""
        if event == "os.rename":
            return arguments[1]
        if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR):
            return arguments[0]
        return None

    def watch(event, arguments):
        global writes
        if event not in ("open", "os.rename"):
            return
        path = writes_path(event, arguments)
        if isinstance(path, str | os.PathLike) and os.fspath(path).startswith(below):
            writes += 1
            os.write(log_file, f"{os.getpid()} {os.fspath(path)}\n".encode())
            if writes == strike_at:
                strike()
        elif strike_on and arguments[0] == strike_on:
            strike()

    def strike():
        with suppress(FileExistsError):
            os.close(os.open(f"{log}.struck", os.O_CREAT | os.O_EXCL))
            from tests.faults import inflicted

            getattr(inflicted, os.environ["FAULT"])()

    log_file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if strike_at == 0:
        strike()
    sys.addaudithook(watch)
