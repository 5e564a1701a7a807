"""`augment-dataset init`: looks at a folder of images and writes settings that fit it."""

import re
from pathlib import Path

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput
from datasets.sources.settings import SourceSettings
from flows.settings import NAME_LENGTH, Settings, validate
from flows.settings_file import settings_text
from tasks.impression import Impression, look
from tasks.preflight import check_not_inside, check_source

SIDES_PX = (16, 32, 64, 128)


def write_initial_settings(folder: Path, out: Path | None) -> Path:
    """Write settings for a folder of images, never into it: workspace and published lie beside them.

    Without `out` they go into the current folder, or beside the folder of images where that is the current one.
    Raises BadInput for no such folder, no images, a file among the images, or one that exists.
    """
    source = SourceSettings(path=folder)
    check_source(source)
    name = dataset_name(folder)
    path = out or _place_for(f"{name}.yaml", folder)
    check_not_inside("settings file", path, folder)
    if path.exists():
        raise BadInput(f"{path} exists already; remove it, or name another file with --out")
    settings = propose(name, folder.resolve(), look(source))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, settings_text(settings, str(path)))
    return path


def propose(name: str, folder: Path, seen: Impression) -> Settings:
    """Settings for what was seen: size, colour and encoding from the images, presets from their kind."""
    side_px = next((side for side in reversed(SIDES_PX) if side <= max(seen.typical_side_px, SIDES_PX[0])), SIDES_PX[0])
    side_px = min(side_px, 64)  # what a CPU trains in reasonable time
    record = {
        "dataset": name,
        "source": {"path": str(folder)},
        "scan": {
            "channels": 1 if seen.grey else 3,
            "resize": {"width_px": side_px, "height_px": side_px, "mode": "pad"},
            "encoding": "jpeg" if seen.photographs else "png",
        },
        "curate": {"min_side_px": min(8, seen.typical_side_px)},
    }
    return validate(record, "proposed settings")


def dataset_name(folder: Path) -> str:
    """A valid data set name from a folder's name."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    name = name if name[:1].isalpha() else f"dataset_{name}"
    return name[:NAME_LENGTH].rstrip("_")


def _place_for(file: str, folder: Path) -> Path:
    """In the current folder, unless that is the folder of images or inside it."""
    images = folder.resolve()
    return images.parent / file if Path.cwd().is_relative_to(images) else Path(file)
