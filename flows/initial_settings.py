"""`augment-dataset init`: looks at a folder of images and writes settings that fit it."""

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput
from datasets.sources.registry import open_source
from datasets.sources.settings import SourceSettings
from flows.settings import Settings, validate
from flows.settings_file import settings_text
from tasks.imaging.decode import Decoded, decode
from tasks.preflight import check_source

LOOKED_AT = 60
SIDES_PX = (16, 32, 64, 128)


@dataclass(frozen=True, slots=True)
class Impression:
    """What a few images of a folder look like."""

    images: int
    labelled: bool
    typical_side_px: int
    grey: bool
    photographs: bool  # mostly JPEG


def write_initial_settings(folder: Path, out: Path | None) -> Path:
    """Write settings for a folder of images. Raises BadInput for no such folder, no images, or an existing file."""
    source = SourceSettings(path=folder)
    check_source(source)
    name = dataset_name(folder)
    path = out or Path(f"{name}.yaml")
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


def look(source: SourceSettings) -> Impression:
    """Decode a few images from all over the listing."""
    opened = open_source(source)
    members = [(item.member, item.label) for item in opened.items() if item.problem is None]
    step = max(1, len(members) // LOOKED_AT)
    decoded = []
    for member, _ in islice(members, 0, None, step):
        image = decode(opened.read(member))
        if isinstance(image, Decoded):
            decoded.append(image)
    if not decoded:
        raise BadInput(f"none of {-(-len(members) // step)} files looked at in {source.path} can be decoded")
    sides = sorted(min(image.width_px, image.height_px) for image in decoded)
    formats = Counter(image.format for image in decoded)
    return Impression(
        images=len(members),
        labelled=any(label is not None for _, label in members),
        typical_side_px=sides[len(sides) // 2],
        grey=all(image.image.shape[2] == 1 for image in decoded),
        photographs=formats["jpeg"] > len(decoded) / 2,
    )


def dataset_name(folder: Path) -> str:
    """A valid data set name from a folder's name."""
    name = re.sub(r"[^a-z0-9]+", "_", folder.resolve().name.lower()).strip("_")
    return name if name[:1].isalpha() else f"dataset_{name}".rstrip("_")
