"""Runs a stage in a child process group of its own, which can be stopped whatever its native code does.

The child gets one JSON line on standard input and answers with JSON lines on a pipe. When the parent dies, the
child sees the end of its standard input and takes its whole group with it: no process is left behind. What it and
the libraries put aside in `TMPDIR` goes with it.
"""

import contextlib
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from pydantic import BaseModel

from datasets import errors
from datasets.masking import masked
from tasks.digests import ROOT
from tasks.progress import Progress, at_most_every
from tasks.scratch import scratch_folder
from tasks.stage_errors import told
from tasks.without_pandas import keep_pandas_out

if TYPE_CHECKING:
    from tasks.stage_context import StageContext

GRACE_S = 5.0
PROGRESS_INTERVAL_S = 0.2
LOG_TAIL_LINES = 12


class StageFailed(RuntimeError):
    """A stage stopped with an error that is not the user's: the sentence names its log.

    `may_pass` says that trying again can help: its process was ended from outside.
    """

    def __init__(self, sentence: str, may_pass: bool = False) -> None:
        super().__init__(sentence)
        self.may_pass = may_pass


# Work is spread over processes: threads of the matrix library only wait for each other, busily.
ONE_BLAS_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildUsage:
    """What a child and its finished descendants used; `peak_rss_mib` is that of the largest single process."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_rss_mib: float = 0.0


def run_in_child(
    work: Callable[..., dict[str, Any]],
    settings: BaseModel,
    context: "StageContext",
    *,
    log: Path,
    progress: Progress,
    timeout_s: float,
) -> tuple[dict[str, Any], ChildUsage]:
    """Run `work(settings, context)` in a child process.

    Raises what the work raised when that is an error of ours (BadInput, Refused, ...), else StageFailed.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    started_s = time.monotonic()
    with scratch_folder() as scratch, log.open("wb") as log_file:
        child, answers = _start(log_file, scratch)
        status = -1
        try:
            _send(child, _request(work, settings, context))
            answer = _listen(answers, progress, deadline_s=started_s + timeout_s)
        except TimeoutError:
            answer = {"message": f"it used up its {timeout_s:.0f} s"}
            _signal_group(child, signal.SIGTERM)
        except BaseException:
            _signal_group(child, signal.SIGTERM)
            raise
        finally:
            answers.close()
            assert child.stdin is not None
            _wait_for_end(child)
            _signal_group(child, signal.SIGKILL)  # also what an ended child may have left behind
            _, status, usage = os.wait4(child.pid, 0)
            child.stdin.close()
            child.returncode = os.waitstatus_to_exitcode(status)
    used = ChildUsage(
        wall_s=time.monotonic() - started_s,
        cpu_s=usage.ru_utime + usage.ru_stime,
        peak_rss_mib=answer.get("peak_rss_mib", 0.0),
    )
    if "summary" in answer:
        return answer["summary"], used
    raise _error_from(answer, work.__name__, log, child.returncode, timeout_s)


def _start(log_file: IO[bytes], scratch: Path) -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    read_end, write_end = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-m", "tasks.stage_process", str(write_end)],
        stdin=subprocess.PIPE,
        stdout=log_file,
        stderr=log_file,
        pass_fds=(write_end,),
        cwd=ROOT,
        env=ONE_BLAS_THREAD | os.environ | {"TMPDIR": str(scratch)},
        start_new_session=True,
    )
    os.close(write_end)
    return child, os.fdopen(read_end, "rb", buffering=0)


def _request(work: Callable[..., Any], settings: BaseModel, context: "StageContext") -> dict[str, Any]:
    values = {name: getattr(context, name) for name in context.__dataclass_fields__ if name != "progress"}
    return {
        "work": f"{work.__module__}:{work.__qualname__}",
        "settings_type": f"{type(settings).__module__}:{type(settings).__qualname__}",
        "settings": settings.model_dump(mode="json"),
        "context": {name: _to_json(value) for name, value in values.items()},
    }


def _to_json(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {name: _to_json(entry) for name, entry in value.items()}
    return str(value) if isinstance(value, Path) else value


def _send(child: subprocess.Popen[bytes], request: dict[str, Any]) -> None:
    assert child.stdin is not None
    try:
        child.stdin.write(json.dumps(request).encode() + b"\n")
        child.stdin.flush()
    except BrokenPipeError:
        return  # it died at once: the missing answer says so


def _listen(answers: IO[bytes], progress: Progress, deadline_s: float) -> dict[str, Any]:
    """Pass progress on until the child has answered, hung up, or used up its time."""
    buffer = b""
    while True:
        ready, _, _ = select.select([answers], [], [], max(0.0, deadline_s - time.monotonic()))
        if not ready:
            raise TimeoutError
        chunk = answers.read(64 * 1024)
        if not chunk:
            return {}
        *lines, buffer = (buffer + chunk).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "done" not in message:
                return message
            progress(message.pop("done"), message.pop("total"), **message)


def _signal_group(child: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _wait_for_end(child: subprocess.Popen[bytes]) -> None:
    """Give a child that has answered, or was told to stop, a few seconds to end by itself."""
    deadline_s = time.monotonic() + GRACE_S
    while time.monotonic() < deadline_s and not _has_ended(child.pid):
        time.sleep(0.01)


def _has_ended(pid: int) -> bool:
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _error_from(answer: dict[str, Any], name: str, log: Path, returncode: int, timeout_s: float) -> Exception:
    kind = getattr(errors, answer.get("error", ""), None)
    if kind is not None:
        error: Exception = kind(answer["message"])
        return error
    tail = masked("\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:]))
    ended = f"was ended by {signal.Signals(-returncode).name}" if returncode < 0 else "failed"
    what = answer.get("message", f"its process {ended}")
    sentence = f"{name} stopped: {what}. Its log is {log}" + (f", and ends with:\n{tail}" if tail else ", and is empty")
    return StageFailed(sentence, may_pass=returncode < 0 and "message" not in answer)


def main() -> None:
    """The child: work, report, answer."""
    request = json.loads(sys.stdin.buffer.readline())
    channel = os.fdopen(int(sys.argv[1]), "wb", buffering=0)
    os.set_inheritable(channel.fileno(), False)
    threading.Thread(target=_die_with_parent, daemon=True).start()

    def say(message: dict[str, Any]) -> None:
        channel.write(json.dumps(message, default=float).encode() + b"\n")

    def report(done: int, total: int, **numbers: float | str) -> None:
        say({"done": done, "total": total, **numbers})

    try:
        summary = _work_on(request, at_most_every(PROGRESS_INTERVAL_S, report))
        say({"summary": summary, "peak_rss_mib": peak_rss_mib()})
    except Exception as raised:
        error = told(raised, request["work"].rpartition(":")[2], Path(request["context"]["out"]))
        if not hasattr(errors, type(error).__name__):
            import traceback

            with contextlib.suppress(OSError):  # the log may lie where there is no room
                print(masked(traceback.format_exc()), file=sys.stderr)  # noqa: T201
        say({"error": type(error).__name__, "message": masked(f"{error}") or type(error).__name__})
        sys.exit(1)


def peak_rss_mib() -> float:
    """Largest memory in MiB that this process, or one that it started and that has ended, has used.

    Linux's own high-water mark is read where there is one: the figure of getrusage includes what the parent held
    at the moment of the fork.
    """
    own_kib = float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii", errors="replace").splitlines()
        own_kib = next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return max(own_kib, float(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)) / 1024


def _work_on(request: dict[str, Any], progress: Progress) -> dict[str, Any]:
    from tasks.parallel.settings import ComputeSettings
    from tasks.stage_context import StageContext

    work = _resolve(request["work"])
    keep_pandas_out()
    settings = _resolve(request["settings_type"]).model_validate(request["settings"])
    values = request["context"]
    paths = {name: Path(values[name]) for name in ("out", "shared", "published")}
    inputs = {name: Path(path) for name, path in values["inputs"].items()}
    compute = ComputeSettings.model_validate(values["compute"])
    context = StageContext(**(values | paths | {"inputs": inputs, "compute": compute, "progress": progress}))
    summary: dict[str, Any] = work(settings, context)
    return summary


def _resolve(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


def _die_with_parent() -> None:
    while os.read(sys.stdin.fileno(), 1):
        continue
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    main()
