"""Stage functions for the tests of the stage mechanism. A child process imports them by name."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from datasets.errors import BadInput, Refused


class NoteSettings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = "hello"
    marker: Path | None = None


def write_note(settings, context):
    (context.out / "note.txt").write_text(f"{settings.text} {context.seed}")
    context.progress(1, 1, note="written")
    return {"images_in": 1, "images_out": 1, "rejected": {}}


def copy_note(settings, context):
    (context.out / "copy.txt").write_text((context.inputs["note"] / "note.txt").read_text())
    return {"images_in": 1, "images_out": 1, "rejected": {}}


def fail_with_bad_input(settings, context):
    (context.out / "half.txt").write_text("half")
    raise BadInput("got nothing; give something")


def fail_with_refusal(settings, context):
    raise Refused("coverage 0.1 < 0.7")


def fail_with_bug(settings, context):
    raise ZeroDivisionError("a bug")


def die(settings, context):
    (context.out / "half.txt").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)


def sleep_for_ever(settings, context):
    settings.marker.write_text(str(os.getpid()))
    time.sleep(600)


def sleep_deaf_with_the_lock(settings, context):
    """As native code that never comes back: it holds the interpreter's lock, and SIGTERM does nothing."""
    settings.marker.write_text(str(os.getpid()))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ctypes.PyDLL(None).sleep(600)


def count_to_three(settings, context):
    """Writes one step a file; dies after each until three are there: a resumable stage."""
    done = sorted(context.out.glob("step-*"))
    (context.out / f"step-{len(done)}").write_text("x")
    if len(done) < 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"images_in": 3, "images_out": 3, "rejected": {}}


def die_and_leave_a_child(settings, context):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    settings.marker.write_text(str(child.pid))
    os.kill(os.getpid(), signal.SIGKILL)
