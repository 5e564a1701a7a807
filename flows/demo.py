"""The demo: its settings, and what became of the planted defects."""

from pathlib import Path

from rich.table import Table

from datasets.errors import BadInput
from datasets.manifest import FINDINGS_FILE, read_table
from datasets.sources.settings import check_nameable
from flows.output import console
from flows.settings import load_settings, validate
from flows.settings_file import settings_text
from tasks.demo_data import LICENCE, found_planted, write_digits
from tasks.run import latest_run, read_run, stages_by_name

CLASSIFIER = {"width": 16, "budget_images": 30_000}  # enough for 16x16 grey, and quick
SETTINGS = {
    "dataset": "digits",
    "source": {"path": "digits", "licence": LICENCE},
    "scan": {"channels": 1, "resize": {"width_px": 16, "height_px": 16, "mode": "stretch"}},
    "augment": {"preset": "digits"},
    "train": {"extractor": CLASSIFIER},
    "synthetic_gate": {"classifier": CLASSIFIER},
    "publish": {"description": "Handwritten digits 0 to 9 of 43 people (UCI, by way of scikit-learn), 16x16 grey."},
}


def write_demo(folder: Path) -> Path:
    """Write images and settings where they are not there yet; return the settings file."""
    check_nameable(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_digits(folder / "digits")
    path = folder / "settings.yaml"
    if not path.exists():
        path.write_text(settings_text(validate(SETTINGS, "demo"), str(path)), encoding="utf-8")
    return path


def last_run(settings_file: Path) -> Path | None:
    """The record of the demo's last run, if there was one."""
    try:
        return latest_run(load_settings(settings_file).place.shared)
    except BadInput:
        return None


def show_planted(settings_file: Path, before: Path | None) -> None:
    """Print which of the planted defects this run found, as what. Silent where it wrote no record after `before`.

    Raises RuntimeError where one was missed.
    """
    path = last_run(settings_file)
    stages = stages_by_name(read_run(path)) if path and path != before else {}
    if "curate" not in stages:
        return
    rows = found_planted(read_table(Path(stages["curate"]["path"]) / FINDINGS_FILE).to_pylist())
    missed = [planted.name for planted, finding in rows if finding is None]
    table = Table(title=f"Planted defects: {len(rows) - len(missed)} of {len(rows)} found", title_justify="left")
    for column in ("planted", "file", "found as"):
        table.add_column(column)
    for planted, finding in rows:
        table.add_row(planted.name, planted.member, finding or "NOT FOUND")
    console().print(table)
    if missed:
        raise RuntimeError(f"the demo missed what was planted: {', '.join(missed)}")
