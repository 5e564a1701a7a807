"""`augment-dataset export-generator`: a trained generator as a file that needs nothing of this project."""

from pathlib import Path

from datasets.errors import BadInput
from datasets.readers import resolve_version
from datasets.sources.settings import check_nameable
from flows.output import console
from flows.quiet_tensorflow import import_tensorflow_quietly
from tasks.lineage.record import GENERATOR_FILES
from tasks.published_generator import generator_of

SPEC_FILE = GENERATOR_FILES[0]


def export_generator_of(place: Path, layout: str, out: Path) -> None:
    """Write the export and say how exact it is. Raises BadInput as `generator_folder` and `export_generator` do."""
    check_nameable(place, out)
    folder = generator_folder(place)
    import_tensorflow_quietly()
    from gan.generator_export import export_generator

    record = export_generator(folder, layout, out)
    difference = record["max_abs_difference"]
    console().print(
        f"wrote {out / record['file']} and {out / SPEC_FILE}; largest difference to the generator {difference:.1g}",
        soft_wrap=True,
    )


def generator_folder(place: Path) -> Path:
    """Where the generator lies of: a folder with one, a published synthetic version, or the record of a run (JSON).

    Raises BadInput where there is none.
    """
    if (place / SPEC_FILE).exists():
        return place
    if place.suffix == ".json" and place.is_file():
        return _of_run(place)
    return generator_of(resolve_version(place))


def _of_run(path: Path) -> Path:
    from tasks.report.evidence import Evidence
    from tasks.run import read_run

    folder = Evidence(read_run(path)).folder("train")
    if folder is None or not (folder / SPEC_FILE).exists():
        raise BadInput(f"{path} is of a run that trained no generator, or its workspace is gone; name another run")
    return folder
