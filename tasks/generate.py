"""Generate: seeded synthetic images, so many per class, into packs and a manifest like any other."""

import hashlib
from typing import Any

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
    quotas: dict[str, int] = Field(default_factory=dict, description="other numbers for some classes, {class: images}")
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality where the shards hold jpeg")


def generate(settings: GenerateSettings, context: StageContext) -> Summary:
    """Sample the trained generator into one pack, in order of class."""
    from gan.sampling import load_generator

    index = latest_or_refuse(context.published / context.dataset).index
    labels = wanted_labels(settings, index.features.class_names)
    generator = load_generator(context.inputs["train"])
    (context.out / "packs").mkdir()
    rows: list[dict[str, Any]] = []
    names = index.features.class_names
    conditional = generator.class_names is not None
    images = generator.sample(labels if conditional else len(labels), context.seed)
    with PackWriter(context.out / PACK) as pack:
        for number, (image, label) in enumerate(zip(images, labels, strict=True)):
            encoded = encode_image(image, index.features.encoding, settings.jpeg_quality)
            offset, length = pack.append(encoded)
            class_name = names[label] if conditional and names else None
            row = _row(context, number, encoded, class_name, int(label) if conditional else None)
            rows.append(row | {"offset": offset, "length": length, "derived_from": generator.weights_sha256})
            if number % CHUNK_IMAGES == 0:
                context.progress(number, len(labels))
    write_table(table_of(rows), context.out / MANIFEST_FILE)
    return {
        "images_in": 0,
        "images_out": len(rows),
        "rejected": {},
        "generator_sha256": generator.weights_sha256,
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


def _row(context: StageContext, number: int, encoded: bytes, label: str | None, class_id: int | None) -> dict[str, Any]:
    return {
        "source": f"{context.dataset}_generator",
        "member": f"{label}/{number:07d}" if label is not None else f"{number:07d}",
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
