"""Child processes of a command that runs until it is told to end, and then leaves none of theirs behind."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psutil

END_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
PATIENCE_S = 20.0
PAUSE_S = 0.2


@contextmanager
def ending_at_signals() -> Iterator[None]:
    """Inside, SIGTERM and SIGHUP are what Ctrl-C is."""

    def interrupt(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    with _handling(END_SIGNALS, interrupt):
        yield


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], folder: Path, output: IO[bytes] | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """A child that is ended with the block, whatever ends that, with all that it started.

    It is in a session of its own, which Ctrl-C in a terminal does not reach; `output` None: to ours.
    """
    child = None
    try:
        with _signals_later():
            child = subprocess.Popen(
                command,
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output and subprocess.STDOUT,
                start_new_session=True,
            )
        yield child
    finally:
        if child is not None:
            with _handling((signal.SIGINT, *END_SIGNALS), signal.SIG_IGN):
                end(child)


def end(child: "subprocess.Popen[bytes]") -> None:
    """End a child and all that it started: first its own children, since a worker that is asked first kills them.

    It is held meanwhile: a worker would go on with the next run.
    """
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(child.pid)
        process.suspend()
        own, all_of_them = process.children(), process.children(recursive=True)
        for each in own:
            with suppress(psutil.NoSuchProcess):
                each.terminate()
        _wait(all_of_them)
        process.terminate()
        process.resume()
        _wait([process, *process.children(recursive=True)])
    child.wait()


def _wait(processes: Sequence[psutil.Process]) -> None:
    """Give all a while to end, then kill those that are left."""
    deadline_s = time.monotonic() + PATIENCE_S
    while (left := [each for each in processes if _is_alive(each)]) and time.monotonic() < deadline_s:
        time.sleep(PAUSE_S)
    for each in left:
        with suppress(psutil.NoSuchProcess):
            each.kill()


def _is_alive(process: psutil.Process) -> bool:
    """A dead one that its parent did not ask for yet is none."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


@contextmanager
def _signals_later() -> Iterator[None]:
    """What would end this process inside interrupts it behind. Not ignored: a child would go on ignoring it."""
    heard: list[int] = []
    with _handling((signal.SIGINT, *END_SIGNALS), lambda number, frame: heard.append(number)):
        yield
    if heard:
        raise KeyboardInterrupt


@contextmanager
def _handling(numbers: Sequence[int], handler: Callable[[int, Any], None] | signal.Handlers) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
