"""The generator that lies beside its synthetic images, and images that are made with it again."""

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput, FormatError, brief
from datasets.image_codec import encode_image
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.published import resolve_version
from datasets.tfds_layout import Index, read_index
from gan.weight_files import UNREADABLE
from tasks.generate import ATTEMPTS_FILE, CHUNK_IMAGES, KERAS_FILE, GenerateSettings
from tasks.lineage.record import GENERATOR_FILES, GENERATOR_FOLDER, read_lineage
from tasks.progress import Progress, silent

if TYPE_CHECKING:
    from gan.sampling import Generator

SAMPLE_FILE = "sample.json"
GeneratorFiles = Literal["none", "weights", "keras"]
_SAFE_NAME = re.compile(r"[\w-][\w .-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What was written. `same`: how many images are byte for byte the published ones; None for new images."""

    name: str
    version: str | None
    weights_sha256: str
    seed: int
    images: int
    same: int | None = None


def copy_generator(which: GeneratorFiles, inputs: Mapping[str, Path], folder: Path) -> None:
    """Put the generator into `folder`/generator: nothing, weights with their spec, or a `.keras` file with them.

    A generator of more than 20 MiB has no `.keras` file. `inputs` are the folders of the stages train and generate.
    """
    if which == "none" or "train" not in inputs:
        return
    target = folder / GENERATOR_FOLDER
    target.mkdir(exist_ok=True)
    for name in GENERATOR_FILES:
        shutil.copyfile(inputs["train"] / name, target / name)
    wanted = (ATTEMPTS_FILE, KERAS_FILE) if which == "keras" else (ATTEMPTS_FILE,)
    for name in wanted:
        if (inputs["generate"] / name).is_file():
            shutil.copyfile(inputs["generate"] / name, target / name)


def generator_of(version: Path) -> Path:
    """The folder of a published version's generator. Raises BadInput where there is none."""
    folder = version / GENERATOR_FOLDER
    if not (folder / GENERATOR_FILES[0]).is_file():
        raise BadInput(
            f"{version} holds no generator (no {GENERATOR_FOLDER}/{GENERATOR_FILES[0]}); name a synthetic version that "
            "was published with publish.generator weights or keras"
        )
    return folder


def sample_new(path: Path, per_class: int, seed: int, out: Path, progress: Progress = silent) -> Sampled:
    """Write `per_class` new PNGs of every class that the version holds, and `sample.json`, into a new folder `out`.

    `path` is as for `resolve_version`. Raises BadInput where there is no generator, or `out` holds something already.
    """
    version, index, generator = _opened(path, out)
    sampling = _sampling(index)
    names = index.features.class_names if generator.class_names is not None else None
    held = np.unique(_manifest(version)["class_id"]) if names else np.zeros(1, np.int32)
    folders = _folders(names, held)
    labels = np.repeat(held.astype(np.int32), per_class)
    numbers = np.arange(len(labels))
    made = _images(generator, numbers, labels, np.zeros(len(labels), np.uint16), seed, sampling["truncation"])
    for done, (number, image) in enumerate(made, start=1):
        _write(out, folders, int(labels[number]), number, image)
        progress(done, len(labels))
    told = Sampled(seed=seed, images=len(labels), **_identity(index, generator))
    return _told(told, sampling["truncation"], _classes(names, folders), out)


def sample_as_published(path: Path, out: Path, progress: Progress = silent) -> Sampled:
    """Make the published images again, from their recorded seed, and count those that have the published bytes.

    Raises BadInput and FormatError as `sample_new` does, and FormatError where the seed is not recorded.
    """
    version, index, generator = _opened(path, out)
    sampling, rows = _sampling(index), _manifest(version)
    seed = _seed(version, index)
    names = index.features.class_names if generator.class_names is not None else None
    attempts = _attempts(version, len(rows["number"]))
    quality = _jpeg_quality(version)
    folders = _folders(names, np.unique(rows["class_id"]))
    same = 0
    made = _images(generator, rows["number"], rows["class_id"], attempts, seed, sampling["truncation"])
    for done, (number, image) in enumerate(made, start=1):
        payload = encode_image(image, index.features.encoding, quality)
        same += rows["sha256"][number] == hashlib.sha256(payload).hexdigest()
        _write(out, folders, int(rows["class_id"][number]), number, image)
        progress(done, len(rows["number"]))
    told = Sampled(seed=seed, images=len(rows["number"]), same=same, **_identity(index, generator))
    return _told(told, sampling["truncation"], _classes(names, folders), out)


def _opened(path: Path, out: Path) -> "tuple[Path, Index, Generator]":
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise BadInput(f"{out} holds something already; name a folder that does not exist yet")
    version = resolve_version(path)
    folder = generator_of(version)
    from gan.sampling import load_generator

    return version, read_index(version), load_generator(folder)


def _sampling(index: Index) -> Mapping[str, Any]:
    found = index.lineage.get("sampling") or {}
    truncation = found.get("truncation", 1.0) if isinstance(found, Mapping) else None
    if not isinstance(truncation, int | float) or not 0 < truncation <= 2:
        raise FormatError(f"{index.name}: its index says sampling {brief(found)}; copy the version again")
    return {"truncation": truncation}


def _seed(version: Path, index: Index) -> int:
    """The recorded one. Raises FormatError where there is none."""
    generator = index.lineage.get("generator")
    seed = generator.get("seed") if isinstance(generator, Mapping) else None
    if type(seed) is not int or not 0 <= seed < 2**31:
        raise FormatError(f"{version}: its index records no seed of its images; sample new ones")
    return seed


def _manifest(version: Path) -> dict[str, np.ndarray]:
    """Of the images in their order: number, class id (0 without classes) and sha256."""
    path = version / MANIFEST_FILE
    table = read_table(path, ["member", "class_id", "sha256"])
    names = [member.rpartition("/")[2] for member in table["member"].to_pylist()]
    if not all(re.fullmatch("[0-9]{1,12}", name) for name in names):
        raise FormatError(f"{path}: its images are not numbered; name a synthetic version that was published")
    numbers = np.array(list(map(int, names)), np.int64)
    order = np.argsort(numbers)
    return {
        "number": numbers[order],
        "class_id": table["class_id"].fill_null(0).to_numpy()[order].astype(np.int32),
        "sha256": np.array(table["sha256"].to_pylist())[order],
    }


def _attempts(version: Path, count: int) -> np.ndarray:
    """How many samples were rejected before each image, int [N]."""
    path = version / GENERATOR_FOLDER / ATTEMPTS_FILE
    if not path.is_file():
        return np.zeros(count, np.uint16)
    try:
        with path.open("rb") as file:
            attempts: np.ndarray = np.lib.format.read_array(file, allow_pickle=False)
    except UNREADABLE as error:
        raise FormatError(f"{path}: not readable ({brief(error)}); copy the version again") from error
    if attempts.shape != (count,) or attempts.dtype.kind not in "iu" or attempts.min(initial=0) < 0:
        what = f"{attempts.dtype} of shape {attempts.shape}"
        raise FormatError(f"{path}: is {what}, not a number for each of {count} images; copy the version again")
    return attempts


def _jpeg_quality(version: Path) -> int:
    stages = read_lineage(version)["stages"]
    default = GenerateSettings().jpeg_quality
    return int(stages.get("generate", {}).get("settings", {}).get("jpeg_quality", default))


def _images(
    generator: "Generator", numbers: np.ndarray, labels: np.ndarray, attempts: np.ndarray, seed: int, truncation: float
) -> Iterator[tuple[int, np.ndarray]]:
    """(Image number, uint8 [H, W, C]); a chunk is held at a time. Those of a chunk come by attempt."""
    known = labels if generator.spec.classes else np.zeros_like(labels)
    for first in range(0, len(numbers), CHUNK_IMAGES):
        chunk = np.arange(first, min(first + CHUNK_IMAGES, len(numbers)))
        for attempt in np.unique(attempts[chunk]).tolist():
            rows = chunk[attempts[chunk] == attempt]
            images = generator.sample_numbers(numbers[rows], known[rows], seed, attempt=attempt, truncation=truncation)
            yield from zip(numbers[rows].tolist(), images, strict=True)


def _write(out: Path, folders: Mapping[int, str], label: int, number: int, image: np.ndarray) -> None:
    folder = out / folders.get(label, "")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{number:07d}.png").write_bytes(encode_image(image, "png"))


def _folders(names: tuple[str, ...] | None, held: np.ndarray) -> dict[int, str]:
    """The folder of each class id that has images, one for each; none without classes."""
    return {label: _folder_name(names, label) for label in held.tolist()} if names else {}


def _folder_name(names: tuple[str, ...], label: int) -> str:
    if _SAFE_NAME.fullmatch(names[label]):
        return names[label]
    name = f"class_{label}"
    while name in names:  # another class may be called so
        name += "_"
    return name


def _classes(names: tuple[str, ...] | None, folders: Mapping[int, str]) -> dict[str, str]:
    """The class of each folder."""
    return {folder: names[label] for label, folder in folders.items()} if names else {}


def _identity(index: Index, generator: "Generator") -> dict[str, Any]:
    return {"name": index.name, "version": index.version, "weights_sha256": generator.weights_sha256}


def _told(sampled: Sampled, truncation: float, classes: Mapping[str, str], out: Path) -> Sampled:
    """Write beside the images that they are synthetic, what made them, and the class of each folder."""
    record = {
        "kind": "synthetic",
        "made_by": f"the generator of {sampled.name} {sampled.version}",
        "name": sampled.name,
        "version": sampled.version,
        "weights_sha256": sampled.weights_sha256,
        "seed": sampled.seed,
        "truncation": truncation,
        "images": sampled.images,
        "folders": dict(classes),
    }
    write_text_atomically(out / SAMPLE_FILE, json.dumps(record, indent=1) + "\n")
    return sampled
