"""Items of a partition that killed its worker, one by one in a process that may die of any of them."""

import pickle
import resource
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, TypeVar

from tasks.parallel.fork_server import context, fork_server, module_of
from tasks.parallel.time_limit import expendable, time_limit

Item = TypeVar("Item")
Result = TypeVar("Result")
Work = Callable[[Sequence[Item]], Result]

START_TIMEOUT_S = 120.0
# By then the process has ended itself, unless it waits for a disk that does not answer.
GRACE_S = 10.0


@dataclass(frozen=True, slots=True)
class _Death:
    """How a process ended: the sentence, and whether the item before may have been the cause."""

    sentence: str
    is_certain: bool


def one_by_one(
    work: Work[Item, Result],
    items: Sequence[Item],
    on_death: Callable[[Item, str], Result],
    item_timeout_s: float,
    memory_bytes: int | None,
) -> Iterator[Result]:
    """`work([item])` for each item, `on_death(item, sentence)` for those that end their process, in order.

    The process is kept from item to item. One that crashed is replaced, and the item tried again by itself: what came
    before may have left a broken process behind. An error that `work` raises is raised here.
    """
    helper = _Helper(work, item_timeout_s, memory_bytes)
    with fork_server(module_of(work)):
        try:
            for item in items:
                is_fresh = helper.is_fresh
                outcome = helper.do(item)
                if isinstance(outcome, _Death) and not outcome.is_certain and not is_fresh:
                    outcome = helper.do(item)
                yield on_death(item, outcome.sentence) if isinstance(outcome, _Death) else outcome
        finally:
            helper.stop()


class _Helper:
    """A process that does items until it dies; the next item gets a new one."""

    def __init__(self, work: Work[Any, Any], item_timeout_s: float, memory_bytes: int | None) -> None:
        self._work = work
        self._item_timeout_s = item_timeout_s
        self._memory_bytes = memory_bytes
        self._process: Any = None
        self._pipe: Connection | None = None
        self.is_fresh = True

    def do(self, item: Any) -> Any:
        """The result for an item, or a _Death."""
        pipe = self._pipe or self._start()
        self.is_fresh = False
        try:
            pipe.send(item)
            if not pipe.poll(self._item_timeout_s + GRACE_S):
                return self._buried(hung=True)
            kind, value = pipe.recv()
        except (EOFError, ConnectionError):
            return self._buried(hung=False)
        if kind == "memory":
            self.stop()
            return _Death(f"it takes more memory than a worker has ({(self._memory_bytes or 0) >> 20} MiB)", True)
        if kind == "error":
            raise value
        return value

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process is not None:
            self._process.kill()
            self._process.join(GRACE_S)
        if self._pipe is not None:
            self._pipe.close()
        self._process = self._pipe = None
        self.is_fresh = True

    def _start(self) -> Connection:
        self._pipe, theirs = context().Pipe()
        arguments = (theirs, self._work, self._item_timeout_s, self._memory_bytes)
        self._process = context().Process(target=_serve, args=arguments, daemon=True)
        self._process.start()
        theirs.close()
        if not self._pipe.poll(START_TIMEOUT_S):
            self.stop()
            raise RuntimeError(f"a process for single images did not start within {START_TIMEOUT_S:.0f} s")
        try:
            self._pipe.recv()
        except EOFError:
            self.stop()
            raise RuntimeError("a process for single images ended while it started") from None
        return self._pipe

    def _buried(self, hung: bool) -> _Death:
        self._process.join(0 if hung else GRACE_S)
        hung = hung or self._process.exitcode == -signal.SIGALRM
        self.stop()
        if hung:
            return _Death("the decoder did not end within its time limit", True)
        return _Death("the decoder crashed on it", False)


def _serve(pipe: Connection, work: Work[Any, Any], item_timeout_s: float, memory_bytes: int | None) -> None:
    """Do items until the pipe ends."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    if memory_bytes is not None:
        _limit_memory(memory_bytes)
    pipe.send("started")
    with expendable():
        while True:
            try:
                item = pipe.recv()
            except EOFError:
                return
            try:
                with time_limit(item_timeout_s):
                    answer = ("result", work([item]))
            except MemoryError:
                answer = ("memory", None)
            except Exception as error:
                answer = ("error", error)
            _send(pipe, answer)


def _send(pipe: Connection, answer: tuple[str, Any]) -> None:
    try:
        pipe.send(answer)
    except (TypeError, AttributeError, ValueError, pickle.PicklingError):
        pipe.send(("error", RuntimeError(f"what came of an item cannot be sent to another process: {answer[1]!r}")))


def _limit_memory(more_bytes: int) -> None:
    """Have allocations fail beyond what the process has now and so many bytes more."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    held_kib = next((int(line.split()[1]) for line in lines if line.startswith("VmData:")), 0)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held_kib * 1024 + more_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
