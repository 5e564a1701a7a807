"""Images of any source as arrays of one size: for a gate on data that was not made here."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.errors import BadInput
from datasets.sources.base import PROBLEMS, Source, SourceItem
from datasets.sources.registry import KINDS, open_source, source_settings
from datasets.sources.settings import CommonSourceSettings
from tasks.imaging.decode import Undecodable, decode
from tasks.imaging.operations.channels import to_channels
from tasks.imaging.operations.resize import ResizeMode, ResizeSettings, resize
from tasks.progress import Progress, silent

MAX_IMAGES = "--max-images"
LOOKED_AT = 200  # images of a set whose sizes are counted
MAX_SIDE_PX, MIN_SIDE_PX = 128, 4
MAX_LEFT_OUT = 0.5
NOT_REAL = "not_real"


@dataclass(frozen=True, slots=True)
class Shape:
    """What all images are brought to, and how."""

    width_px: int
    height_px: int
    channels: int
    mode: ResizeMode

    def applied_to(self, image: np.ndarray) -> np.ndarray:
        """uint8 [H, W, 1 or 3] -> uint8 [height_px, width_px, channels]."""
        settings = ResizeSettings(width_px=self.width_px, height_px=self.height_px, mode=self.mode)
        return to_channels(resize(image, settings), self.channels)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """`images` uint8 [N, H, W, C]; per image label and split as its source says, and the name in it."""

    images: np.ndarray
    labels: list[str | None]
    splits: list[str | None]
    ids: list[str]
    left_out: Counter[str]  # why -> how many

    @property
    def is_labelled(self) -> bool:
        """Whether every image has a label."""
        return None not in self.labels


@dataclass(frozen=True, slots=True)
class Listing:
    """The members of a source that can be read, at most so many, and why others are left out."""

    place: str
    source: Source
    items: list[SourceItem]
    left_out: Counter[str]

    def decoded(self) -> Iterator[tuple[SourceItem, np.ndarray | str]]:
        """Each with its image uint8 [H, W, C], or why it cannot be decoded."""
        for item in self.items:
            yield item, _decoded(self.source, item)


def list_images(
    settings: CommonSourceSettings, cache: Path, most: int, seed: int, synthetic: bool, progress: Progress = silent
) -> Listing:
    """The images of any kind of source, at most `most`, drawn by the seed.

    On the real side images that say that they are synthetic or augmented are left out. Raises BadInput where there is
    no source of images, or none that can be read.
    """
    source = open_source(settings, cache)
    if not source.is_fetched:
        source.fetch(progress)
        source = open_source(settings, cache)
    items, left_out = [], Counter[str]()
    first = ""
    for item in source.items():
        if item.problem is None or (synthetic and item.problem == NOT_REAL):
            items.append(item)
        else:
            left_out[PROBLEMS[item.problem].sentence] += 1
            first = first or f"{item.member}: {item.detail or PROBLEMS[item.problem].sentence}"
    if not items:
        raise BadInput(
            f"{settings.place}: no image can be read{f' ({first})' if first else ''}; give a folder with images"
        )
    if len(items) > most:
        left_out[f"more than {most} images ({MAX_IMAGES})"] += len(items) - most
        chosen = {item.member for item in sorted(items, key=lambda item: _rank(seed, item.member))[:most]}
        items = [item for item in items if item.member in chosen]
    return Listing(settings.place, source, items, left_out)


def common_shape(
    synthetic: Listing, real: Listing, side_px: int | None = None, mode: ResizeMode = "stretch"
) -> tuple[Shape, str]:
    """The shape that both sets get, and the sentence that says which it is and why.

    It is the commonest size of the synthetic images, made smaller where it is more than 128 px, or a square of
    `side_px`; grey where all images that are looked at are.
    """
    sizes, channels = Counter[tuple[int, int]](), 1
    for listing in (synthetic, real):
        for number, (_, image) in enumerate(listing.decoded()):
            if number == LOOKED_AT:
                break
            if isinstance(image, str):
                continue
            channels = max(channels, image.shape[2])
            if listing is synthetic:
                sizes[image.shape[1], image.shape[0]] += 1
    if not sizes:
        raise BadInput(f"{synthetic.place}: none of its first {LOOKED_AT} images can be decoded; give sound images")
    (width_px, height_px), _ = sizes.most_common(1)[0]
    why = "the commonest size of the synthetic images"
    if side_px is not None:
        width_px, height_px, why = side_px, side_px, "--side"
    elif max(width_px, height_px) > MAX_SIDE_PX:
        shrink = MAX_SIDE_PX / max(width_px, height_px)
        width_px, height_px = round(width_px * shrink), round(height_px * shrink)
        why += f" made smaller to {MAX_SIDE_PX} px (--side changes it)"
    width_px, height_px = max(MIN_SIDE_PX, width_px), max(MIN_SIDE_PX, height_px)
    shape = Shape(width_px, height_px, channels, mode)
    kind = "grey" if channels == 1 else "colour"
    said = f"both sets as {width_px}x{height_px} {kind}, {why}; images of other sizes are resized ({mode}: "
    return shape, f"{said}smaller by area, larger by bicubic)"


def read_images(listing: Listing, shape: Shape, progress: Progress = silent) -> ImageSet:
    """Decode all and bring them to one shape. What cannot be decoded, or lacks a label that others have, is left out.

    Raises BadInput where that is more than half.
    """
    total = len(listing.items)
    images = np.empty((total, shape.height_px, shape.width_px, shape.channels), np.uint8)
    left_out = Counter(listing.left_out)
    kept: list[SourceItem] = []
    has_labels = any(item.label is not None for item in listing.items)
    first = ""
    for number, (item, image) in enumerate(listing.decoded(), start=1):
        progress(number, total)
        why = image if isinstance(image, str) else None
        if why is None and has_labels and item.label is None:
            why = "no label, which others have"
        if why is not None or isinstance(image, str):
            left_out[str(why)] += 1
            first = first or f"{item.member}: {why}"
            continue
        images[len(kept)] = shape.applied_to(image)
        kept.append(item)
    if len(kept) < MAX_LEFT_OUT * total or not kept:
        raise BadInput(
            f"{listing.place}: {total - len(kept)} of {total} images cannot be used ({first}); "
            "`augment-dataset check` names all"
        )
    return ImageSet(
        images[: len(kept)],
        [item.label for item in kept],
        [item.split for item in kept],
        [item.member for item in kept],
        left_out,
    )


def read_sets(
    real: Path,
    synthetic: Path,
    *,
    kind: str,
    side_px: int | None,
    mode: ResizeMode,
    most: int,
    seed: int,
    progress: Callable[[str], Progress],
) -> tuple[ImageSet, ImageSet, str]:
    """Both sets in their common shape, and the sentence that says which. `progress` by what is done."""
    with tempfile.TemporaryDirectory(prefix="augment-dataset-gate-") as cache:
        listings: Sequence[Listing] = [
            list_images(
                _settings(path, kind), Path(cache) / name, most, seed, name == "synthetic", progress(f"list {name}")
            )
            for name, path in (("real", real), ("synthetic", synthetic))
        ]
        shape, said = common_shape(listings[1], listings[0], side_px, mode)
        found = [
            read_images(listing, shape, progress(f"read {name}"))
            for listing, name in zip(listings, ("real", "synthetic"), strict=True)
        ]
    return found[0], found[1], said


def _settings(path: Path, kind: str) -> CommonSourceSettings:
    if kind not in KINDS:
        raise BadInput(f"--kind is {kind}; allowed are {', '.join(KINDS)}")
    found = source_settings(kind=kind, path=str(path))
    assert isinstance(found, CommonSourceSettings)
    return found


def left_out_sentence(name: str, left_out: Counter[str]) -> str | None:
    """What is said of images that were left out, None where there are none."""
    if not left_out:
        return None
    reasons = ", ".join(f"{count} ({why})" for why, count in left_out.most_common(3))
    return f"{sum(left_out.values())} {name} images are left out: {reasons}"


def _decoded(source: Source, item: SourceItem) -> np.ndarray | str:
    try:
        found = decode(source.read(item.member))
    except OSError as error:
        return f"cannot be read ({error.strerror or error})"
    return f"{found.code}: {found.detail}" if isinstance(found, Undecodable) else found.image


def _rank(seed: int, member: str) -> bytes:
    return hashlib.sha256(f"gate sample {seed} {member}".encode("utf-8", "surrogateescape")).digest()
