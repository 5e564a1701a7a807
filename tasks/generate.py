"""Generate: seeded synthetic images, so many per class, into packs and a manifest like any other."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput
from datasets.image_codec import encode_image
from datasets.manifest import MANIFEST_FILE, Kind, in_use, manifest_writer, read_table
from datasets.pixel_packs import PackWriter
from tasks.published_versions import Published, latest_or_refuse
from tasks.quotas import QuotaSettings, untrained, wanted_labels
from tasks.stage_context import StageContext, Summary

if TYPE_CHECKING:
    from gan.rejection import Judge
    from gan.sampling import Generator

CHUNK_IMAGES = 1_000
PACK = "packs/synthetic.pack"
SAMPLING_FILE = "sampling.json"
ATTEMPTS_FILE = "attempts.npy"
"""uint16 [N], only where samples were rejected: how often each image was, so that it can be made again."""
KERAS_FILE = "generator.keras"
KERAS_MOST_WEIGHTS = 5 * 2**20  # of 4 bytes: 20 MiB
WITHOUT_DISCRIMINATOR = ("vae",)  # here too, since the families themselves import Keras
LENGTHLESS = ("progressive",)


class RejectionSettings(BaseModel):
    """Which samples are made anew. Every rejection is counted by class and told in the version's lineage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keep_share: float = Field(
        1.0, gt=0, le=1, description="share of samples kept, by the discriminator's score within a class; 1 = all"
    )
    check_class: bool = Field(
        False, description="reject what the classifier of training sees as another class; no gate uses it"
    )
    max_attempts: int = Field(20, ge=1, le=1000, description="samples for one image before the run says it cannot")

    @property
    def active(self) -> bool:
        """Whether anything is rejected."""
        return self.check_class or self.keep_share < 1.0


class GenerateSettings(QuotaSettings):
    """How many synthetic images are made, and how."""

    truncation: float = Field(
        1.0, gt=0, le=2, description="factor of the latents; below 1: images nearer to the usual, less varied"
    )
    rejection: RejectionSettings = Field(default_factory=RejectionSettings, description="samples that are made anew")
    jpeg_quality: int = Field(95, ge=50, le=100, description="quality where the shards hold jpeg")


def generate(settings: GenerateSettings, context: StageContext) -> Summary:
    """Sample the trained generator into one pack, in order of class. Holds one chunk of images at a time.

    A small generator is written as a `.keras` file too, for readers of the version.
    """
    from gan.generator_export import write_keras
    from gan.sampling import load_generator

    version = latest_or_refuse(context.published / context.dataset)
    class_names = version.index.features.class_names
    counts = training_images(version)
    labels = wanted_labels(settings, class_names, counts)
    generator = load_generator(context.inputs["train"])
    if class_names is not None and generator.class_names is None:
        raise BadInput(
            "the generator was learned without classes, and the data set has classes; add images, so that there are "
            "enough per class, and leave train.conditional at auto"
        )
    names = class_names if generator.class_names is not None else None
    judges = _judges(settings, generator, context)
    record = _Record(settings, generator, judges, names)
    chunks = _chunks(settings, context.seed, labels, generator, judges, record)
    _write_images(chunks, labels, names, version.index.features.encoding, settings, context, record.weights_sha256)
    write_text_atomically(context.out / SAMPLING_FILE, json.dumps(record.content(), indent=1) + "\n")
    if judges:
        np.save(context.out / ATTEMPTS_FILE, np.concatenate(record.attempts), allow_pickle=False)
    if generator.network.count_params() <= KERAS_MOST_WEIGHTS:
        write_keras(generator.network, context.out / KERAS_FILE)
    return {
        "images_in": 0,
        "images_out": len(labels),
        "rejected": {name: int(by_class.sum()) for name, by_class in record.rejected.items() if by_class.any()},
        "generator_sha256": record.weights_sha256,
        "sampling": record.content(),
        "notes": [
            f"no image of class {name}: there is none in the training images" for name in untrained(class_names, counts)
        ],
    }


class _Record:
    """What the lineage says of the sampling: truncation, judges by digest, and what was rejected of each class."""

    def __init__(
        self,
        settings: GenerateSettings,
        generator: "Generator",
        judges: Sequence["Judge"],
        names: tuple[str, ...] | None,
    ) -> None:
        self._settings, self._judges, self._names = settings, judges, names or ("all",)
        self.weights_sha256 = generator.weights_sha256
        self.kept = np.zeros(len(self._names), np.int64)
        self.rejected = {judge.name: np.zeros(len(self._names), np.int64) for judge in judges}
        self.attempts: list[np.ndarray] = []

    def content(self) -> dict[str, Any]:
        """As JSON."""
        content: dict[str, Any] = {"truncation": self._settings.truncation}
        if self._judges:
            by_class = {
                name: {"kept": int(self.kept[number])}
                | {judge: int(counts[number]) for judge, counts in self.rejected.items()}
                for number, name in enumerate(self._names)
            }
            content["rejection"] = {
                "keep_share": self._settings.rejection.keep_share,
                "max_attempts": self._settings.rejection.max_attempts,
                "judges": {judge.name: {"sha256": judge.sha256} for judge in self._judges},
                "by_class": by_class,
            }
        return content

    def check(self, given_up: np.ndarray) -> None:
        """Raises BadInput where images of a class did not come in so many attempts."""
        if not given_up.any():
            return
        what = []
        for number in np.flatnonzero(given_up):
            reasons = ", ".join(f"{by_class[number]} {name}" for name, by_class in self.rejected.items())
            what.append(
                f"{self._names[number]} ({given_up[number]} images missing, {self.kept[number]} kept; {reasons})"
            )
        raise BadInput(
            f"generate.rejection turned down {self._settings.rejection.max_attempts} samples for one image of "
            f"{'; '.join(what)}; raise max_attempts or keep_share, set check_class to false, lower the quota of "
            "the class, or train longer"
        )


def check_sampling(settings: GenerateSettings, family: str) -> None:
    """Raises BadInput where samples are to be scored or truncated, and the family cannot do that."""
    if settings.truncation != 1.0 and family in LENGTHLESS:
        raise BadInput(
            f"generate.truncation is {settings.truncation:g}, and train.model {family} divides latents by their "
            "length, which undoes it; set it to 1, or take another family"
        )
    if settings.rejection.keep_share < 1.0 and family in WITHOUT_DISCRIMINATOR:
        raise BadInput(
            f"generate.rejection.keep_share is {settings.rejection.keep_share:g}, and train.model {family} has no "
            "discriminator to score samples with; set it to 1, or take another family"
        )


def _judges(settings: GenerateSettings, generator: "Generator", context: StageContext) -> list["Judge"]:
    rejection = settings.rejection
    if not rejection.active:
        return []
    from gan.discriminator import load_discriminator
    from gan.extractors.embedded import ClassifierExtractor, load_extractor
    from gan.rejection import LowScore, OtherClass
    from gan.training import EXTRACTOR_FILE

    judges: list[Judge] = []
    folder = context.inputs["train"]
    if rejection.check_class:
        extractor = load_extractor(folder / EXTRACTOR_FILE)
        if not isinstance(extractor, ClassifierExtractor) or not generator.spec.classes:
            raise BadInput(
                "generate.rejection.check_class needs a generator of two classes or more; set it to false for this one"
            )
        judges.append(OtherClass(extractor.classifier))
    if rejection.keep_share < 1.0:
        scores = load_discriminator(folder)
        judges.append(LowScore(scores, generator, rejection.keep_share, context.seed, settings.truncation))
    return judges


def _chunks(
    settings: GenerateSettings,
    seed: int,
    labels: np.ndarray,
    generator: "Generator",
    judges: Sequence["Judge"],
    record: _Record,
) -> Iterator[np.ndarray]:
    """Images uint8 [n, H, W, C] in order, CHUNK_IMAGES or fewer at a time."""
    from gan.rejection import sample_accepted

    for first in range(0, len(labels), CHUNK_IMAGES):
        chunk = labels[first : first + CHUNK_IMAGES]
        known = chunk if generator.spec.classes else np.zeros_like(chunk)
        made = sample_accepted(
            generator,
            known,
            seed,
            judges,
            max_attempts=settings.rejection.max_attempts,
            first=first,
            truncation=settings.truncation,
        )
        for name, by_class in made.rejected.items():
            record.rejected[name][: len(by_class)] += by_class
        kept = np.bincount(known, minlength=len(made.given_up)) - made.given_up
        record.kept[: len(kept)] += kept
        record.check(made.given_up)
        record.attempts.append(made.attempts)
        yield made.images


def _write_images(
    chunks: Iterable[np.ndarray],
    labels: np.ndarray,
    names: tuple[str, ...] | None,
    encoding: Any,
    settings: GenerateSettings,
    context: StageContext,
    weights_sha256: str,
) -> None:
    """Into one pack and its manifest, chunk by chunk."""
    (context.out / "packs").mkdir()
    number = 0
    with PackWriter(context.out / PACK) as pack, manifest_writer(context.out / MANIFEST_FILE) as manifest:
        for images in chunks:
            rows = []
            for image in images:
                encoded = encode_image(image, encoding, settings.jpeg_quality)
                label = int(labels[number])
                row = _row(context, number, encoded, None if names is None else (names[label], label))
                offset, length = pack.append(encoded)
                rows.append(row | {"offset": offset, "length": length, "derived_from": weights_sha256})
                number += 1
            manifest.write(rows)
            context.progress(number, len(labels))


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
