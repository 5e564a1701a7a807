"""The command line `augment-dataset`. Heavy libraries are imported by the commands that need them."""

import sys

import typer

from datasets.errors import BadInput, Refused
from flows import flow_commands, image_commands, result_commands, version_commands
from flows.command_app import app

__all__ = ["COMMANDS", "app", "main"]

# Importing them put their commands into `app`.
COMMANDS = (flow_commands, image_commands, result_commands, version_commands)
INTERRUPTED = 130  # what typer gives back after Ctrl-C


def main() -> None:
    """Entry point: runs a command, and turns errors into one sentence and an exit code."""
    try:
        code = app(standalone_mode=False)
    except BadInput as error:
        _fail(f"bad input: {error}", 2)
    except Refused as error:
        _fail(f"refused: {error}", 3)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except (OSError, RuntimeError) as error:
        _fail(f"failed: {error}", 1)
    except Exception as error:
        usage = getattr(error, "format_message", None)  # of the command line itself
        if usage is None:
            raise
        what = usage().rstrip(".") or "no command was given"
        _fail(f"bad input: {what}; try augment-dataset --help", 2)
    if code == INTERRUPTED:
        _fail("interrupted; run the same command again to go on", 1)
    sys.exit(code)


def _fail(sentence: str, code: int) -> None:
    print(sentence, file=sys.stderr)  # noqa: T201
    sys.exit(code)
