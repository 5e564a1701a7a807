"""`augment-dataset init`: looks at a folder of images and writes settings that fit it."""

import math
import tempfile
from pathlib import Path

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput
from datasets.sources.auto import AutoSettings, detected
from datasets.sources.base import Source
from datasets.sources.registry import KINDS, open_source
from datasets.sources.settings import CommonSourceSettings
from datasets.sources.url_list import UrlListSettings
from flows.settings import NAME_LENGTH, Settings, validate
from flows.settings_file import settings_text
from tasks.impression import Impression, look
from tasks.preflight import check_not_inside
from tasks.progress import silent
from tasks.survey import check_holds_images

SIDES_PX = (16, 32, 64)  # up to what a CPU trains in reasonable time
LOOKED_AT_URLS = 50


def write_initial_settings(location: str, kind: str, out: Path | None) -> Path:
    """Write settings for images at a location, never into it: workspace and published lie beside them.

    Without `out` they go into the current folder, or beside the folder of images where that is the current one.
    Raises BadInput for no such place, no images, a file among the images, or one that exists.
    """
    source = source_at(location, kind)
    name = dataset_name(source)
    path = out or _place_for(f"{name}.yaml", source)
    for images in source.local_paths:
        check_not_inside("settings file", path, images)
    if path.exists():
        raise BadInput(f"{path} exists already; remove it, or name another file with --out")
    with tempfile.TemporaryDirectory(prefix="augment-dataset-init-") as scratch:
        found, seen = _looked_at(source, Path(scratch))
        settings = propose(name, found, seen)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text_atomically(path, settings_text(settings, str(path)))
    return path


def source_at(location: str, kind: str) -> CommonSourceSettings:
    """Settings of a source of a kind that needs nothing but a path, made absolute. Raises BadInput."""
    if kind not in KINDS:
        raise BadInput(f"--kind {kind} is no kind of a single source; allowed are {', '.join(KINDS)}")
    needed = [name for name, field in KINDS[kind].settings.model_fields.items() if field.is_required()]
    if missing := sorted(set(needed) - {"kind", "path"}):
        raise BadInput(
            f"--kind {kind} also needs {', '.join(missing)}; write these into a settings file "
            "(docs/sources.md has one to copy), and give that to `prepare`"
        )
    record = {"dataset": "any", "source": {"kind": kind, "path": location}}
    (source,) = validate(record, f"--kind {kind}").source.leaves
    return source.resolved(Path.cwd())


def _looked_at(source: CommonSourceSettings, scratch: Path) -> tuple[CommonSourceSettings, Impression]:
    """The kind that it is found to be, and a look at some images, after fetching what has to be fetched for that."""
    cache = scratch / source.resolved_name
    wanted = source
    if isinstance(source, UrlListSettings):  # a look is no reason to download all
        source = source.model_copy(update={"limit": LOOKED_AT_URLS})
    _fetched(source, cache)
    check_holds_images(source, scratch)
    found = detected(source, cache) if isinstance(source, AutoSettings) else source
    seen = look(_fetched(found, cache))
    return (wanted if found is source else found), seen


def _fetched(settings: CommonSourceSettings, cache: Path) -> Source:
    source = open_source(settings, cache)
    if not source.is_fetched:
        source.fetch(silent)
    return open_source(settings, cache)


def propose(name: str, source: CommonSourceSettings, seen: Impression) -> Settings:
    """Settings for what was seen: size, colour and encoding from the images, presets from their kind."""
    side_px = min(SIDES_PX, key=lambda side: abs(math.log2(side / seen.typical_side_px)))
    record = {
        "dataset": name,
        "source": source.model_dump(exclude_defaults=True),
        "scan": {
            "channels": 1 if seen.grey else 3,
            "resize": {"width_px": side_px, "height_px": side_px, "mode": "pad"},
            "encoding": "jpeg" if seen.photographs else "png",
        },
        "augment": {"preset": preset_for(seen)},
        "curate": {"min_side_px": min(8, seen.typical_side_px)},
    }
    return validate(record, "proposed settings")


def preset_for(seen: Impression) -> str:
    """Characters must not be flipped, and grey images have no colours to vary."""
    if seen.characters:
        return "digits"
    return "photographs" if seen.photographs and not seen.grey else "light"


def dataset_name(source: CommonSourceSettings) -> str:
    """A valid data set name from that of a source."""
    name = source.resolved_name
    name = name if name[:1].isalpha() else f"dataset_{name}"
    return name[:NAME_LENGTH].rstrip("_")


def _place_for(file: str, source: CommonSourceSettings) -> Path:
    """In the current folder, unless that is the folder of images or inside it."""
    around = [path for path in source.local_paths if Path.cwd().is_relative_to(path)]
    return around[0].parent / file if around else Path(file)
