"""Shards of synthetic images: a data set of their own that names, by digest, the real version behind it."""

import json

from datasets.manifest import MANIFEST_FILE, read_table
from tasks.digests import file_sha256
from tasks.generate import SAMPLING_FILE
from tasks.published_versions import latest_or_refuse, synthetic_name
from tasks.shard import ShardSettings, write_shards
from tasks.stage_context import StageContext, Summary


def shard_synthetic(settings: ShardSettings, context: StageContext) -> Summary:
    """Manifest of generate -> a data set folder that lacks only its version.

    Its images are as those of the real version: shape, encoding, pixels and how they are normalised.
    """
    real = latest_or_refuse(context.published / context.dataset)
    path = context.inputs["generate"] / MANIFEST_FILE
    manifest = read_table(path, ["derived_from"])
    lineage = {
        "made_by": "augment-dataset",
        "kind": "synthetic",
        "real": {"name": real.index.name, "content_digest": real.index.content_digest},
        "generator": {"weights_sha256": manifest["derived_from"][0].as_py(), "seed": context.seed},
        "sampling": json.loads((context.inputs["generate"] / SAMPLING_FILE).read_text(encoding="utf-8")),
        "generator_file_sha256": file_sha256(context.inputs["train"] / "generator.json"),
    }
    name = synthetic_name(context.dataset)
    return write_shards(settings, context, name, [path], real.index.features, real.index.normalise, lineage)
