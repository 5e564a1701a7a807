"""Commands that write settings and run flows."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from datasets.errors import BadInput
from flows.command_app import (
    AsJson,
    DaskAddress,
    DatasetName,
    DryRun,
    Kind,
    Location,
    Partition,
    Quiet,
    Rehash,
    Seed,
    SettingsFile,
    TrainImages,
    Workers,
    app,
    ignore,
    say,
)


@app.command(epilog="Example: augment-dataset init photos --out photos.yaml")
def init(
    location: Location,
    kind: Kind = "auto",
    out: Annotated[Path | None, typer.Option(help="Settings file to write; default: <folder name>.yaml here.")] = None,
) -> None:
    """Write commented settings that fit the images at a place."""
    from flows.initial_settings import write_initial_settings

    path = write_initial_settings(location, kind, out)
    say(f"wrote {path}; look through it, then: augment-dataset run {path} --dry-run")


@app.command(epilog="Example: augment-dataset run photos.yaml --dry-run")
def run(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    partition: Partition = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    train_images: TrainImages = None,
    rehash: Rehash = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Run everything: prepare and publish real images, then learn and publish synthetic ones."""
    options = _options(
        dataset=dataset,
        partition=partition,
        seed=seed,
        workers=workers,
        dask_address=dask_address,
        train_images=train_images,
        rehash=rehash,
    )
    _run_flow("augment-dataset", settings, options, dry_run, quiet, as_json)


@app.command(epilog="Example: augment-dataset prepare photos.yaml")
def prepare(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    partition: Partition = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    rehash: Rehash = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Turn raw images into a verified, split, sharded and published data set."""
    options = _options(
        dataset=dataset, partition=partition, seed=seed, workers=workers, dask_address=dask_address, rehash=rehash
    )
    _run_flow("prepare-dataset", settings, options, dry_run, quiet, as_json)


@app.command(epilog="Example: augment-dataset train photos.yaml --train-images 200000")
def train(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    partition: Partition = None,
    seed: Seed = None,
    train_images: TrainImages = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train a generator of the latest published real version; goes on where it was stopped."""
    options = _options(dataset=dataset, partition=partition, seed=seed, train_images=train_images)
    _run_flow("train-gan", settings, options, dry_run, quiet, as_json)


@app.command(epilog="Example: augment-dataset synthesize photos.yaml")
def synthesize(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    partition: Partition = None,
    seed: Seed = None,
    train_images: TrainImages = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Train, generate, judge and publish synthetic images of the latest published real version."""
    options = _options(dataset=dataset, partition=partition, seed=seed, train_images=train_images)
    _run_flow("synthesize-dataset", settings, options, dry_run, quiet, as_json)


@app.command(epilog="Example: augment-dataset demo --folder demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the demo's images, settings and results.")] = Path("demo"),
) -> None:
    """Run everything on 1,797 real handwritten digits with planted defects; a few minutes on two cores."""
    from flows.demo import last_run, show_planted, write_demo

    settings = write_demo(folder)
    before = last_run(settings)
    try:
        _run_flow("augment-dataset", settings, {})
    finally:
        show_planted(settings, before)


def _options(**options: Any) -> dict[str, Any]:
    """Options that were given, zeros too."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def _run_flow(
    name: str,
    settings_file: Path,
    options: dict[str, Any],
    dry_run: bool = False,
    quiet: bool = False,
    as_json: bool = False,
) -> None:
    """Check what can be checked, then run a flow with bars, and show its tables however it ends.

    Raises BadInput for options that exclude one another, and for what preflight finds.
    """
    if dry_run and (quiet or as_json):
        raise BadInput("--dry-run only prints what would run; leave out --quiet and --json")
    tell: Callable[[str], None] = ignore if quiet or as_json else say
    from flows.plan import show_plan
    from flows.preflight import preflight
    from flows.remote_published import refresh_published
    from flows.settings import load_settings, overrides_of
    from tasks.stages import FLOWS
    from tasks.without_pandas import keep_pandas_out

    keep_pandas_out()
    settings = load_settings(settings_file, overrides_of(options))
    stages = FLOWS[name]
    refresh_published(settings, stages, dry_run)
    found = preflight(settings, stages, tell)
    if dry_run:
        show_plan(settings, stages, found)
    else:
        if sentence := settings.compute.shortage():
            tell(sentence)
        tell("starting Prefect")
        _flow_with_tables(name, settings_file, options, quiet, as_json)


def _flow_with_tables(name: str, settings_file: Path, options: dict[str, Any], quiet: bool, as_json: bool) -> None:
    from flows.local_server import LocalServer
    from flows.prefect_environment import set_environment

    set_environment(terminal=True)
    server = LocalServer()  # while Prefect is imported, which takes as long
    from flows import pipelines
    from flows.terminal import observer

    flow: Callable[..., Any] = getattr(pipelines, name.replace("-", "_"))
    with pipelines.connected(server), observer(quiet, as_json) as watching:
        pipelines.OBSERVER.set(watching)
        try:
            flow(settings_file=str(settings_file), **options)
        finally:
            pipelines.OBSERVER.set(None)
