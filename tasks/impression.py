"""A first look at a folder of images: what a few of them are like, so that settings can be proposed."""

from collections import Counter
from dataclasses import dataclass
from itertools import islice

from datasets.errors import BadInput
from datasets.sources.base import Source
from tasks.imaging.decode import Decoded, decode

LOOKED_AT = 60


@dataclass(frozen=True, slots=True)
class Impression:
    """What a few images of a folder look like."""

    images: int
    labelled: bool
    typical_side_px: int  # median of the shorter sides
    grey: bool
    photographs: bool  # mostly JPEG
    characters: bool = False  # each class is called by one letter or digit


def look(source: Source) -> Impression:
    """Decode a few images from all over the listing. Raises BadInput where none of them can be decoded."""
    labels = Counter(item.label for item in source.items() if item.problem is None)
    step = max(1, labels.total() // LOOKED_AT)
    members = (item.member for item in source.items() if item.problem is None)
    found = [_decoded(source, member) for member in islice(members, 0, None, step)]
    decoded = [image for image in found if image is not None]
    if not decoded:
        raise BadInput(
            f"none of {len(found)} files looked at in {source.name} can be decoded; give a folder of sound images"
        )
    sides = sorted(min(image.width_px, image.height_px) for image in decoded)
    formats = Counter(image.format for image in decoded)
    return Impression(
        images=labels.total(),
        labelled=any(label is not None for label in labels),
        typical_side_px=sides[len(sides) // 2],
        grey=all(image.image.shape[2] == 1 for image in decoded),
        photographs=formats["jpeg"] > len(decoded) / 2,
        characters=all(label is not None and len(label) == 1 for label in labels),
    )


def _decoded(source: Source, member: str) -> Decoded | None:
    try:
        image = decode(source.read(member))
    except OSError:
        return None
    return image if isinstance(image, Decoded) else None
