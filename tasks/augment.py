"""Augment: varied copies of training images only; the GAN never reads them."""

import hashlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from datasets.image_codec import Encoding, decode_image, encode_image
from datasets.manifest import MANIFEST_FILE, Kind, key_text, read_table, table_of, write_table
from datasets.pixel_packs import PackReader, PackWriter
from tasks.imaging.augmentation import AugmentationSettings, augmented_variants, variant_seed
from tasks.parallel import map_partitions, partitions_of
from tasks.pixel_store import pack_name
from tasks.stage_context import StageContext, Summary

AUGMENTED_SPLIT = "train_augmented"
Row = dict[str, Any]


def augment(settings: AugmentationSettings, context: StageContext) -> Summary:
    """Manifest of split -> manifest of augmented copies, with their packs."""
    table = read_table(context.inputs["split"] / MANIFEST_FILE)
    rows = _training_rows(table)
    wanted = rows if settings.preset != "none" and settings.variants_per_image else []
    (context.out / "packs").mkdir(exist_ok=True)
    work = partial(augment_partition, settings, context.seed, context.shared, context.out, context.place)
    made = map_partitions(
        work, partitions_of(wanted, context.compute.partition_size), context.compute, context.progress
    )
    copies = [copy for partition in made for copy in partition]
    write_table(table_of(copies), context.out / MANIFEST_FILE)
    return {"images_in": len(rows), "images_out": len(copies), "rejected": {}}


def augment_partition(
    settings: AugmentationSettings, seed: int, shared: Path, out: Path, place: str, rows: Sequence[Row]
) -> list[Row]:
    """Write one pack with the copies of some images; return the copies' rows."""
    name = pack_name(map(_content, rows)).replace("pack-", "augmented-") + ".pack"
    copies = []
    with PackReader(shared) as prepared, PackWriter(out / "packs" / name) as pack:
        for row in rows:
            payload = prepared.read(row["pack"], row["offset"], row["length"])
            seeds = [variant_seed(seed, _content(row), variant) for variant in range(settings.variants_per_image)]
            for variant, image in enumerate(augmented_variants(decode_image(payload), settings, seeds)):
                encoded = encode_image(image, encoding_of(payload))
                offset, length = pack.append(encoded)
                copies.append(_copy_row(row, variant, encoded, f"{place}/packs/{name}", offset, length))
    return copies


def encoding_of(payload: bytes) -> Encoding:
    """The encoding of one of our own payloads."""
    return "png" if payload.startswith(b"\x89PNG") else "jpeg"


def _content(row: Row) -> str:
    """What tells an image from others: frames of one file share its sha256."""
    return f"{row['sha256']}#{row['frame']}" if row["frame"] else str(row["sha256"])


def _copy_row(row: Row, variant: int, encoded: bytes, pack: str, offset: int, length: int) -> Row:
    return {
        "source": row["source"],
        "member": f"{row['member']}@augmented-{variant}",
        "frame": row["frame"],
        "kind": Kind.AUGMENTED,
        "derived_from": key_text(row),
        "sha256": hashlib.sha256(encoded).hexdigest(),
        "size_bytes": len(encoded),
        "label": row["label"],
        "licence": row["licence"],
        "status": "kept",
        "pack": pack,
        "offset": offset,
        "length": length,
        "split": AUGMENTED_SPLIT,
        "class_id": row["class_id"],
    }


def _training_rows(table: pa.Table) -> list[Row]:
    columns = ["source", "member", "frame", "sha256", "label", "licence", "pack", "offset", "length", "class_id"]
    split = table["split"].to_pylist()
    rows = table.select(columns).to_pylist()
    return [row for row, name in zip(rows, split, strict=True) if name == "train"]
