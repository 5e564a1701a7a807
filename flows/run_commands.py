"""Commands on a data set's runs and the workspace that they share: runs, status, gc."""

from typing import Annotated

import typer

from flows.command_app import DatasetName, Partition, SettingsFile, app

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]


@app.command(epilog="Example: augment-dataset runs photos.yaml --last 5")
def runs(
    settings: SettingsFile,
    last: Annotated[int, typer.Option(min=1, help="Show so many of the newest.")] = 20,
    dataset: DatasetName = None,
    partition: Partition = None,
    as_json: AsJson = False,
) -> None:
    """List runs, newest first: how each ended, what it published, and which one is running or was killed."""
    from flows.runs import list_runs
    from flows.settings import load_settings

    list_runs(load_settings(settings, {"dataset": dataset, "partition": partition}).place.shared, last, as_json)


@app.command(epilog="Example: augment-dataset status photos.yaml")
def status(
    settings: SettingsFile,
    run_name: Annotated[str | None, typer.Option("--run", help="Name of a run; default: the newest.")] = None,
    dataset: DatasetName = None,
    partition: Partition = None,
    as_json: AsJson = False,
) -> None:
    """Say how a run went or, while it goes, in which stage it is and how far.

    Exit codes: that of the run; 0 while it runs, 1 if it was killed.
    """
    from flows.runs import show_status
    from flows.settings import load_settings

    code = show_status(
        load_settings(settings, {"dataset": dataset, "partition": partition}).place.shared, run_name, as_json
    )
    raise typer.Exit(code)


@app.command(epilog="Example: augment-dataset gc photos.yaml --dry-run")
def gc(
    settings: SettingsFile,
    keep_runs: Annotated[int, typer.Option(min=1, help="Keep what the last so many runs of every stage used.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dataset: DatasetName = None,
    partition: Partition = None,
) -> None:
    """Remove from the workspace what no run needs any more: outputs of old settings, leavings of dead runs.

    Sources, splits, published versions and the records of runs are never removed.
    """
    from flows.runs import collect_garbage
    from flows.settings import load_settings

    collect_garbage(
        load_settings(settings, {"dataset": dataset, "partition": partition}).place, keep_runs, dry_run, yes
    )
