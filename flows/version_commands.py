"""Commands on published versions: publish, list, diff, prune, promote."""

from pathlib import Path
from typing import Annotated

import typer

from flows.command_app import DatasetName, Partition, SettingsFile, StorageOptions, Workers, app, options_of

DataSet = Annotated[
    str, typer.Argument(metavar="PATH_OR_URL", help="<name>/ of a published data set: a folder, or a URL.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]


@app.command(epilog="Example: augment-dataset publish photos.yaml --dry-run")
def publish(
    settings: SettingsFile,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be published, and why.")] = False,
    dataset: DatasetName = None,
    partition: Partition = None,
    as_json: AsJson = False,
) -> None:
    """Publish what earlier runs have prepared and its gates have passed; nothing is prepared or trained.

    Exit codes: 0 published or unchanged, 2 something has to run first, 3 refused.
    """
    from flows.publish import publish_prepared
    from flows.settings import load_settings

    publish_prepared(load_settings(settings, {"dataset": dataset, "partition": partition}), dry_run, as_json)


@app.command("list", epilog="Example: augment-dataset list published")
def list_published(
    place: Annotated[
        str,
        typer.Argument(metavar="PATH_OR_URL", help="Folder or URL of data sets, <name>/ or <name>/<x.y.z>/ of one."),
    ],
    storage_options: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """List published versions: counts, size, digest, the verdict of the gate, and which is the latest."""
    from flows.versions import list_versions

    list_versions(place, options_of(storage_options), as_json)


@app.command(epilog="Example: augment-dataset diff published/photos/1.0.0 published/photos/1.1.0")
def diff(
    before: Annotated[
        str, typer.Argument(metavar="A", help="<name>/<x.y.z>/; <name>/: its latest version; or a run's record (JSON).")
    ],
    after: Annotated[str, typer.Argument(metavar="B", help="The version, or the run, to compare with it.")],
    show: Annotated[int, typer.Option(min=0, help="Name at most so many images of each kind.")] = 10,
    storage_options: StorageOptions = None,
    as_json: AsJson = False,
) -> None:
    """Say what changed from one version to another: classes, counts, images, normalisation, settings.

    Of two runs: settings, verdicts, and which stages gave other outputs.
    """
    are_runs = [place.endswith(".json") for place in (before, after)]
    if any(are_runs) and not all(are_runs):
        from datasets.errors import BadInput

        raise BadInput(
            f"got {before} and {after}, of which one is a run's record and one is not; give the records of two runs "
            "(JSON), or two versions"
        )
    if all(are_runs):
        from flows.runs import diff_runs

        diff_runs(Path(before), Path(after), as_json)
        return
    from flows.versions import diff_versions

    diff_versions(before, after, options_of(storage_options), as_json, show)


@app.command(epilog="Example: augment-dataset prune published/photos --keep 3 --dry-run")
def prune(
    place: DataSet,
    keep: Annotated[int, typer.Option(min=1, help="Keep so many of the newest versions.")],
    force: Annotated[bool, typer.Option("--force", help="Also what a synthetic version was learned from.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    storage_options: StorageOptions = None,
) -> None:
    """Remove old versions; never the latest, and none that a synthetic version was learned from."""
    from flows.versions import prune_versions

    prune_versions(place, options_of(storage_options), keep, force, yes, dry_run)


@app.command(epilog="Example: augment-dataset promote published/photos 1.0.0")
def promote(
    place: DataSet,
    version: Annotated[str, typer.Argument(help="Version to become the latest, e.g. 1.0.0.")],
    workers: Workers = None,
    storage_options: StorageOptions = None,
) -> None:
    """Let `latest` name another version, after reading all of it again."""
    from flows.versions import promote_version

    promote_version(place, version, options_of(storage_options), workers)
