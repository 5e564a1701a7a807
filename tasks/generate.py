"""Generate: seeded synthetic images, so many per class, into packs and a manifest like any other."""

import hashlib
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.manifest import MANIFEST_FILE, Kind, in_use, read_table, table_of, write_table
from datasets.pixel_packs import PackWriter
from tasks.published_versions import Published, latest_or_refuse
from tasks.stage_context import StageContext, Summary

CHUNK_IMAGES = 1_000
PACK = "packs/synthetic.pack"


class GenerateSettings(BaseModel):
    """How many synthetic images are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images_per_class: int = Field(500, ge=1, description="synthetic images of each class, or in all without classes")
    quotas: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="other numbers for some classes, {class: images}"
    )
    fill_to: int | None = Field(
        None, ge=1, description="so many that real training and synthetic images of a class are this many; null = off"
    )
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality where the shards hold jpeg")


def generate(settings: GenerateSettings, context: StageContext) -> Summary:
    """Sample the trained generator into one pack, in order of class."""
    from gan.sampling import load_generator

    version = latest_or_refuse(context.published / context.dataset)
    index = version.index
    counts = training_images(version)
    labels = wanted_labels(settings, index.features.class_names, counts)
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
        "notes": [
            f"no image of class {name}: there is none in the training images"
            for name in untrained(index.features.class_names, counts)
        ],
    }


def wanted_labels(
    settings: GenerateSettings, class_names: tuple[str, ...] | None, training_images: Sequence[int] | None = None
) -> np.ndarray:
    """int32 [N]: each class id as often as it is wanted, in order. Without classes, zeros.

    `training_images` says how many real ones there are of each class, or in all without classes; a class with none is
    not made, whatever its quota, since no generator has learned it. None: all classes have some, how many is not known.
    `fill_to` takes the place of `images_per_class`, and quotas go before both.
    Raises BadInput for a quota of a class that does not exist, or when nothing at all is wanted.
    """
    unknown = sorted(settings.quotas.keys() - set(class_names or ()))
    if unknown:
        raise BadInput(f"generate.quotas names {', '.join(unknown)}; the classes are {', '.join(class_names or ())}")
    before_quotas = _wanted(settings, training_images or [0] * len(class_names or ("all",)))
    if class_names is None:
        _check_some(before_quotas, settings, ())
        return np.zeros(before_quotas[0], dtype=np.int32)
    wanted = dict(zip(class_names, before_quotas, strict=True)) | settings.quotas
    wanted |= dict.fromkeys(untrained(class_names, training_images), 0)
    quotas = list(wanted.values())
    _check_some(quotas, settings, class_names)
    return np.repeat(np.arange(len(class_names), dtype=np.int32), quotas)


def _check_some(quotas: Sequence[int], settings: GenerateSettings, class_names: Sequence[str]) -> None:
    if sum(quotas):
        return
    if settings.fill_to is not None and not settings.quotas:
        raise BadInput(
            f"generate.fill_to is {settings.fill_to}, and no class has fewer real training images; raise it, or leave "
            "it out to get generate.images_per_class"
        )
    raise BadInput(
        f"generate.quotas is 0 for every class that has training images, of {', '.join(class_names)}; "
        "at least one needs 1 image or more; raise a quota, or leave it out to get generate.images_per_class"
    )


def _wanted(settings: GenerateSettings, training_images: Sequence[int]) -> list[int]:
    """Synthetic images per class before quotas."""
    if settings.fill_to is None:
        return [settings.images_per_class] * len(training_images)
    return [max(0, settings.fill_to - count) for count in training_images]


def untrained(class_names: tuple[str, ...] | None, training_images: Sequence[int] | None) -> list[str]:
    """Classes without a training image: they vanished from the source, and keep their place in the list of classes."""
    if class_names is None or training_images is None:
        return []
    return [name for name, count in zip(class_names, training_images, strict=True) if not count]


def training_images(version: Published) -> list[int]:
    """Real training images of each class of a published version, in order of id; one number without classes."""
    class_names = version.index.features.class_names
    used = in_use(read_table(version.path / MANIFEST_FILE, ["status", "split", "class_id", "kind"]))
    used = used.filter(pc.and_(pc.equal(used["split"], "train"), pc.equal(used["kind"], Kind.REAL)))
    if class_names is None:
        return [len(used)]
    return np.bincount(used["class_id"].to_numpy(), minlength=len(class_names)).tolist()


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
