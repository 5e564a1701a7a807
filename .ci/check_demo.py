"""Checks what the demo promises in the record of its last run. Usage: check_demo.py first (or: again)."""

import json
import sys
from pathlib import Path

MIN_ACCURACY = 0.93
record = json.loads(sorted(Path("demo/workspace/digits/runs").glob("*.json"))[-1].read_text(encoding="utf-8"))
stages = {stage["name"]: stage for stage in record["stages"]}
outcomes = {stage["outcome"] for stage in record["stages"]}
gate = json.loads((Path(stages["gate_synthetic"]["path"]) / "gate.json").read_text(encoding="utf-8"))
accuracy = next(m["value"] for m in gate["metrics"] if m["name"] == "train_on_synthetic_all_held_out")
expected = {"first": {"ran"}, "again": {"skipped"}}[sys.argv[1]]
faults = []
if record["verdict"] != "done":
    faults.append(f"verdict {record['verdict']}")
if accuracy < MIN_ACCURACY:
    faults.append(
        f"accuracy of a classifier trained on synthetic images {accuracy:.3f}, at least {MIN_ACCURACY} is promised"
    )
if outcomes != expected:
    faults.append(f"stages {sorted(outcomes)}, expected {sorted(expected)}")
sys.exit("the demo broke its promise: " + "; ".join(faults) if faults else 0)
