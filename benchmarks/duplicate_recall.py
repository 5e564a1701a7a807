"""How many planted near copies are found, of each kind, and how many pairs are found among different photographs.

    python -m benchmarks.duplicate_recall PHOTOGRAPHS [--images 300] [--half 1] [--idx train-images-idx3-ubyte.gz]

PHOTOGRAPHS is a folder of colour photographs without near copies. They are halved by a hash of their names: settings
were chosen on half 0, figures are of half 1. Copies are planted for `--images` photographs of the half, among all
photographs. With `--idx`, pairs among those grey images are counted too, and drawn to `--sheet` to be looked at.
"""

import argparse
import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from tasks.imaging.decode import decode
from tasks.imaging.duplicates import DuplicateSettings, near_copies
from tasks.imaging.measures import measure

Image = np.ndarray
_QUALITY = 90
_COLUMNS = 5
_TILE_PX = 64


def as_jpeg(image: Image, quality: int = _QUALITY) -> Image:
    """Stored as JPEG and read again."""
    return simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", "420"), "RGB")


def resized(image: Image, factor: float) -> Image:
    """Made smaller by area."""
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def cut(image: Image, share: float, rng: np.random.Generator) -> Image:
    """A window that is smaller by a share of width and of height, anywhere in the picture."""
    height, width = (round(side * (1 - share)) for side in image.shape[:2])
    top, left = (int(rng.integers(0, room + 1)) for room in (image.shape[0] - height, image.shape[1] - width))
    return image[top : top + height, left : left + width]


def turned(image: Image, degrees: float) -> Image:
    """Turned about the centre, with black corners."""
    height, width = image.shape[:2]
    return cv2.warpAffine(
        image, cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), degrees, 1), (width, height)
    )


def scaled(image: Image, factor: float) -> Image:
    """Brighter or darker."""
    return np.clip(np.rint(image * factor), 0, 255).astype(np.uint8)


def marked(image: Image) -> Image:
    """Half-transparent white text across the middle."""
    height, width = image.shape[:2]
    place, size = (int(0.08 * width), int(0.55 * height)), width / 400
    text = cv2.putText(
        image.copy(), "(c) sample 2024", place, cv2.FONT_HERSHEY_SIMPLEX, 1.2 * size, (255, 255, 255),
        max(1, round(3 * size)), cv2.LINE_AA,
    )  # fmt: skip
    return cv2.addWeighted(text, 0.5, image, 0.5, 0)


KINDS: dict[str, Callable[[Image, np.random.Generator], Image]] = {
    "JPEG, quality 75": lambda image, rng: as_jpeg(image, 75),
    "JPEG, quality 50": lambda image, rng: as_jpeg(image, 50),
    "75 % of the size": lambda image, rng: as_jpeg(resized(image, 0.75)),
    "50 % of the size": lambda image, rng: as_jpeg(resized(image, 0.5)),
    "3 % cut": lambda image, rng: as_jpeg(cut(image, 0.03, rng)),
    "10 % cut": lambda image, rng: as_jpeg(cut(image, 0.1, rng)),
    "20 % cut": lambda image, rng: as_jpeg(cut(image, 0.2, rng)),
    "mirrored": lambda image, rng: as_jpeg(image[:, ::-1]),
    "mirrored, 3 % cut": lambda image, rng: as_jpeg(cut(image[:, ::-1], 0.03, rng)),
    "turned by 2°": lambda image, rng: as_jpeg(turned(image, float(rng.choice([-2, 2])))),
    "turned by 5°": lambda image, rng: as_jpeg(turned(image, float(rng.choice([-5, 5])))),
    "10 % brighter": lambda image, rng: as_jpeg(scaled(image, 1.1)),
    "10 % darker": lambda image, rng: as_jpeg(scaled(image, 0.9)),
    "watermark": lambda image, rng: as_jpeg(marked(image)),
    "turned by 90°": lambda image, rng: as_jpeg(np.rot90(image)),
}


class Prints:
    """Hashes and thumbnails of images, and which photograph and kind each is."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, int, int, int]] = []  # hash, mirror hash, shorter side, photograph
        self.thumbnails: list[np.ndarray] = []

    def add(self, image: Image, photograph: int) -> int:
        """Returns its number."""
        measures = measure(np.ascontiguousarray(image))
        self.rows.append((measures["phash"], measures["phash_mirror"], min(image.shape[:2]), photograph))
        self.thumbnails.append(np.frombuffer(measures["thumbnail"], np.uint8))
        return len(self.rows) - 1

    def pairs(self, settings: DuplicateSettings) -> list[tuple[int, int]]:
        """Near copies among all of them."""
        codes = [np.array([row[column] for row in self.rows], np.uint64) for column in (0, 1)]
        sides = np.array([row[2] for row in self.rows])
        rows = np.arange(len(self.rows))
        found = near_copies(rows, *codes, np.stack(self.thumbnails), sides, settings)
        return [(left, right) for left, right in found.pairs.tolist()]


def main() -> None:
    """Print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--images", type=int, default=300)
    parser.add_argument("--half", type=int, default=1)
    parser.add_argument("--idx", type=Path)
    parser.add_argument("--sheet", type=Path, default=Path("pairs.png"))
    chosen = parser.parse_args()
    files = sorted(chosen.photographs.rglob("*.jpg"))
    in_half = [number for number, file in enumerate(files) if half_of(file) == chosen.half]
    planted = set(np.random.default_rng(0).permutation(in_half)[: chosen.images].tolist())
    report_photographs(files, planted)
    if chosen.idx:
        report_idx(chosen.idx, chosen.sheet)


def half_of(file: Path) -> int:
    """0 or 1, by name."""
    return hashlib.sha256(file.name.encode()).digest()[-1] % 2


def report_photographs(files: list[Path], planted: set[int]) -> None:
    """Recall of each kind, for whole copies only and for edited copies too; false pairs."""
    prints = Prints()
    copies: dict[str, list[tuple[int, int]]] = {kind: [] for kind in KINDS}
    for number, file in enumerate(files):
        image = decode(file.read_bytes()).image
        original = prints.add(image, number)
        if number in planted:
            rng = np.random.default_rng(number)
            for kind, change in KINDS.items():
                copies[kind].append((original, prints.add(change(image, rng), number)))
    found = {edited: set(prints.pairs(DuplicateSettings(find_edited=edited))) for edited in (False, True)}
    print(f"| copy of {len(planted)} photographs | found | of them as a whole |\n|---|---|---|")
    for kind, pairs in copies.items():
        shares = [sum(pair in found[edited] for pair in pairs) / len(pairs) for edited in (True, False)]
        print(f"| {kind} | {shares[0]:.1%} | {shares[1]:.1%} |")
    strangers = {
        tuple(sorted((prints.rows[left][3], prints.rows[right][3])))
        for left, right in found[True]
        if prints.rows[left][3] != prints.rows[right][3]
    }
    print(f"\nPairs of different photographs: {len(strangers)} among {len(files):,}.")
    for left, right in sorted(strangers):
        print(f"- {files[left].name} and {files[right].name}")


def report_idx(path: Path, sheet: Path) -> None:
    """Pairs among the images of an IDX file."""
    payload = path.read_bytes()
    payload = gzip.decompress(payload) if payload[:2] == b"\x1f\x8b" else payload
    count, height, width = np.frombuffer(payload, ">u4", 3, 4).tolist()
    images = np.frombuffer(payload, np.uint8, offset=16).reshape(count, height, width)
    prints = Prints()
    for number, image in enumerate(images):
        prints.add(image[..., np.newaxis], number)
    pairs = prints.pairs(DuplicateSettings())
    print(f"\nPairs among the {count:,} images of {path.name}: {len(pairs)}; see {sheet}.")
    draw(images, pairs, sheet)


def draw(images: np.ndarray, pairs: list[tuple[int, int]], sheet: Path) -> None:
    """Each pair side by side, with the difference, dark where they differ."""
    tiles = []
    for left, right in pairs:
        one, other = images[left].astype(int), images[right].astype(int)
        if np.abs(one - other[:, ::-1]).mean() < np.abs(one - other).mean():
            other = other[:, ::-1]
        panels = [panel.astype(np.uint8) for panel in (one, other, 255 - np.minimum(255, 2 * np.abs(one - other)))]
        enlarged = [cv2.resize(panel, (_TILE_PX, _TILE_PX), interpolation=cv2.INTER_NEAREST) for panel in panels]
        tiles.append(cv2.copyMakeBorder(np.hstack(enlarged), 2, 2, 2, 8, cv2.BORDER_CONSTANT, value=128))
    if tiles:
        tiles += [np.full_like(tiles[0], 128)] * (-len(tiles) % _COLUMNS)
        rows = [np.hstack(tiles[start : start + _COLUMNS]) for start in range(0, len(tiles), _COLUMNS)]
        cv2.imwrite(str(sheet), np.vstack(rows))


if __name__ == "__main__":
    main()
