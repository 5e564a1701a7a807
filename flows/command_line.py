"""The command line `augment-dataset`. Heavy libraries are imported by the commands that need them."""

import sys

import typer

from datasets.errors import BadInput, Refused
from flows import flow_commands, image_commands, result_commands, run_commands, version_commands
from flows.command_app import app
from tasks.interruption import interruption_in

__all__ = ["COMMANDS", "app", "main"]

# Importing them put their commands into `app`.
COMMANDS = (flow_commands, image_commands, result_commands, run_commands, version_commands)
INTERRUPTED = 130  # what typer gives back after Ctrl-C


def main() -> None:
    """Entry point: runs a command, and turns errors into one sentence and an exit code."""
    try:
        code = app(standalone_mode=False)
    except BaseException as error:
        if isinstance(error, typer.Abort) or interruption_in(error):
            code = INTERRUPTED
        else:
            _fail(*_sentence_of(error))
    if code == INTERRUPTED:
        _fail("interrupted; run the same command again to go on", 1)
    sys.exit(code)


def _sentence_of(error: BaseException) -> tuple[str, int]:
    """What is said of an error, and the exit code. Raises an error that nobody foresaw."""
    if isinstance(error, BadInput):
        return f"bad input: {error}", 2
    if isinstance(error, Refused):
        return f"refused: {error}", 3
    if isinstance(error, OSError | RuntimeError):
        return f"failed: {error}", 1
    usage = getattr(error, "format_message", None)  # of the command line itself
    if usage is None:
        raise error
    what = usage().rstrip(".") or "no command was given"
    return f"bad input: {what}; try augment-dataset --help", 2


def _fail(sentence: str, code: int) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201
    sys.exit(code)
