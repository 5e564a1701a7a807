"""Commands that look at images before any run, and list what settings can name."""

from pathlib import Path
from typing import Annotated

import typer

from flows.command_app import DaskAddress, Kind, Partition, Quiet, Workers, app


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
    partition: Partition = None,
    quiet: Quiet = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print counts and findings as JSON, and nothing else.")
    ] = False,
) -> None:
    """Check images: broken files, duplicates, outliers, labels. Changes nothing in them.

    Writes manifest.parquet (a row per file), findings.parquet, findings.csv and report.html.
    """
    from flows.check import check_images

    check_images(location, kind, out, tuple(fail_on or ()), workers, dask_address, partition, quiet, as_json)


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
    partition: Partition = None,
) -> None:
    """Draw what each augmenter of the settings makes of an image, before any run."""
    from flows.augment_preview import preview_augmentation

    preview_augmentation(images, settings, out, partition)


@app.command(epilog="Example: augment-dataset models --resolution 32 --channels 3 --classes 10 --measure")
def models(
    resolution: Annotated[int, typer.Option(help="Side of the images, in px.")] = 32,
    channels: Annotated[int, typer.Option(help="1 = gray, 3 = colour.")] = 3,
    classes: Annotated[int, typer.Option(min=0, max=100_000, help="Number of classes; 0 = learn without.")] = 10,
    measure: Annotated[
        bool, typer.Option("--measure", help="Run some training steps of each instead of estimating their cost.")
    ] = False,
    settings: Annotated[
        Path | None, typer.Option(help="YAML file of settings, for width, batch and so on; default: the defaults.")
    ] = None,
    partition: Partition = None,
) -> None:
    """List the families of networks: what they are for, how large they are, what a training step costs."""
    from flows.models import show_models

    show_models(resolution, channels, classes, measure=measure, settings_file=settings, partition=partition)
