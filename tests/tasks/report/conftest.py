"""A small finished run, made with the writers of datasets/ alone: nothing is trained or decoded for it."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from datasets.gate_file import Gate, Metric, Outcome, judged, write_gate
from datasets.image_codec import encode_image
from datasets.manifest import FINDINGS_FILE, FINDINGS_SCHEMA, MANIFEST_FILE, key_text, table_of, write_table
from datasets.pixel_packs import PackWriter
from tasks.stages import FLOWS

HOSTILE = "<script>alert(1)</script>"
SIDE_PX = 16
COSTS = {"wall_s": 2.5, "cpu_s": 1.5, "peak_rss_mib": 100.4}


def noise(number: int, side_px: int = SIDE_PX) -> np.ndarray:
    """uint8 [side_px, side_px, 3]."""
    return np.random.default_rng(number).integers(0, 256, (side_px, side_px, 3), dtype=np.uint8)


class Workspace:
    """Writes stage outputs below one folder and collects the record of a run."""

    def __init__(self, root: Path, classes: tuple[str, ...] = ("shoe", HOSTILE), side_px: int = SIDE_PX) -> None:
        self.shared = root / "workspace" / "things"
        self.root = root
        self.classes = classes
        self.side_px = side_px
        self.stages: list[dict] = []

    def record(self, verdict: str = "done", message: str = "", **changes) -> dict:
        settings = {"dataset": "things", "seed": 3, "workspace": str(self.root / "workspace")}
        settings |= {"published": str(self.root / "published"), "curate": {"min_side_px": 9, "max_aspect": 8.0}}
        record = {
            "run": "20260102T030405Z",
            "flow": "augment-dataset",
            "dataset": "things",
            "started_at": "2026-01-02T03:04:05+00:00",
            "finished_at": "2026-01-02T03:05:10+00:00",
            "verdict": verdict,
            "exit_code": 0,
            "message": message,
            "stopped_stage": None if verdict == "done" else self.next_stage(),
            "settings": settings,
            "stages": self.stages,
        }
        return json.loads(json.dumps(record | changes))

    def next_stage(self) -> str:
        """The stage after the last that finished, where a run that did not end well has stopped."""
        names = [stage.name for stage in FLOWS["augment-dataset"]]
        return names[names.index(self.stages[-1]["name"]) + 1 if self.stages else 0]

    def folder(self, stage: str, how: str = "ran", **summary) -> Path:
        path = self.shared / stage / "0123456789abcdef"
        path.mkdir(parents=True)
        counts = {"images_in": 0, "images_out": 0, "rejected": {}}
        usage = dict.fromkeys(COSTS, 0.0) if how == "skipped" else COSTS
        entry = {"name": stage, "outcome": how, "why": "first run", "path": str(path), "digest": "ab"}
        self.stages.append(entry | {"usage": usage, "summary": counts | summary})
        return path

    def packed(self, stage_folder: Path, rows: list[dict]) -> None:
        """Give each row without a reason to lack one a picture in a pack, and write the manifest."""
        pack = stage_folder / "images.pack"
        with PackWriter(pack) as writer:
            for number, row in enumerate(rows):
                if row.get("reason") != "truncated":
                    payload = encode_image(noise(number, self.side_px), "png")
                    row["offset"], row["length"] = writer.append(payload)
                    row["pack"] = pack.relative_to(self.shared).as_posix()
        write_table(table_of(rows), stage_folder / MANIFEST_FILE)

    def prepare(self, per_class: int = 6) -> None:
        rows = [self._real(name, number) for name in self.classes for number in range(per_class)]
        copy, cut = self._real("shoe", 98), self._real("shoe", 99)
        copy |= {"status": "rejected", "reason": "duplicate_exact", "detail": "same bytes", "split": None}
        copy["duplicate_group"] = rows[0]["duplicate_group"] = rows[0]["sha256"]
        cut |= {"status": "rejected", "reason": "truncated", "detail": f"ends in {HOSTILE}", "split": None}
        cut |= dict.fromkeys(("width_px", "height_px", "mean", "std", "sharpness"))
        rows += [copy, cut]
        listed, used = len(rows), len(rows) - 2
        self.folder("ingest", "skipped", images_in=listed, images_out=listed)
        self.folder("scan", images_in=listed, images_out=listed - 1, rejected={"truncated": 1})
        both = {"duplicate_exact": 1, "truncated": 1}
        curated = self.folder("curate", images_in=listed, images_out=used, rejected=both)
        finding = {"source": "s", "member": "m", "frame": 0, "finding": "palette", "severity": "repair", "detail": "d"}
        write_table(pa.Table.from_pylist([finding], schema=FINDINGS_SCHEMA), curated / FINDINGS_FILE)
        self.packed(self.folder("split", images_in=listed, images_out=used, rejected=both), rows)
        copies = [self._copy(row) for row in rows[:used] if row["split"] == "train"]
        self.packed(self.folder("augment", images_in=used, images_out=len(copies)), copies)
        self.gate("gate_data", "data", [Metric(name="leaks", title="leaks", value=0.0, outcome=Outcome.PASSED)])

    def publish(self, stage: str, name: str) -> None:
        path = self.root / "published" / name / "1.2.0"
        summary = {"outcome": "published", "name": name, "version": "1.2.0", "path": str(path)}
        summary["folder"] = summary["path"]
        self.folder(stage, images_in=8, images_out=8, **summary)

    def synthesize(self) -> None:
        self.training(self.folder("train", best={"images_seen": 200, "frechet_distance": 3.25}, stopped_by="x"))
        rows = [{**self._real(name, 500 + number), "kind": "synthetic"} for name in self.classes for number in range(3)]
        self.packed(self.folder("generate", images_out=len(rows)), [row | {"split": "train"} for row in rows])
        self.folder("shard_synthetic")
        metric = Metric(
            name="frechet_distance",
            title="Fréchet distance",
            value=7.25,
            threshold=5.0,
            floor=2.5,
            interval=(6.0, 8.5),
            extractor="classifier-1",
            n=1234,
            outcome=Outcome.NOT_MEASURED,
        )
        folder = self.gate("gate_synthetic", "synthetic", [judged(metric)])
        (folder / "closest_pairs.png").write_bytes(encode_image(np.concatenate([noise(1), noise(2)]), "png"))

    def training(self, folder: Path) -> None:
        events = [{"event": "losses", "images_seen": seen, "discriminator_loss": 1 / seen} for seen in (100, 200, 300)]
        events.append({"event": "evaluation", "images_seen": 200, "frechet_distance": 3.25, "recall": float("nan")})
        events.append({"event": "alarm", "images_seen": 200, "sentence": "collapse: recall was low"})
        lines = [json.dumps(event) for event in events]
        (folder / "training_log.jsonl").write_text("\n".join(lines) + '\n{"event": "los', encoding="utf-8")
        (folder / "samples").mkdir()
        for seen in (100, 200, 300):
            (folder / "samples" / f"{seen:09}.png").write_bytes(encode_image(noise(seen), "png"))

    def gate(self, stage: str, name: str, metrics: list[Metric]) -> Path:
        folder = self.folder(stage)
        write_gate(Gate(gate=name, metrics=tuple(metrics), decided_on="all images"), folder)
        return folder

    def _real(self, label: str, number: int) -> dict:
        row = {"source": "s", "member": f"{label}/{number}.png", "frame": 0, "kind": "real", "label": label}
        row |= {"sha256": f"{label}{number}", "size_bytes": 100 + number, "status": "kept"}
        row |= {"width_px": 20 + number, "height_px": 30, "mean": 99.0, "std": 9.0, "sharpness": 5.0 * number}
        return row | {"split": ("train", "train", "validation", "test")[number % 4]}

    def _copy(self, row: dict) -> dict:
        changes = {"kind": "augmented", "derived_from": key_text(row), "split": "train_augmented"}
        return row | changes | {"member": f"{row['member']}@augmented-0"}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Empty; `prepare`, `publish` and `synthesize` fill it."""
    return Workspace(tmp_path)


@pytest.fixture
def whole_run(workspace: Workspace) -> dict:
    """The record of a run of all stages."""
    workspace.prepare()
    workspace.publish("publish_data", "things")
    workspace.synthesize()
    workspace.publish("publish_synthetic", "things_synthetic")
    return workspace.record()


@pytest.fixture
def new_workspace():
    """Workspace(root, classes=..., side_px=...)."""
    return Workspace
