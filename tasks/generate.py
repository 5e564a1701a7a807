"""Generate: seeded synthetic images, so many per class, into packs and a manifest like any other."""

import hashlib
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.manifest import MANIFEST_FILE, Kind, table_of, write_table
from datasets.pixel_packs import PackWriter
from tasks.published_versions import latest_or_refuse
from tasks.stage import StageContext, Summary

CHUNK_IMAGES = 1_000
PACK = "packs/synthetic.pack"


class GenerateSettings(BaseModel):
    """How many synthetic images are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images_per_class: int = Field(500, ge=1, description="synthetic images of each class, or in all without classes")
    quotas: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="other numbers for some classes, {class: images}"
    )
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality where the shards hold jpeg")


def generate(settings: GenerateSettings, context: StageContext) -> Summary:
    """Sample the trained generator into one pack, in order of class."""
    from gan.sampling import load_generator

    index = latest_or_refuse(context.published / context.dataset).index
    labels = wanted_labels(settings, index.features.class_names)
    generator = load_generator(context.inputs["train"])
    names = index.features.class_names if generator.class_names is not None else None
    weights_sha256 = generator.weights_sha256
    rows: list[dict[str, Any]] = []
    (context.out / "packs").mkdir()
    with PackWriter(context.out / PACK) as pack:
        for first in range(0, len(labels), CHUNK_IMAGES):
            chunk = labels[first : first + CHUNK_IMAGES]
            images = generator.sample(len(chunk) if names is None else chunk, context.seed, first=first)
            for number, (image, label) in enumerate(zip(images, chunk, strict=True), start=first):
                encoded = encode_image(image, index.features.encoding, settings.jpeg_quality)
                row = _row(context, number, encoded, None if names is None else (names[label], int(label)))
                offset, length = pack.append(encoded)
                rows.append(row | {"offset": offset, "length": length, "derived_from": weights_sha256})
            context.progress(len(rows), len(labels))
    write_table(table_of(rows), context.out / MANIFEST_FILE)
    return {
        "images_in": 0,
        "images_out": len(rows),
        "rejected": {},
        "generator_sha256": weights_sha256,
    }


def wanted_labels(settings: GenerateSettings, class_names: tuple[str, ...] | None) -> np.ndarray:
    """int32 [N]: each class id as often as it is wanted, in order. Without classes, zeros.

    Raises BadInput for a quota of a class that does not exist.
    """
    unknown = sorted(settings.quotas.keys() - set(class_names or ()))
    if unknown:
        raise BadInput(f"generate.quotas names {', '.join(unknown)}; the classes are {', '.join(class_names or ())}")
    if class_names is None:
        return np.zeros(settings.images_per_class, dtype=np.int32)
    quotas = [settings.quotas.get(name, settings.images_per_class) for name in class_names]
    return np.repeat(np.arange(len(class_names), dtype=np.int32), quotas)


def _row(context: StageContext, number: int, encoded: bytes, labelled: tuple[str, int] | None) -> dict[str, Any]:
    label, class_id = labelled or (None, None)
    return {
        "source": f"{context.dataset}_generator",
        "member": f"{number:07d}" if label is None else f"{label}/{number:07d}",
        "frame": 0,
        "kind": Kind.SYNTHETIC,
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "size_bytes": len(encoded),
        "label": label,
        "status": "kept",
        "pack": f"{context.place}/{PACK}",
        "split": "train",
        "class_id": class_id,
    }
