"""What is published beside the shards: data card with sample grids, lineage, and the generator of synthetic images."""

from pathlib import Path
from typing import TYPE_CHECKING

from datasets.tfds_layout import Index
from tasks.data_card.card import Described, write_card
from tasks.lineage.record import write_lineage
from tasks.lineage.stage_facts import facts_of_all
from tasks.published_generator import copy_generator
from tasks.published_versions import latest_or_refuse
from tasks.stage_context import StageContext

if TYPE_CHECKING:
    from tasks.publish import PublishSettings


def describe(settings: "PublishSettings", context: StageContext, index: Index, folder: Path) -> None:
    """Write README.md, lineage.json, samples/ and generator/ into the folder of a version that nobody can open yet.

    `folder` holds shards, manifest and gate.json; `index` has the version's number. Of the stages behind it, those are
    told of that `context.inputs` names.
    """
    is_synthetic = index.lineage.get("kind") == "synthetic"
    if is_synthetic:
        copy_generator(settings.generator, context.inputs, folder)
    write_lineage(context, index, folder)
    write_card(
        Described(
            folder=folder,
            shards=context.inputs["shard_synthetic" if is_synthetic else "shard"],
            index=index,
            stages=facts_of_all(context.inputs),
            description=settings.description or default_description(index),
            real=latest_or_refuse(context.published / context.dataset) if is_synthetic else None,
        )
    )


def default_description(index: Index) -> str:
    """One sentence for a data set that nobody has described."""
    if index.lineage.get("kind") == "synthetic":
        return f"Synthetic images of {index.lineage['real']['name']}, made and gated by augment-dataset."
    return f"{index.name}, prepared and verified by augment-dataset."
