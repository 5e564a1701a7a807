"""Commands on what runs made and published."""

from pathlib import Path
from typing import Annotated

import typer

from datasets.errors import PlaceFailed
from flows.command_app import DatasetName, Kind, Partition, Seed, SettingsFile, StorageOptions, Workers, app, options_of


@app.command(epilog="Example: augment-dataset report photos.yaml --open")
def report(
    settings: SettingsFile,
    run_name: Annotated[str | None, typer.Option("--run", help="Name of a run; default: the last.")] = None,
    opened: Annotated[bool, typer.Option("--open", help="Show the report in the browser.")] = False,
    dataset: DatasetName = None,
    partition: Partition = None,
) -> None:
    """Show a run's tables, and write its HTML report again."""
    import webbrowser

    from flows.output import console
    from flows.settings import load_settings
    from flows.terminal import show_run
    from tasks.report.build import build_report
    from tasks.run import latest_run, read_run
    from tasks.run_history import record_of

    shared = load_settings(settings, {"dataset": dataset, "partition": partition}).place.shared
    path = latest_run(shared) if run_name is None else record_of(shared, run_name)
    record, page = read_run(path), path.with_suffix(".html")
    if not build_report(record, page):
        raise PlaceFailed(f"{page} could not be written; free the place and the disk, then run this again")
    show_run(record, page, console())
    if opened and not webbrowser.open(page.resolve().as_uri()):
        console().print("no browser was found here; copy the file to where there is one")


@app.command(epilog="Example: augment-dataset trace photo.jpg --published published")
def trace(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE_OR_HASH",
            help="File of an image; or sha256 (12 digits or more) of its bytes or pixels, a record or a shard.",
        ),
    ],
    published: Annotated[Path, typer.Option(help="Folder of published data sets.")] = Path("published"),
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Say where an image, record or shard comes from, which published versions hold it, and what learned from it."""
    from flows.trace import trace_image

    trace_image(image, published, as_json)


@app.command(epilog="Example: augment-dataset verify published/photos")
def verify(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH_OR_URL",
            help="<name>/: all versions; <name>/latest; <name>/<x.y.z>/; or a folder of shards.",
        ),
    ],
    latest: Annotated[bool, typer.Option("--latest", help="Of <name>/, only the version that `latest` names.")] = False,
    show: Annotated[
        int, typer.Option(min=1, help="Show at most so many faults of each kind; the rest is counted.")
    ] = 20,
    workers: Workers = None,
    storage_options: StorageOptions = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of lines.")] = False,
) -> None:
    """Read everything that was published again, and name every damaged shard, record and file.

    Exit codes: 0 intact, 1 damaged, 2 no data set there.
    """
    from flows.verify import verify_path

    options = options_of(storage_options)
    place = f"{path.rstrip('/')}/latest" if latest else path
    if not verify_path(place, limit=show, workers=workers, as_json=as_json, storage_options=options):
        raise typer.Exit(1)


@app.command(epilog="Example: augment-dataset gate --real photos --synthetic made/photos --out gate-of-photos")
def gate(
    real: Annotated[
        Path, typer.Option(help="Real images: a folder (of classes, or flat), a TFDS data set, a published version...")
    ],
    synthetic: Annotated[Path, typer.Option(help="Synthetic images, of the same classes; the same kinds of places.")],
    settings: Annotated[
        Path | None, typer.Option(help="YAML file with limits in `synthetic_gate`; other sections are not needed.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for gate.json, gate.png and the closest pairs; default: print only.")
    ] = None,
    kind: Kind = "auto",
    side: Annotated[
        int | None, typer.Option(min=4, max=1024, help="Compare as squares of so many px; default: the synthetic size.")
    ] = None,
    mode: Annotated[str, typer.Option(help="How images of other sizes are resized: stretch, pad or crop.")] = "stretch",
    max_images: Annotated[int, typer.Option(min=50, help="At most so many of either set, drawn by the seed.")] = 20_000,
    seed: Seed = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Judge synthetic images against real ones: distances, coverage, copies, labels, value. Changes nothing in them.

    Works on any two sets, also those not made here. Exit codes: 0 passed, 2 bad input, 3 refused.

    Where the real set has train and validation splits, they are used as in a run; else a fifth of it is held out.
    """
    from flows.gate import gate_sets

    gate_sets(
        real,
        synthetic,
        kind=kind,
        settings_file=settings,
        out=out,
        side_px=side,
        mode=mode,
        most=max_images,
        seed=seed,
        as_json=as_json,
    )


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


@app.command(
    "export-generator",
    epilog="Example: augment-dataset export-generator published/photos_synthetic --format onnx --out photos-generator",
)
def export_generator(
    place: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_VERSION",
            help="<name>_synthetic/ or a version of it; a run's record (JSON); or a folder with a generator.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; it may not hold anything yet.")],
    layout: Annotated[str, typer.Option("--format", help=r"keras, or onnx (needs the extra \[onnx]).")] = "keras",
) -> None:
    """Write a trained generator as one file that works without this project, and how to use it."""
    from flows.export_generator import export_generator_of

    export_generator_of(place, layout, out)


@app.command(epilog="Example: augment-dataset sample published/photos_synthetic --per-class 10 --seed 1 --out more")
def sample(
    path: Annotated[
        Path, typer.Argument(metavar="VERSION", help="<name>_synthetic/: its latest version; or <x.y.z>/ of it.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to write; it may not hold anything yet.")],
    per_class: Annotated[
        int | None,
        typer.Option(min=1, max=100_000, help="Images of each class; or in all, without classes. Default: 10."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, max=2**31 - 1, help="The same seed gives the same images. Default: 1.")
    ] = None,
    as_published: Annotated[
        bool, typer.Option("--as-published", help="Make the published images again, and compare their bytes.")
    ] = False,
) -> None:
    """Make images with the generator that lies beside a published synthetic version, as PNGs.

    Exit codes: 0 done, 1 with --as-published where an image differs, 2 no generator there.
    """
    from flows.sample import sample_from

    if not sample_from(path, per_class, seed, out, as_published=as_published):
        raise typer.Exit(1)
