"""The command line's application, and options that several commands share."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from datasets.errors import BadInput

app = typer.Typer(
    name="augment-dataset",
    help="Turns raw images into verified training data, and into synthetic data that is published only if it "
    "passes its gates. Exit codes: 0 done, 1 failed, 2 bad input, 3 refused by a gate or a policy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

SettingsFile = Annotated[Path, typer.Argument(help="YAML file of settings; `init` writes one.", metavar="SETTINGS")]
Location = Annotated[
    str, typer.Argument(help="Folder, archive or remote folder of images, or other data that `sources` lists.")
]
Kind = Annotated[str, typer.Option(help="Kind of source; `augment-dataset sources` lists them.")]
DatasetName = Annotated[str | None, typer.Option("--dataset", help="Name of the data set, instead of the file's.")]
Partition = Annotated[
    str | None, typer.Option("--partition", help="What {partition} in the file's source stands for, e.g. 2026-11-22.")
]
Seed = Annotated[
    int | None, typer.Option(min=0, max=2**31 - 1, help="Seed of every random choice, instead of the file's.")
]
Workers = Annotated[
    int | None, typer.Option(min=0, max=1024, help="Dask workers; 0 = one per core, as far as memory allows.")
]
DaskAddress = Annotated[str | None, typer.Option(help="Scheduler of an existing Dask cluster, tcp://host:8786.")]
TrainImages = Annotated[int | None, typer.Option(help="Training budget in images, instead of the file's.")]
Rehash = Annotated[bool, typer.Option("--rehash", help="Hash every source file again, whatever its size and time.")]
StorageOptions = Annotated[
    str | None, typer.Option(help="How fsspec opens a URL, as JSON, e.g. '{\"anon\": true}'; no credentials.")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors; the exit code tells how it went.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the run's record as JSON, and nothing else.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would run, why, and what it would cost.")]


def options_of(text: str | None) -> dict[str, Any] | None:
    """What --storage-options says. Raises BadInput for anything but a JSON object without credentials."""
    if text is None:
        return None
    from datasets.sources.storage_options import without_secrets

    try:
        options = json.loads(text)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise BadInput("--storage-options is no JSON object; write, for example, '{\"anon\": true}'")
    try:
        without_secrets(options)
    except ValueError as error:
        raise BadInput(f"--storage-options: {error}") from None
    return options


def say(sentence: str) -> None:
    """Print a sentence."""
    from flows.output import console

    console().print(sentence, soft_wrap=True)


def ignore(sentence: str) -> None:
    """Print nothing: for commands that were asked to be quiet."""
