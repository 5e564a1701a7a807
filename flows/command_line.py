"""The command line `augment-dataset`. Heavy libraries are imported by the commands that need them."""

import errno
import io
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import typer

from datasets.errors import BadInput, Refused, brief
from flows import (
    flow_commands,
    image_commands,
    partition_commands,
    result_commands,
    run_commands,
    serve_command,
    version_commands,
)
from flows.command_app import app
from tasks.interruption import interruption_in
from tasks.visible_text import visible

__all__ = ["COMMANDS", "app", "main"]

# Importing them put their commands into `app`.
COMMANDS = (
    flow_commands,
    image_commands,
    partition_commands,
    result_commands,
    run_commands,
    serve_command,
    version_commands,
)
INTERRUPTED = 130  # what typer gives back after Ctrl-C


def main(command: Callable[..., Any] | None = None) -> None:
    """Entry point: runs a command, and turns errors into one sentence and an exit code."""
    if sys.platform != "linux":
        _fail(f"failed: augment-dataset runs on Linux, this is {sys.platform}; use a container or a virtual machine", 1)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files may hold what its encoding cannot
    try:
        check_arguments(sys.argv[1:])
        code = (command or app)(standalone_mode=False)
    except BaseException as error:
        if isinstance(error, typer.Abort) or interruption_in(error):
            code = INTERRUPTED
        else:
            _fail(*_sentence_of(error))
    if code == INTERRUPTED:
        _fail("interrupted; run the same command again to go on", 1)
    sys.exit(code)


def check_arguments(arguments: Sequence[str]) -> None:
    """Raises BadInput for an empty argument, which would mean the current folder, and for `~name` of nobody here."""
    for argument in arguments:
        option, is_set, value = argument.partition("=") if argument.startswith("--") else ("an argument", "=", argument)
        if is_set and not value:
            raise BadInput(f"{option} is empty; give a value, or write . for the current folder")
        if value.startswith("~"):
            from datasets.sources.settings import absolute_path

            absolute_path(Path.cwd(), value)


def _sentence_of(error: BaseException) -> tuple[str, int]:
    """What is said of an error, and the exit code. Raises an error that nobody foresaw."""
    if isinstance(error, BadInput):
        return f"bad input: {error}", 2
    if isinstance(error, Refused):
        return f"refused: {error}", 3
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"bad input: {brief(error.filename)} is longer than a path can be; give another", 2
    if isinstance(error, OSError | RuntimeError):
        return f"failed: {error}", 1
    usage = getattr(error, "format_message", None)  # of the command line itself
    if usage is None:
        raise error
    what = usage().rstrip(".") or "no command was given"
    return f"bad input: {what}; try augment-dataset --help", 2


def _fail(sentence: str, code: int) -> None:
    print(visible(sentence, keep="\n"), file=sys.stderr)  # noqa: T201
    sys.exit(code)
