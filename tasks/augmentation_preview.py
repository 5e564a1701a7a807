"""The preview of a run's augmenters: one training image, and what each augmenter alone makes of it."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa

from datasets.image_codec import encode_image
from datasets.manifest import key_text
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.augmenters import AnyAugmenter
from tasks.imaging.augmentation.engine import augmented, variant_seed

PREVIEW_FOLDER = "preview"
ORIGINAL, TOGETHER = "original", "together"
VARIANTS_SHOWN = 5
SHOWN_SIDE_PX = 128
LABEL_PX, GAP_PX, PAPER = 170, 4, 255


def choose_previewed(images: pa.Table, seed: int) -> str | None:
    """Key text of the image that is previewed, drawn by the seed; None where there is no image."""
    if not len(images):
        return None
    place = int(np.random.default_rng([seed, 0]).integers(len(images)))
    return key_text(images.slice(place, 1).to_pylist()[0])


def write_preview(settings: AugmentationSettings, image: np.ndarray, seed: int, out: Path) -> None:
    """Write `preview/original.png`, and a strip of variants for each augmenter and for all together.

    An augmenter that is drawn for a share of the copies is shown each time.
    """
    folder = out / PREVIEW_FOLDER
    folder.mkdir(exist_ok=True)
    _write(folder / f"{ORIGINAL}.png", [image])
    for name, augmenters in previews(settings, image.shape[2]).items():
        seeds = [variant_seed(seed, name, number) for number in range(VARIANTS_SHOWN)]
        _write(folder / f"{name}.png", [augmented(image, augmenters, one) for one in seeds])


def previews(settings: AugmentationSettings, channels: int) -> dict[str, tuple[AnyAugmenter, ...]]:
    """What is shown, by the name of its file: `00-rotate` for the first augmenter, last all together."""
    listed = settings.applied_to(channels)
    alone = {
        f"{place:02}-{step.kind}": (step.model_copy(update={"probability": 1.0}),) for place, step in enumerate(listed)
    }
    return alone | {TOGETHER: listed}


def _write(path: Path, images: list[np.ndarray]) -> None:
    path.write_bytes(encode_image(np.concatenate([_shrunk(image) for image in images], axis=1), "png"))


def _shrunk(image: np.ndarray) -> np.ndarray:
    height_px, width_px, channels = image.shape
    factor = SHOWN_SIDE_PX / max(height_px, width_px)
    if factor >= 1:
        return image
    size = (max(1, round(width_px * factor)), max(1, round(height_px * factor)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)).reshape(size[1], size[0], channels)


def contact_sheet(settings: AugmentationSettings, image: np.ndarray, seed: int) -> np.ndarray:
    """uint8 [H, W, C] -> uint8 [rows, columns, 3]: per augmenter its name, the image, and variants of it."""
    rows = []
    for name, augmenters in previews(settings, image.shape[2]).items():
        seeds = [variant_seed(seed, name, number) for number in range(VARIANTS_SHOWN)]
        cells = [_cell(one) for one in (image, *(augmented(image, augmenters, one) for one in seeds))]
        label = np.full((cells[0].shape[0], LABEL_PX, 3), PAPER, np.uint8)
        where = (GAP_PX, label.shape[0] // 2 + GAP_PX)
        cv2.putText(label, name, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
        rows.append(np.concatenate([label, *cells], axis=1))
    return np.concatenate(rows)


def _cell(image: np.ndarray) -> np.ndarray:
    """In colour, small ones enlarged, with a margin."""
    coloured = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    factor = max(1, SHOWN_SIDE_PX // max(image.shape[:2]))
    shown = np.repeat(np.repeat(_shrunk(coloured), factor, axis=0), factor, axis=1)
    return np.pad(shown, ((GAP_PX, 0), (GAP_PX, 0), (0, 0)), constant_values=PAPER)
