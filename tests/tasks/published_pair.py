"""A real and a synthetic version, published from real stages with an untrained generator, to test what tells of them.

Every stage gets a DONE file as `run_stage` writes it, so that lineage has something to follow.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path

from datasets.gate_file import Gate, Metric, Outcome, write_gate
from datasets.image_codec import encode_image
from datasets.sources import source_settings
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator
from tasks.augment import augment
from tasks.curate import CurateSettings, curate
from tasks.digests import digest_of, file_digests
from tasks.gate_data import DataGateSettings, gate_data
from tasks.generate import GenerateSettings, generate
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.ingest import ingest
from tasks.parallel import ComputeSettings
from tasks.publish import PublishSettings, publish_real, publish_synthetic
from tasks.scan import ScanSettings, scan
from tasks.shard import ShardSettings, shard_real
from tasks.shard_synthetic import shard_synthetic
from tasks.split import split
from tasks.splitting.settings import SplitSettings
from tasks.stage_context import StageContext
from tests.tasks.conftest import make_blob

CLASSES = ("left", "right")
PER_CLASS = 20
SEED = 3
TEST_METRIC = Metric(name="value_test", title="value on test", value=0.5, outcome=Outcome.REPORTED, n=6)
PREPARED = ("ingest", "scan", "curate", "split", "augment", "shard", "gate_data")


@dataclass
class Pair:
    """Runs stages below a folder."""

    base: Path
    outputs: dict = field(default_factory=dict)
    published: Path = field(init=False)

    def __post_init__(self):
        self.published = self.base / "published"

    def context(self, stage, *inputs):
        out = self.base / "workspace" / "tiny" / stage / f"{len(self.outputs):016d}"
        out.mkdir(parents=True)
        return StageContext(
            dataset="tiny",
            seed=SEED,
            inputs={name: self.outputs[name] for name in inputs},
            out=out,
            place=f"{stage}/{out.name}",
            shared=self.base / "workspace" / "tiny",
            published=self.published,
            recipe="0" * 64,
            compute=ComputeSettings(mode="synchronous", partition_size=8),
        )

    def run(self, stage, work, settings, *inputs):
        context = self.context(stage, *inputs)
        summary = work(settings, context)
        self.finish(stage, context, settings.model_dump(mode="json"), summary, context.reads)
        return summary

    def finish(self, stage, context, settings, summary, reads=None):
        """Write DONE."""
        self.outputs[stage] = context.out
        outputs = {
            name: digest for name, digest in file_digests(context.out).items() if not name.startswith("checkpoints")
        }
        done = {name: json.loads((path / "DONE").read_text()) for name, path in context.inputs.items()}
        parts = {
            "stage": stage,
            "settings": settings,
            "code": digest_of(stage),
            "libraries": {"numpy": "2.0"},
            "inputs": {name: record["digest"] for name, record in done.items()},
            "seed": SEED,
            "reads": reads,
        }
        record = {"format": 1, "fingerprint": digest_of(parts), "parts": parts, "outputs": outputs}
        record |= {"digest": digest_of(outputs), "summary": summary}
        (context.out / "DONE").write_text(json.dumps(record))

    def publish_real(self, images, **publish):
        scan_settings = ScanSettings(channels=1, resize=ResizeSettings(width_px=16, height_px=16))
        self.run("ingest", ingest, source_settings(path=images, licence="CC0-1.0"))
        self.run("scan", scan, scan_settings, "ingest")
        self.run("curate", curate, CurateSettings(), "scan")
        self.run("split", split, SplitSettings(), "curate")
        self.run("augment", augment, AugmentationSettings(preset="light"), "split")
        self.run("shard", shard_real, ShardSettings(), "split", "augment")
        self.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")
        return self.run("publish_data", publish_real, PublishSettings(**publish), *PREPARED)

    def train(self):
        """An untrained generator, with a checkpoint beside it."""
        context = self.context("train")
        spec = ModelSpec(resolution_px=16, channels=1, classes=2, latent_size=6, width=4, max_width=16)
        Generator(FAMILIES["conv"].build_generator(spec, 1), spec, CLASSES).save(context.out)
        (context.out / "checkpoints").mkdir()
        (context.out / "checkpoints" / "step-000000009.npz").write_bytes(b"checkpoint")
        reads = {"content_digest": self.index("tiny")["content_digest"]}
        summary = {"images_seen": 90, "best": {"images_seen": 80}, "stopped_by": "budget_images", "alarms": []}
        self.finish("train", context, {"model": "conv", "width": 4}, summary, reads)

    def publish_synthetic(self, generate_settings=None, **publish):
        settings = generate_settings or GenerateSettings(images_per_class=8)
        self.run("generate", generate, settings, "train")
        self.run("shard_synthetic", shard_synthetic, ShardSettings(), "train", "generate")
        context = self.context("gate_synthetic", "shard_synthetic")
        write_gate(Gate(gate="synthetic", metrics=(TEST_METRIC,), decided_on="6 images"), context.out)
        self.finish("gate_synthetic", context, {}, {})
        inputs = ("train", "generate", "shard_synthetic", "gate_synthetic")
        return self.run("publish_synthetic", publish_synthetic, PublishSettings(**publish), *inputs)

    def index(self, name):
        version = (self.published / name / "latest").read_text().strip()
        return json.loads((self.published / name / version / "index.json").read_text())


def write_images(folder):
    """Two classes of blobs, the second brighter, and a file that is no image."""
    for label, name in enumerate(CLASSES):
        (folder / name).mkdir(parents=True)
        for number in range(PER_CLASS):
            image = make_blob(label, number)
            lighter = image if not label else (image // 2 + 128)
            (folder / name / f"{number:02}.png").write_bytes(encode_image(lighter, "png"))
    (folder / "left" / "broken.png").write_bytes(b"no image")
    return folder


def published_pair(base: Path) -> Pair:
    """tiny 1.0.0 and tiny_synthetic 1.0.0 below `base`/published."""
    pair = Pair(base)
    pair.publish_real(write_images(base / "images"))
    pair.train()
    pair.publish_synthetic()
    return pair
