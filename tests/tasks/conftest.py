"""Small real workspaces for the tests of the stages. Everything runs in this process, without Dask."""

import numpy as np
import pytest

from datasets.image_codec import encode_image
from datasets.sources import files, source_settings
from tasks.curate import CurateSettings, curate
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.operations.resize import ResizeSettings
from tasks.ingest import ingest
from tasks.parallel import ComputeSettings
from tasks.scan import ScanSettings, scan
from tasks.split import split
from tasks.splitting.settings import SplitSettings
from tasks.stage_context import StageContext

SIDE_PX = 16


def make_blob(class_id, number, side_px=SIDE_PX):
    """A grey image uint8 [side, side, 1]: a bright blob whose place tells the class, with noise of its own."""
    rng = np.random.default_rng([class_id, number])
    rows, columns = np.mgrid[:side_px, :side_px] / side_px
    centre = (0.3 + 0.4 * (class_id % 2), 0.3 + 0.4 * (class_id // 2 % 2))
    width = 0.05 + 0.1 * rng.random()
    distance = ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / width
    noise = rng.normal(0, 25, (side_px, side_px))
    return (230 * np.exp(-distance) + noise).clip(0, 255).astype(np.uint8)[..., None]


@pytest.fixture
def blob_image():
    """`blob_image(class_id, number)` -> uint8 [16, 16, 1]."""
    return make_blob


@pytest.fixture
def write_images(tmp_path):
    """Write `{member: uint8 image or bytes}` below a folder and return it."""

    def write(images, name="source"):
        folder = tmp_path / name
        for member, image in images.items():
            path = folder / member
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(image if isinstance(image, bytes) else encode_image(image, "png"))
        return folder

    return write


@pytest.fixture
def class_folders(write_images):
    """Two classes, `left` and `right`, of 20 images each."""
    names = {"left": 0, "right": 1}
    return write_images(
        {f"{name}/{number:02d}.png": make_blob(index, number) for name, index in names.items() for number in range(20)}
    )


class Workbench:
    """Runs stages by hand, each into a folder of its own."""

    def __init__(self, base):
        self.base = base
        self.shared = base / "workspace" / "tiny"
        self.published = base / "published"
        self.remote = None
        self.shared.mkdir(parents=True, exist_ok=True)
        self.outputs = {}
        self.contexts_made = 0

    def context(self, stage, *inputs, seed=0):
        self.contexts_made += 1
        place = f"{stage}/{self.contexts_made:016d}"
        out = self.shared / place
        out.mkdir(parents=True)
        return StageContext(
            dataset="tiny",
            seed=seed,
            inputs={name: self.outputs[name] for name in inputs},
            out=out,
            place=place,
            shared=self.shared,
            published=self.published,
            recipe="0123456789abcdef" * 4,
            compute=ComputeSettings(mode="synchronous", partition_size=8),
            remote=self.remote,
        )

    def run(self, stage, work, settings, *inputs, seed=0):
        context = self.context(stage, *inputs, seed=seed)
        summary = work(settings, context)
        self.outputs[stage] = context.out
        return summary

    def prepare(self, folder, until="split", **settings):
        """Run the stages up to one, with small images; return the last summary."""
        scan_settings = ScanSettings(channels=1, resize=ResizeSettings(width_px=SIDE_PX, height_px=SIDE_PX))
        source = source_settings(path=folder, licence="CC0-1.0")
        steps = [
            ("ingest", ingest, settings.get("source", source), ()),
            ("scan", scan, settings.get("scan", scan_settings), ("ingest",)),
            ("curate", curate, settings.get("curate", CurateSettings()), ("scan",)),
            ("split", split, settings.get("split", SplitSettings()), ("curate",)),
        ]
        for name, work, step_settings, inputs in steps:
            summary = self.run(name, work, step_settings, *inputs)
            if name == until:
                return summary
        raise ValueError(until)


@pytest.fixture
def workbench(tmp_path):
    return Workbench(tmp_path)


@pytest.fixture
def reads(monkeypatch):
    """Every member of a folder per class that is read while this is in use."""
    members = []

    class Counting(files.FolderPerClass):
        def read(self, member):
            members.append(member)
            return files.Files.read(self, member)

    monkeypatch.setattr(files, "FolderPerClass", Counting)
    return members


@pytest.fixture
def no_augmentation():
    return AugmentationSettings(preset="none")
