"""Augment: varied copies of training images only; the GAN never reads them."""

import hashlib
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput
from datasets.image_codec import decode_image, encode_image, encoding_of
from datasets.manifest import MANIFEST_FILE, SCHEMA, Kind, Status, key_text, manifest_writer, read_table
from datasets.pixel_packs import PackReader, PackWriter
from datasets.splits import augmented_split, training_rows
from tasks.augmentation_preview import choose_previewed, write_preview
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.augmenters import AnyAugmenter
from tasks.imaging.augmentation.engine import augmented, variant_seed
from tasks.parallel import Files, map_partitions, partitions_of
from tasks.pixel_store import pack_name
from tasks.stage_context import StageContext, Summary

KEY_COLUMNS = ("source", "member", "frame")
PASSED_ON = (*KEY_COLUMNS, "label", "licence", "split", "class_id")
COPY_MARK = "@augmented-"  # between the name of an image and the number of its copy
MADE = ("derived_from", "sha256", "size_bytes", "pack", "offset", "length")
NEEDED = [*PASSED_ON, "sha256", "pack", "offset", "length"]
PIECE_SCHEMA = pa.schema([SCHEMA.field(name) for name in (*PASSED_ON, *MADE)])
Row = dict[str, Any]
Piece = tuple[str, int]  # name of a partition's rows as an Arrow file, and how many copies equal their image


def augment(settings: AugmentationSettings, context: StageContext) -> Summary:
    """Manifest of split -> manifest of augmented copies, with their packs and a preview of each augmenter.

    Raises BadInput where `forbidden` names a class that the data set has not, or images are called like copies.
    """
    table = read_table(context.inputs["split"] / MANIFEST_FILE, NEEDED)
    _check_classes(settings, table["label"])
    training = training_rows(table)
    channels = _channels(training, context.shared)
    wanted = _varied(training, settings, channels)
    _check_names(training if len(wanted) else wanted)
    previewed = choose_previewed(wanted, context.seed)
    work = partial(augment_partition, settings, context.seed, context.shared, context.out, context.place, previewed)
    files = Files(context.shared, _packs)
    partitions = partitions_of(_Rows(wanted), context.compute.images_per_partition())
    pieces = map_partitions(work, partitions, context.compute, context.progress, files=files)
    return {
        "images_in": len(training),
        "images_out": _write_manifest(pieces, context.out),
        "rejected": {},
        "unchanged_copies": sum(unchanged for _, unchanged in pieces),
        "images_not_varied": len(training) - len(wanted),
        "left_out_for_grey": settings.unfit_for(channels) if settings.variants_per_image else [],
    }


def augment_partition(
    settings: AugmentationSettings,
    seed: int,
    shared: Path,
    out: Path,
    place: str,
    previewed: str | None,
    images: pa.Table,
) -> Piece:
    """Write one pack with the copies of some images, and the copies' rows as one piece of the manifest."""
    rows = images.to_pylist()
    name = pack_name(key_text(row) + _content(row) for row in rows).replace("pack-", "augmented-")
    made: dict[str, list[Any]] = {column: [] for column in MADE}
    of_class: dict[str | None, tuple[AnyAugmenter, ...]] = {}
    unchanged = 0
    for folder in ("packs", "pieces"):
        (out / folder).mkdir(exist_ok=True)
    with PackReader(shared) as prepared, PackWriter(out / "packs" / f"{name}.pack") as pack:
        for row in rows:
            payload = prepared.read(row["pack"], row["offset"], row["length"])
            image = decode_image(payload)
            if key_text(row) == previewed:
                write_preview(settings, image, variant_seed(seed, _content(row), 0), out)
            if row["label"] not in of_class:
                of_class[row["label"]] = settings.applied_to(image.shape[2], row["label"])
            for variant in range(settings.variants_per_image):
                copy = augmented(image, of_class[row["label"]], variant_seed(seed, _content(row), variant))
                unchanged += copy.tobytes() == image.tobytes()
                encoded = encode_image(copy, encoding_of(payload))
                values = (key_text(row), hashlib.sha256(encoded).hexdigest(), len(encoded))
                for column, value in zip(
                    MADE, (*values, f"{place}/packs/{name}.pack", *pack.append(encoded)), strict=True
                ):
                    made[column].append(value)
    _write_piece(images, settings.variants_per_image, made, out / "pieces" / f"{name}.arrow")
    return f"{name}.arrow", unchanged


def _packs(images: pa.Table) -> list[str]:
    """The packs that hold some images, relative to the folder of the data set."""
    return sorted(pc.unique(images["pack"]).to_pylist())


def _content(row: Mapping[str, Any]) -> str:
    """What tells an image from others: frames of one file share its sha256."""
    return f"{row['sha256']}#{row['frame']}" if row["frame"] else str(row["sha256"])


def _check_classes(settings: AugmentationSettings, labels: pa.ChunkedArray) -> None:
    known = sorted(set(pc.unique(labels).to_pylist()) - {None})
    for name in settings.forbidden:
        if not known:
            raise BadInput(f"augment.forbidden names the class {name}, but the images have no labels; remove it")
        if name not in known:
            raise BadInput(f"augment.forbidden names the class {name}; the data set's classes are {_listed(known)}")


def _check_names(images: pa.Table) -> None:
    """The id of a copy must be no image's own."""
    named = images["member"].filter(pc.match_substring_regex(images["member"], f"{COPY_MARK}[0-9]+$"))
    if len(named):
        raise BadInput(
            f"{len(named)} images are called like augmented copies, such as {named[0].as_py()}; rename them, or set "
            "augment.preset to none"
        )


def _listed(names: Sequence[str], most: int = 20) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _channels(training: pa.Table, shared: Path) -> int:
    """Channels of the images, which scan has made the same for all."""
    if not len(training):
        return 3
    first = training.slice(0, 1).to_pylist()[0]
    with PackReader(shared) as prepared:
        return int(decode_image(prepared.read(first["pack"], first["offset"], first["length"])).shape[2])


def _varied(training: pa.Table, settings: AugmentationSettings, channels: int) -> pa.Table:
    """The images to which any augmenter may be applied: a copy that nothing was done to teaches nothing."""
    if not settings.variants_per_image or not settings.applied_to(channels):
        return training.slice(0, 0)
    barred = [name for name in settings.forbidden if not settings.applied_to(channels, name)]
    return training.filter(pc.invert(pc.is_in(training["label"], pa.array(barred, pa.string()))))


class _Rows(Sequence[Any]):
    """A table that is cut into copies: a slice would drag the memory of the whole table to its worker."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, place: Any) -> Any:
        return self._table.take(pa.array(np.arange(len(self))[place]))


def _write_piece(images: pa.Table, variants: int, made: Mapping[str, list[Any]], path: Path) -> None:
    """The rows of all copies, as far as they differ from one another."""
    parents = np.repeat(np.arange(len(images)), variants)
    numbers = pa.array(np.tile(np.arange(variants), len(images)).astype(str).astype(object), pa.string())
    passed = {name: images[name].take(pa.array(parents)) for name in PASSED_ON}
    passed["member"] = pc.binary_join_element_wise(passed["member"], numbers, COPY_MARK)
    for split in images["split"].unique().to_pylist():  # copies of a fold are only read where it is trained on
        is_of_split = pc.equal(passed["split"], split)
        passed["split"] = pc.if_else(is_of_split, augmented_split(split), passed["split"])
    rows = pa.table(passed | {name: pa.array(made[name], SCHEMA.field(name).type) for name in MADE}, PIECE_SCHEMA)
    with atomic_file(path) as file, pa.ipc.new_file(file, PIECE_SCHEMA) as writer:
        writer.write_table(rows)


def _write_manifest(pieces: Sequence[Piece], out: Path) -> int:
    """The pieces in their order as one manifest, holding one at a time; the pieces go."""
    with manifest_writer(out / MANIFEST_FILE) as manifest:
        for name, _ in pieces:
            path = out / "pieces" / name
            with pa.ipc.open_file(path) as file:
                manifest.write(_whole_rows(file.read_all()))
            path.unlink()
        written = manifest.rows
    if pieces:
        (out / "pieces").rmdir()
    return written


def _whole_rows(piece: pa.Table) -> pa.Table:
    """A piece with what is the same in all its rows, other columns null."""
    same = {"kind": Kind.AUGMENTED.value, "status": Status.KEPT.value}
    columns = [
        piece[field.name]
        if field.name in piece.column_names
        else pa.repeat(pa.scalar(same.get(field.name), field.type), len(piece))
        for field in SCHEMA
    ]
    return pa.table(columns, schema=SCHEMA)
