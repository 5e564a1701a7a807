"""A run that nobody disturbs, with what was there after each stage, and runs up to a stage that are struck in it."""

import os
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasks.run import SilentObserver
from tasks.stage import StageResult
from tasks.synthetic_gate.metric_table import METRICS
from tests.flows.whole_run import NAMES, run

ROOT = Path(__file__).resolve().parent.parent.parent
DYING = ROOT / "tests" / "flows" / "dying_stage"
CHECKPOINT_IMAGES, BUDGET_IMAGES = 160, 640

# A generator and classifiers of a few hundred weights: what they learn is not the point.
SETTINGS = f"""\
dataset: tiny
source: {{path: images, licence: CC0-1.0}}
scan: {{channels: 1, resize: {{width_px: 16, height_px: 16}}}}
split: {{validation: 0.3, test: 0.15}}
train:
  latent_size: 4
  width: 4
  max_width: 8
  batch_size: 16
  budget_images: {BUDGET_IMAGES}
  evaluate_every_images: {BUDGET_IMAGES}
  checkpoint_every_images: {CHECKPOINT_IMAGES}
  evaluation_samples: 32
  extractor: &small {{width: 4, feature_size: 8, budget_images: 160, batch_size: 32}}
generate: {{images_per_class: 12}}
publish: {{generator: none}}
synthetic_gate:
  min_gate_images: 8
  value: {{seeds: 1}}
  classifier: *small
  limits:
"""
SETTINGS += "".join(f"    {name}: {{severity: report}}\n" for name in METRICS)
SETTINGS += "compute: {mode: synchronous}\n"


class Snapshots(SilentObserver):
    """Copies workspace and published data after every stage."""

    def __init__(self, home):
        self.home = home

    def stage_ended(self, stage, result):
        copy(self.home / "data", self.home / "after" / stage.name)


def copy(here, there):
    """`there` becomes what is here, times included: outputs are told apart by them."""
    shutil.rmtree(there, ignore_errors=True)
    shutil.copytree(here, there)


@dataclass(frozen=True)
class Undisturbed:
    """`home` holds `data`, where runs take place, and copies of it `after` each stage."""

    home: Path
    settings_file: Path
    results: dict[str, StageResult]
    writes: dict[str, int]  # files that each stage wrote

    def restore(self, stage):
        """Have what was there before a stage, which is returned."""
        before = self.home / "after" / ["nothing", *NAMES][NAMES.index(stage)]
        copy(before, self.home / "data")
        return before

    def half(self, stage):
        """Number of the file half-way through those that a stage writes."""
        return (self.writes[stage] + 1) // 2

    def struck(self, stage, before_command=(), **fault):
        """Run up to a stage, in a process of its own, with variables for dying_stage; what became of it."""
        log = self.home / "last_writes"
        Path(f"{log}.struck").unlink(missing_ok=True)
        environment = dict(os.environ)
        watch(environment.__setitem__, self.home, log, **fault)
        command = [*before_command, sys.executable, "-m", "tests.flows.whole_run", str(self.settings_file), stage]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def undisturbed_run(home, settings, write_images, last=NAMES[-1]):
    """Run all stages up to one on the images that `write_images(folder)` writes."""
    settings_file = home / "data" / "tiny.yaml"
    write_images(home / "data" / "images")
    settings_file.write_text(settings)
    copy(home / "data", home / "after" / "nothing")
    with pytest.MonkeyPatch.context() as patch:
        watch(patch.setenv, home, home / "writes")
        made = run(settings_file, last, observer=Snapshots(home))
    names = NAMES[: NAMES.index(last) + 1]
    counts = Counter(line.split()[0] for line in (home / "writes").read_text().splitlines())
    assert len(counts) == len(names)  # a process for each stage, in their order
    return Undisturbed(home, settings_file, made.results, dict(zip(names, counts.values(), strict=True)))


def watch(put, home, log, **more):
    """Environment in which stages log what they write below a folder."""
    put("PYTHONPATH", f"{DYING}{os.pathsep}{ROOT}")
    put("WRITES_BELOW", str(home / "data"))
    put("WRITES_LOG", str(log))
    for name, value in more.items():
        put(name, str(value))
