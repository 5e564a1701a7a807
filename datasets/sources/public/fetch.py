"""Fetching a named data set in a child process, so that TensorFlow's memory goes when it is done.

The child gets one JSON line on standard input and answers with JSON lines on standard output.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from datasets.errors import BadInput
from datasets.sources.base import FetchProgress

_ROOT = Path(__file__).resolve().parents[2]
_QUIET = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1", "PYTHONWARNINGS": "ignore"}


def fetch_in_child(wanted: Mapping[str, Any], folder: Path, progress: FetchProgress) -> None:
    """Fill the ImageStore `folder`. Raises BadInput as the child does, OSError where it ended otherwise."""
    folder = folder.absolute()
    folder.mkdir(parents=True, exist_ok=True)
    work = folder / "download"
    shutil.rmtree(work, ignore_errors=True)  # a killed download leaves files that look complete to Keras
    work.mkdir()
    try:
        _run({**wanted, "folder": str(folder), "work": str(work)}, progress)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _run(request: Mapping[str, Any], progress: FetchProgress) -> None:
    answer: dict[str, Any] = {}
    with tempfile.TemporaryFile() as log:
        command = [sys.executable, "-m", "datasets.sources.public.fetch"]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, cwd=_ROOT, env={**os.environ, **_QUIET}
        ) as child:
            try:
                answer = _talk(child, request, progress)
            finally:
                child.kill()  # has ended by itself, unless something was raised here
        if "done" in answer:
            return
        if "bad_input" in answer:
            raise BadInput(answer["bad_input"])
        raise OSError(f"fetching {request['dataset']} ended with {child.returncode}: {_last_line(log)}")


def _talk(child: subprocess.Popen[bytes], request: Mapping[str, Any], progress: FetchProgress) -> dict[str, Any]:
    """Pass progress on; the last answer."""
    assert child.stdin is not None
    assert child.stdout is not None
    answer: dict[str, Any] = {}
    with contextlib.suppress(BrokenPipeError), child.stdin:  # a child that died at once has left a log
        child.stdin.write(json.dumps(request).encode())
    for line in child.stdout:
        with contextlib.suppress(ValueError):  # it was killed while it wrote
            answer = json.loads(line)
        if "progress" in answer:
            progress(*answer["progress"])
    child.wait()
    return answer


def _last_line(log: IO[bytes]) -> str:
    log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def main() -> None:
    """What the child does."""
    request = json.loads(sys.stdin.buffer.read())
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)  # libraries print what they download
        from datasets.sources.public.libraries import images_of
        from datasets.sources.public.store import ImageStore

        def answer(**values: Any) -> None:
            answers.write(json.dumps(values) + "\n")
            answers.flush()

        try:
            total, images = images_of(request, Path(request["work"]))
            ImageStore(Path(request["folder"])).write(images, lambda done: answer(progress=[done, total]))
            answer(done=total)
        except BadInput as error:
            answer(bad_input=str(error))


if __name__ == "__main__":
    main()
