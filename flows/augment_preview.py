"""`augment-dataset augment-preview`: what the settings make of an image, before any run."""

import hashlib
from itertools import islice
from pathlib import Path

import numpy as np

from datasets.errors import BadInput
from datasets.image_codec import decode_image, encode_image
from flows.output import console
from flows.settings import Settings, load_settings
from tasks.augmentation_preview import contact_sheet
from tasks.scanning.file import scan_payload

IMAGES_SHOWN = 3
FILES_TRIED = 30


def preview_augmentation(location: Path, settings_file: Path, out: Path, partition: str | None = None) -> None:
    """Write a PNG with a row per augmenter and one of all together, for an image or a few of a folder.

    Raises BadInput where nothing there can be decoded, `out` is no PNG or exists, or the settings make no copies.
    """
    settings = load_settings(settings_file, {"partition": partition})
    if out.suffix.lower() != ".png":
        raise BadInput(f"--out {out} is no PNG; give it a name that ends in .png")
    if out.exists():
        raise BadInput(f"{out} exists already; remove it, or name another file with --out")
    if not settings.augment.listed:
        raise BadInput(f"{settings_file} makes no copies; set augment.preset or augment.augmenters")
    images = (_prepared(path, settings) for path in _files(location, settings.seed))
    shown = list(islice((image for image in images if image is not None), IMAGES_SHOWN))
    if not shown:
        raise BadInput(f"nothing in {location} can be decoded as an image; give a sound image or a folder of them")
    sheets = [contact_sheet(settings.augment, image, settings.seed) for image in shown]
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(encode_image(np.concatenate(sheets), "png"))
    console().print(f"wrote {out}: an image and its variants in each row, the last row by all augmenters together")


def _files(location: Path, seed: int) -> list[Path]:
    """The file, or some of all below a folder, drawn by the seed; more than are shown, as not all may be images."""
    if location.is_file():
        return [location]
    if not location.is_dir():
        raise BadInput(f"{location} does not exist; give an image or a folder of images")
    found = sorted(path for path in location.rglob("*") if path.is_file() and not path.name.startswith("."))
    drawn = np.random.default_rng(seed).permutation(len(found))[:FILES_TRIED]
    return [found[index] for index in drawn]


def _prepared(path: Path, settings: Settings) -> np.ndarray | None:
    """The image as a run would prepare it; None where it would be rejected."""
    try:
        payload = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read ({error.strerror})") from None
    first = next(scan_payload(settings.scan, payload, hashlib.sha256(payload).hexdigest()))
    return None if first.prepared is None else decode_image(first.prepared)
