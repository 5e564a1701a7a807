"""What befalls a stage's process or a worker, done by the process itself at a place that a test has chosen.

Called by tests/flows/dying_stage. FAULT_FILES are patterns of files below WRITES_BELOW.
"""

import os
import resource
import signal
import time
from pathlib import Path

ROOM_BYTES = 4 << 20
taken = []


def kill_run():
    """`kill -9` of the process that started the stage; the stage stands still."""
    _signal_run(signal.SIGKILL)


def interrupt_run():
    _signal_run(signal.SIGINT)


def terminate_run():
    _signal_run(signal.SIGTERM)


def kill_process():
    """`kill -9` of this process: that of a stage, or a worker."""
    os.kill(os.getpid(), signal.SIGKILL)


def use_up_quota():
    """From now on no file of this process may grow."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))


def fill_disk():
    """Until not one byte fits on the file system."""
    ballast = os.open(Path(os.environ["WRITES_BELOW"], "ballast"), os.O_WRONLY | os.O_CREAT)
    for size in (1 << 20, 1 << 12, 1):
        try:
            while os.write(ballast, bytes(size)):
                continue
        except OSError:
            continue
    os.close(ballast)


def take_memory():
    """All that this process is given: hardly a piece of 64 KiB is left."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM_BYTES, resource.RLIM_INFINITY))
    for size in (1 << 20, 1 << 16):
        try:
            while True:
                taken.append(bytearray(size))
        except MemoryError:
            continue


def remove_files():
    for path in _files():
        path.unlink()


def damage_files():
    """One bit in the middle of each."""
    for path in _files():
        damage(path)


def damage_files_and_die():
    damage_files()
    kill_process()


def change_files():
    """Each becomes what the file after it is: whole, but another."""
    for path in _files():
        path.write_bytes(path.with_name("05.png").read_bytes())


def cut_files():
    """Without their second half."""
    for path in _files():
        os.truncate(path, path.stat().st_size // 2)


def empty_files():
    for path in _files():
        os.truncate(path, 0)


def garble_files():
    """Nothing of what was there, and no UTF-8."""
    for path in _files():
        path.write_bytes(b"\xff\xfe" * 4000)


def replace_by_list():
    """JSON of another form."""
    for path in _files():
        path.write_text("[]")


def replace_by_format():
    """JSON that says that it is ours, and no more."""
    for path in _files():
        path.write_text('{"format": 1}')


def damage(path):
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 2] ^= 1
    path.write_bytes(payload)


def _signal_run(number):
    os.kill(os.getppid(), number)
    time.sleep(600)


def _files():
    found = sorted(Path(os.environ["WRITES_BELOW"]).glob(os.environ["FAULT_FILES"]))
    assert found, os.environ["FAULT_FILES"]
    return found
