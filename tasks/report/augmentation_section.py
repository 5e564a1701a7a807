"""The section on augmentation: what each augmenter alone does to an image, and copies beside their images."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import ValidationError

from datasets.errors import FormatError
from datasets.image_codec import decode_image
from datasets.manifest import key_text
from datasets.splits import training_rows
from tasks.augmentation_preview import ORIGINAL, PREVIEW_FOLDER, TOGETHER, VARIANTS_SHOWN
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.augmenters import AnyAugmenter
from tasks.report.absent import Absent
from tasks.report.evidence import Evidence
from tasks.report.picks import pick_rows, where
from tasks.report.pictures import PACK_COLUMNS, Album

IMAGES_SHOWN = 8
COPIES_SHOWN = 4


def augmentation(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """The augmenters one by one and together, what was left out, and training images beside their copies."""
    copies = evidence.manifest("augment", ["derived_from", *PACK_COLUMNS])
    real = evidence.manifest("split", ["source", "member", "frame", "label", "split", *PACK_COLUMNS])
    if copies is None or real is None:
        return Absent("no copies of training images were made in this run")
    if not len(copies):
        return Absent("augmentation is switched off")
    made_of = training_rows(real)
    rows = pick_rows(made_of, IMAGES_SHOWN, evidence.seed, "augmented")
    return {
        "total": len(copies),
        "notes": notes(evidence),
        "original": _original(evidence, album),
        "augmenters": _previews(evidence, album),
        "rows": [_with_copies(album, row, copies) for row in rows],
    }


def notes(evidence: Evidence) -> list[str]:
    """What the stage did not do, in sentences."""
    summary = evidence.stages["augment"]["summary"] if "augment" in evidence.stages else {}
    told = []
    if left_out := summary.get("left_out_for_grey"):
        told.append(f"Left out, as it needs colour and these images are grey: {', '.join(left_out)}.")
    for kind, names in _forbidden_kinds(evidence).items():
        told.append(f"Forbidden to the class {kind}: {', '.join(names)}.")
    if not_varied := summary.get("images_not_varied"):
        told.append(f"{not_varied:,} training images have no copies, as all augmenters are forbidden to their class.")
    if unchanged := summary.get("unchanged_copies"):
        told.append(
            f"{unchanged:,} copies equal their image, as no augmenter was drawn for them or none had an effect."
        )
    return told


def described(augmenter: AnyAugmenter) -> str:
    """The settings of an augmenter in a line, e.g. `degrees -5 to 5, probability 0.3`."""
    shown = augmenter.model_dump(exclude={"kind"})
    return ", ".join(f"{name} {_text(value)}" for name, value in shown.items())


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        low, high = value
        return f"{low:g}" if low == high else f"{low:g} to {high:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _settings(evidence: Evidence) -> AugmentationSettings | None:
    """Those of the run; None for a record of other settings than today's."""
    try:
        return AugmentationSettings.model_validate(evidence.record["settings"].get("augment", {}))
    except ValidationError:
        return None


def _forbidden_kinds(evidence: Evidence) -> Mapping[str, tuple[str, ...]]:
    settings = _settings(evidence)
    return settings.forbidden if settings else {}


def _original(evidence: Evidence, album: Album) -> Any:
    image = _preview(evidence, ORIGINAL)
    return None if image is None else album.picture(image, "the image that the augmenters below are shown on")


def _previews(evidence: Evidence, album: Album) -> list[dict[str, Any]]:
    """A row per augmenter, the last one of all together."""
    folder, settings = evidence.folder("augment"), _settings(evidence)
    if folder is None or settings is None:
        return []
    rows = []
    channels = 1 if (original := _preview(evidence, ORIGINAL)) is not None and original.shape[2] == 1 else 3
    listed = settings.applied_to(channels)
    for path in sorted((folder / PREVIEW_FOLDER).glob("[0-9]*-*.png")):
        place, _, kind = path.stem.partition("-")
        setting = described(listed[int(place)]) if int(place) < len(listed) else ""
        rows.append(_row(evidence, album, path, kind, setting))
    if rows:
        rows.append(_row(evidence, album, folder / PREVIEW_FOLDER / f"{TOGETHER}.png", "all together", ""))
    return rows


def _row(evidence: Evidence, album: Album, path: Path, name: str, setting: str) -> dict[str, Any]:
    strip = _preview(evidence, path.stem)
    variants = [] if strip is None else np.split(strip, VARIANTS_SHOWN, axis=1)
    alt = f"{name}: {len(variants)} variants of the image"
    return {"name": name, "setting": setting, "picture": album.strip(variants, alt)}


def _preview(evidence: Evidence, name: str) -> np.ndarray | None:
    folder = evidence.folder("augment")
    path = folder / PREVIEW_FOLDER / f"{name}.png" if folder else None
    try:
        return decode_image(path.read_bytes()) if path and path.is_file() else None
    except FormatError:
        return None


def _with_copies(album: Album, row: Mapping[str, Any], copies: pa.Table) -> dict[str, Any]:
    of_row = where(copies, "derived_from", [key_text(dict(row))]).slice(0, COPIES_SHOWN).to_pylist()
    return {
        "name": row["member"],
        "real": album.cell(row, f"{row['member']}, real"),
        "copies": [album.cell(copy, f"{row['member']}, augmented copy {n}") for n, copy in enumerate(of_row, start=1)],
    }
