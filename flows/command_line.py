"""The command line `augment-dataset`. Heavy libraries are imported by the commands that need them."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from datasets.errors import BadInput, Refused

INTERRUPTED = 130  # what typer gives back after Ctrl-C

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
Seed = Annotated[int | None, typer.Option(help="Seed of every random choice, instead of the file's.")]
Workers = Annotated[int | None, typer.Option(help="Dask workers; 0 = one per core, as far as memory allows.")]
DaskAddress = Annotated[str | None, typer.Option(help="Scheduler of an existing Dask cluster, tcp://host:8786.")]
TrainImages = Annotated[int | None, typer.Option(help="Training budget in images, instead of the file's.")]
Rehash = Annotated[bool, typer.Option("--rehash", help="Hash every source file again, whatever its size and time.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would run, why, and what it would cost.")]


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


@app.command(epilog="Example: augment-dataset init photos --out photos.yaml")
def init(
    location: Location,
    kind: Kind = "auto",
    out: Annotated[Path | None, typer.Option(help="Settings file to write; default: <folder name>.yaml here.")] = None,
) -> None:
    """Write commented settings that fit the images at a place."""
    from flows.initial_settings import write_initial_settings

    path = write_initial_settings(location, kind, out)
    _say(f"wrote {path}; look through it, then: augment-dataset run {path} --dry-run")


@app.command(epilog="Example: augment-dataset run photos.yaml --dry-run")
def run(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    train_images: TrainImages = None,
    rehash: Rehash = False,
) -> None:
    """Run everything: prepare and publish real images, then learn and publish synthetic ones."""
    options = _options(
        dataset=dataset,
        seed=seed,
        workers=workers,
        dask_address=dask_address,
        train_images=train_images,
        rehash=rehash,
    )
    _run_flow("augment-dataset", settings, options, dry_run)


@app.command(epilog="Example: augment-dataset prepare photos.yaml")
def prepare(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    seed: Seed = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
    rehash: Rehash = False,
) -> None:
    """Turn raw images into a verified, split, sharded and published data set."""
    options = _options(dataset=dataset, seed=seed, workers=workers, dask_address=dask_address, rehash=rehash)
    _run_flow("prepare-dataset", settings, options, dry_run)


@app.command(epilog="Example: augment-dataset train photos.yaml --train-images 200000")
def train(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    seed: Seed = None,
    train_images: TrainImages = None,
) -> None:
    """Train a generator of the latest published real version; goes on where it was stopped."""
    options = _options(dataset=dataset, seed=seed, train_images=train_images)
    _run_flow("train-gan", settings, options, dry_run)


@app.command(epilog="Example: augment-dataset synthesize photos.yaml")
def synthesize(
    settings: SettingsFile,
    dry_run: DryRun = False,
    dataset: DatasetName = None,
    seed: Seed = None,
    train_images: TrainImages = None,
) -> None:
    """Train, generate, judge and publish synthetic images of the latest published real version."""
    options = _options(dataset=dataset, seed=seed, train_images=train_images)
    _run_flow("synthesize-dataset", settings, options, dry_run)


@app.command(
    epilog="Example: augment-dataset check photos --out check-photos --fail-on truncated --fail-on duplicate_exact"
)
def check(
    location: Annotated[
        str,
        typer.Argument(
            metavar="LOCATION",
            help="Folder, archive, remote folder or other source of images; or a settings file (YAML) with a source.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for manifest, findings and report; older ones are replaced.")],
    kind: Kind = "auto",
    fail_on: Annotated[
        list[str] | None, typer.Option(help="Finding that gives exit code 3; may be repeated; `any` = every reject.")
    ] = None,
    workers: Workers = None,
    dask_address: DaskAddress = None,
) -> None:
    """Check images: broken files, duplicates, outliers, labels. Changes nothing in them.

    Writes manifest.parquet (a row per file), findings.parquet, findings.csv and report.html.
    """
    from flows.check import check_images

    check_images(location, kind, out, tuple(fail_on or ()), workers, dask_address)


@app.command(epilog="Example: augment-dataset sources")
def sources() -> None:
    """List the kinds of sources that settings can name, and what each needs."""
    from flows.source_kinds import show_source_kinds

    show_source_kinds()


@app.command("augment-preview", epilog="Example: augment-dataset augment-preview photos --settings photos.yaml")
def augment_preview(
    images: Annotated[Path, typer.Argument(help="An image, or a folder of which three are shown.")],
    settings: Annotated[Path, typer.Option(help="YAML file of settings; `init` writes one.")],
    out: Annotated[Path, typer.Option(help="PNG to write.")] = Path("augment-preview.png"),
) -> None:
    """Draw what each augmenter of the settings makes of an image, before any run."""
    from flows.augment_preview import preview_augmentation

    preview_augmentation(images, settings, out)


@app.command(epilog="Example: augment-dataset report photos.yaml")
def report(
    settings: SettingsFile,
    run_name: Annotated[str | None, typer.Option("--run", help="Name of a run; default: the last.")] = None,
    dataset: DatasetName = None,
) -> None:
    """Show a run's tables, and write its HTML report again."""
    from flows.output import console
    from flows.settings import load_settings
    from flows.terminal import show_run
    from tasks.report.build import build_report
    from tasks.run import latest_run, read_run

    shared = load_settings(settings, {"dataset": dataset}).place.shared
    path = shared / "runs" / f"{run_name}.json" if run_name else latest_run(shared)
    if not path.exists():
        raise BadInput(
            f"{shared} holds no run {run_name}; give the name of a file in {path.parent}, without its ending"
        )
    record = read_run(path)
    build_report(record, path.with_suffix(".html"))
    show_run(record, path.with_suffix(".html"), console())


@app.command(epilog="Example: augment-dataset trace photo.jpg --published published")
def trace(
    image: Annotated[
        str, typer.Argument(help="File of an image, or sha256 of its bytes or pixels (12 digits or more).")
    ],
    published: Annotated[Path, typer.Option(help="Folder of published data sets.")] = Path("published"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say which published versions hold an image, what was learned from it, and how to keep it out."""
    from flows.trace import trace_image

    trace_image(image, published, as_json)


@app.command(epilog="Example: augment-dataset verify published/photos")
def verify(
    path: Annotated[
        Path,
        typer.Argument(help="<name>/: all versions; <name>/latest; <name>/<x.y.z>/; or a folder of shards."),
    ],
    latest: Annotated[bool, typer.Option("--latest", help="Of <name>/, only the version that `latest` names.")] = False,
    show: Annotated[
        int, typer.Option(min=1, help="Show at most so many faults of each kind; the rest is counted.")
    ] = 20,
    workers: Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Read everything that was published again, and name every damaged shard, record and file.

    Exit codes: 0 intact, 1 damaged, 2 no data set there.
    """
    from flows.verify import verify_path

    if not verify_path(path, limit=show, workers=workers, as_json=as_json):
        raise typer.Exit(1)


@app.command(epilog="Example: augment-dataset export published/photos --format parquet --out photos-parquet")
def export(
    path: Annotated[Path, typer.Argument(help="<name>/: its latest version; <name>/<x.y.z>/; or a folder of shards.")],
    out: Annotated[Path, typer.Option(help="Folder to write; it may not hold anything yet.")],
    layout: Annotated[
        str, typer.Option("--format", help="parquet (HuggingFace, pandas) or webdataset (tar shards, PyTorch).")
    ] = "parquet",
    split: Annotated[list[str] | None, typer.Option(help="Split to export; may be repeated; default: all.")] = None,
    shard_mib: Annotated[float, typer.Option(min=0.001, max=4096, help="Largest size of a file, in MiB.")] = 256,
) -> None:
    """Write a published version again for PyTorch and HuggingFace: Parquet, or WebDataset tar shards."""
    from flows.export import export_path

    export_path(path, layout, out, tuple(split or ()), shard_mib)


@app.command(epilog="Example: augment-dataset demo --folder demo")
def demo(
    folder: Annotated[Path, typer.Option(help="Folder for the demo's images, settings and results.")] = Path("demo"),
) -> None:
    """Run everything on 1,797 real handwritten digits with planted defects; a few minutes on two cores."""
    from flows.demo import last_run, show_planted, write_demo

    settings = write_demo(folder)
    before = last_run(settings)
    try:
        _run_flow("augment-dataset", settings, {}, dry_run=False)
    finally:
        show_planted(settings, before)


def _options(**options: Any) -> dict[str, Any]:
    """Options that were given, zeros too."""
    return {name: value for name, value in options.items() if value is not None and value is not False}


def _run_flow(name: str, settings_file: Path, options: dict[str, Any], dry_run: bool) -> None:
    """Check what can be checked, then run a flow with bars, and show its tables however it ends."""
    from flows.plan import show_plan
    from flows.preflight import preflight
    from flows.settings import load_settings, overrides_of
    from tasks.stages import FLOWS

    settings = load_settings(settings_file, overrides_of(options))
    stages = FLOWS[name]
    found = preflight(settings, stages)
    if dry_run:
        show_plan(settings, stages, found)
    else:
        if sentence := settings.compute.shortage():
            _say(sentence)
        _flow_with_tables(name, settings_file, options)


def _flow_with_tables(name: str, settings_file: Path, options: dict[str, Any]) -> None:
    from flows.local_server import LocalServer
    from flows.prefect_environment import set_environment

    _say("starting Prefect")
    set_environment(terminal=True)
    server = LocalServer()  # while Prefect is imported, which takes as long
    from flows import pipelines
    from flows.terminal import observer

    flow: Callable[..., Any] = getattr(pipelines, name.replace("-", "_"))
    with pipelines.connected(server), observer() as watching:
        pipelines.OBSERVER.set(watching)
        try:
            flow(settings_file=str(settings_file), **options)
        finally:
            pipelines.OBSERVER.set(None)


def _say(sentence: str) -> None:
    from flows.output import console

    console().print(sentence, soft_wrap=True)
