"""Commands on what runs made and published."""

from pathlib import Path
from typing import Annotated

import typer

from datasets.errors import BadInput
from flows.command_app import DatasetName, SettingsFile, Workers, app


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
    layout: Annotated[str, typer.Option("--format", help="keras, or onnx (needs the extra [onnx]).")] = "keras",
) -> None:
    """Write a trained generator as one file that works without this project, and how to use it."""
    from flows.export_generator import export_generator_of

    export_generator_of(place, layout, out)
