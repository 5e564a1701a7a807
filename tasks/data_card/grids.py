"""Sample grids beside a card: a line of images per class, its name in front, as PNG files of bounded size."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from datasets.image_codec import encode_image
from datasets.record_stream import stream
from datasets.tfds_layout import Index

GRID_FOLDER = "samples"
COLUMNS = 8
MOST_CLASSES = 32
MOST_RECORDS = 20_000
CELL_SIDE_PX = 48
MOST_NAME_PX = 120
GAP_PX = 2
BACKGROUND = 128
_FONT_PX = 12
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


@dataclass(frozen=True, slots=True)
class Grid:
    """A PNG by its name relative to the card, and what it shows, in words."""

    file: str
    shows: str


def write_grids(shards: Path, index: Index, splits: Sequence[str], folder: Path) -> list[Grid]:
    """A grid of each split, of shards in a folder, into `folder`/samples. A split without images has none."""
    names = index.features.class_names or ("all",)
    grids = []
    for split in splits:
        if split not in index.splits or not index.records(split):
            continue
        rows = _first_of_each(shards, split, len(names))
        (folder / GRID_FOLDER).mkdir(exist_ok=True)
        file = f"{GRID_FOLDER}/{split}.png"
        (folder / file).write_bytes(encode_image(grid([(names[label], rows[label]) for label in sorted(rows)]), "png"))
        grids.append(Grid(file, f"{split}: {', '.join(names[label] for label in sorted(rows))}, from top to bottom"))
    return grids


def _first_of_each(shards: Path, split: str, classes: int) -> dict[int, list[np.ndarray]]:
    """Class id -> its first images uint8 [H, W, C]; shards are shuffled, so the first are as good as any."""
    shown = min(classes, MOST_CLASSES)
    rows: dict[int, list[np.ndarray]] = {}
    for number, item in enumerate(stream(shards, split)):
        if number >= MOST_RECORDS or sum(map(len, rows.values())) == shown * COLUMNS:
            break
        label = item.label or 0
        if label < shown and len(rows.setdefault(label, [])) < COLUMNS:
            rows[label].append(item.image)
    return {label: images for label, images in rows.items() if images}


def grid(rows: Sequence[tuple[str, Sequence[np.ndarray]]]) -> np.ndarray:
    """Lines of (name, images uint8 [H, W, C]) -> uint8 [height, width, 3] on mid grey."""
    font = ImageFont.load_default(_FONT_PX)
    names = [_shortened(name, font) for name, _ in rows]
    names_px = round(max((font.getlength(name) for name in names), default=0)) + 3 * GAP_PX
    height = len(rows) * (CELL_SIDE_PX + GAP_PX) + GAP_PX
    width = names_px + COLUMNS * (CELL_SIDE_PX + GAP_PX) + GAP_PX
    picture = np.full((height, width, 3), BACKGROUND, np.uint8)
    for line, (_, images) in enumerate(rows):
        top = GAP_PX + line * (CELL_SIDE_PX + GAP_PX)
        for column, image in enumerate(images):
            cell = _cell(image)
            left = names_px + column * (CELL_SIDE_PX + GAP_PX)
            down, right = ((CELL_SIDE_PX - side) // 2 for side in cell.shape[:2])
            picture[top + down : top + down + cell.shape[0], left + right : left + right + cell.shape[1]] = cell
    return _with_names(picture, names, font)


def _cell(image: np.ndarray) -> np.ndarray:
    """uint8 [H, W, 1 or 3] -> RGB with its longer side as long as a cell: averaged by area, or whole pixels larger."""
    height, width = image.shape[:2]
    if max(height, width) <= CELL_SIDE_PX:
        factor = CELL_SIDE_PX // max(height, width)
        sized = np.repeat(np.repeat(image, factor, axis=0), factor, axis=1)
    else:
        scale = CELL_SIDE_PX / max(height, width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        sized = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA)).reshape(size[1], size[0], -1)
    return np.repeat(sized, 3, axis=2) if sized.shape[2] == 1 else sized


def _shortened(name: str, font: Font) -> str:
    """So long that it fits beside the images."""
    shown = name
    while font.getlength(shown) > MOST_NAME_PX:
        shown = shown.rstrip("…")[:-1] + "…"
    return shown


def _with_names(picture: np.ndarray, names: Sequence[str], font: Font) -> np.ndarray:
    drawn = Image.fromarray(picture)
    pen = ImageDraw.Draw(drawn)
    for line, name in enumerate(names):
        top = GAP_PX + line * (CELL_SIDE_PX + GAP_PX) + (CELL_SIDE_PX - _FONT_PX) // 2
        pen.text((GAP_PX, top), name, fill=(255, 255, 255), font=font)
    return np.asarray(drawn)
