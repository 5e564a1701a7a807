"""Runs the stages up to the shards, without Prefect: here, or in a process of its own that a test can kill.

Arguments: folder, workers, name of a stage to die in ("" = none). The folder holds `images`.
"""

import os
import signal
import sys
import threading
import time
from pathlib import Path

from flows.settings import validate
from tasks.parallel import ComputeSettings
from tasks.run import Run, SilentObserver
from tasks.stage import Place
from tasks.stage_context import StageContext
from tasks.stages import PREPARE

SETTINGS = {
    "dataset": "tiny",
    "scan": {"channels": 3, "resize": {"width_px": 24, "height_px": 24}, "encoding": "png"},
    "augment": {"preset": "light", "variants_per_image": 2},
    "split": {"validation": 0.2, "test": 0.2},
    "shard": {"shard_mib": 0.05},
}
STAGES = PREPARE[: [stage.name for stage in PREPARE].index("shard") + 1]


class Killer(SilentObserver):
    """Ends the process group, with no word to anybody, when the stage has written its first bytes."""

    def __init__(self, stage: str, shared: Path) -> None:
        self.stage, self.shared = stage, shared

    def stage_started(self, stage):
        if stage.name == self.stage:
            threading.Thread(target=self._wait_and_kill, daemon=True).start()

    def _wait_and_kill(self):
        while True:
            for path in [*self.shared.glob(f"{self.stage}/*.partial/**/*"), *self.shared.glob("pixels/**/*")]:
                if path.is_file() and path.stat().st_size and (self.stage == "scan" or "pixels" not in path.parts):
                    os.killpg(0, signal.SIGKILL)
            time.sleep(0.002)


def settings_and_place(folder: Path, mode: str, workers: int, source: str | None = None, **compute):
    compute = {"mode": mode, "workers": workers, "partition_size": 7, **compute}
    source = {"path": source or str(folder / "images"), "kind": "folder_per_class", "licence": "CC0-1.0"}
    settings = validate(SETTINGS | {"source": source, "compute": compute}, "test")
    place = Place(
        dataset="tiny",
        seed=3,
        workspace=folder / "workspace",
        published=folder / "published",
        compute=ComputeSettings(**compute),
    )
    return settings, place


def prepare(folder: Path, workers: int, die_in: str = "") -> None:
    """As a flow does it: each stage in a child process."""
    settings, place = settings_and_place(folder, "processes" if workers > 1 else "synchronous", workers)
    observer = Killer(die_in, place.shared)
    Run(flow="prepare-dataset", settings=settings, place=place, observer=observer).run_stages(STAGES)


def prepare_on_cluster(folder: Path, source: str, **compute) -> None:
    """As a flow does it, on a cluster of the user's."""
    settings, place = settings_and_place(folder, "processes", 0, source, **compute)
    Run(flow="prepare-dataset", settings=settings, place=place, observer=SilentObserver()).run_stages(STAGES)


def prepare_here(folder: Path, source: str | None = None) -> Path:
    """In this process, without anything between the stages; the folder of shards."""
    settings, place = settings_and_place(folder, "synchronous", 1, source)
    outputs = {}
    for stage in STAGES:
        outputs[stage.name] = place.shared / stage.name / "here"
        outputs[stage.name].mkdir(parents=True)
        context = StageContext(
            dataset=place.dataset,
            seed=place.seed,
            inputs={name: outputs[name] for name in stage.inputs},
            out=outputs[stage.name],
            place=f"{stage.name}/here",
            shared=place.shared,
            published=place.published,
            recipe="0" * 64,
            compute=place.compute,
        )
        stage.work(getattr(settings, stage.section), context)
    return outputs["shard"]


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
