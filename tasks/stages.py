"""The two flows as ordered lists of stages. Read from top to bottom: this is what a run does."""

import os
from dataclasses import replace

from tasks import (
    augment,
    curate,
    gate_data,
    gate_synthetic,
    generate,
    ingest,
    publish,
    scan,
    shard,
    shard_synthetic,
    split,
    train,
)
from tasks.splitting import ledger
from tasks.stage import Stage

PIXEL_LIBRARIES = ("numpy", "opencv-python-headless", "pillow", "scikit-image", "simplejpeg")
MODEL_LIBRARIES = ("keras", "numpy", os.environ.get("KERAS_BACKEND", "tensorflow"))

PREPARE = (
    Stage(
        name="ingest",
        title="list and hash the source",
        work=ingest.ingest,
        section="source",
        seeded=False,
        reads=ingest.listing_digest,
        still_true=ingest.listing_holds_still,
    ),
    Stage(
        name="scan",
        title="decode, check, measure, prepare",
        work=scan.scan,
        section="scan",
        inputs=("ingest",),
        libraries=PIXEL_LIBRARIES,
        seeded=False,
        still_true=scan.holds_still,
    ),
    Stage(
        name="curate",
        title="duplicates, outliers, labels",
        work=curate.curate,
        section="curate",
        inputs=("scan",),
        libraries=("numpy", "scikit-learn"),
        seeded=False,
        reads=curate.files_read,
    ),
    Stage(
        name="split",
        title="train, validation, test",
        work=split.split,
        section="split",
        inputs=("curate",),
        still_true=ledger.agrees_with_state,
    ),
    Stage(
        name="augment",
        title="varied copies of training images",
        work=augment.augment,
        section="augment",
        inputs=("split",),
        libraries=("imaug", *PIXEL_LIBRARIES),
    ),
    Stage(
        name="shard",
        title="TFRecord shards",
        work=shard.shard_real,
        section="shard",
        inputs=("split", "augment"),
    ),
    Stage(
        name="gate_data",
        title="gate of the real data",
        work=gate_data.gate_data,
        section="data_gate",
        inputs=("curate", "split", "shard"),
        libraries=("numpy",),
        seeded=False,
        still_true=gate_data.compares_with_latest,
    ),
    Stage(
        name="publish_data",
        title="publish the real data",
        work=publish.publish_real,
        section="publish",
        inputs=("ingest", "scan", "curate", "split", "augment", "shard", "gate_data"),
        seeded=False,
        still_true=publish.is_still_published,
    ),
)

SYNTHESIZE = (
    Stage(
        name="train",
        title="train the generator",
        work=train.train,
        section="train",
        libraries=MODEL_LIBRARIES,
        resumable=True,
        scratch=("training_log.jsonl", "checkpoints", "film", "tensorboard"),
        reads=train.training_reads,
    ),
    Stage(
        name="generate",
        title="sample the generator",
        work=generate.generate,
        section="generate",
        inputs=("train",),
        libraries=(*MODEL_LIBRARIES, *PIXEL_LIBRARIES),
    ),
    Stage(
        name="shard_synthetic",
        title="TFRecord shards",
        work=shard_synthetic.shard_synthetic,
        section="shard",
        inputs=("train", "generate"),
        reads=train.real_version,
    ),
    Stage(
        name="gate_synthetic",
        title="gate of the synthetic data",
        work=gate_synthetic.gate_synthetic,
        section="synthetic_gate",
        inputs=("shard_synthetic",),
        libraries=(*MODEL_LIBRARIES, "scipy"),
        reads=train.real_version,
        still_true=gate_synthetic.compares_with_latest,
    ),
    Stage(
        name="publish_synthetic",
        title="publish the synthetic data",
        work=publish.publish_synthetic,
        section="publish",
        inputs=("train", "generate", "shard_synthetic", "gate_synthetic"),
        seeded=False,
        still_true=publish.is_still_published,
    ),
)

# What can be said of a folder without preparing images, splitting or training.
CHECK = (PREPARE[0], replace(PREPARE[1], work=scan.scan_measures, title="decode, check, measure"), PREPARE[2])

FLOWS = {
    "augment-dataset": PREPARE + SYNTHESIZE,
    "prepare-dataset": PREPARE,
    "synthesize-dataset": SYNTHESIZE,
    "train-gan": SYNTHESIZE[:1],
}
