"""Tells Prefect what became of a data set, so that automations can start or tell whoever waits. See docs/deploy.md."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from prefect.events import emit_event

from datasets.gate_file import Gate, Metric, Outcome, describe_refusals, read_gate
from datasets.tfds_layout import read_index
from tasks.compared_version import compared_version
from tasks.published_versions import synthetic_name
from tasks.run import Run
from tasks.stage import StageResult

PUBLISHED = "dataset.published"
GATE_REFUSED = "dataset.gate.refused"
MOST_METRICS = 30  # in a payload: a gate may judge every class, and events are kept for days
DECIDED = (Outcome.PASSED, Outcome.WARNED, Outcome.REFUSED)


def announce(run: Run, record: Mapping[str, Any]) -> None:
    """An event for each version that a run made visible, and for a gate that it was refused by."""
    announce_versions(run.results.values())
    if record["verdict"] == "refused":
        announce_refusals(run)


def announce_versions(results: Iterable[StageResult]) -> None:
    """An event for each version that these results of stages made visible."""
    for result in results:
        summary = result.summary
        if result.outcome == "skipped" or summary.get("outcome") != "published":
            continue
        folder = Path(summary["folder"])
        gate = read_gate(folder)
        emit_event(
            PUBLISHED,
            resource=_resource(summary["name"], summary["version"]),
            payload={
                "name": summary["name"],
                "version": summary["version"],
                "path": summary["path"],
                "content_digest": read_index(folder).content_digest,
                "verdict": gate.verdict,
                "images": summary["images_out"],
                "metrics": {metric.name: _short(metric.value) for metric in _deciding(gate)},
            },
        )


def announce_refusals(run: Run) -> None:
    """An event for the gate that refused: what it judged, and why. Also where its verdict is that of a run before."""
    for result in run.results.values():
        if result.summary.get("verdict") != "refused":
            continue
        gate = read_gate(result.path)
        dataset = run.place.dataset
        name = synthetic_name(dataset) if gate.gate == "synthetic" else dataset
        refusals = gate.refusals[:MOST_METRICS]
        emit_event(
            GATE_REFUSED,
            resource=_resource(name, gate.gate),
            payload={
                "name": name,
                "gate": gate.gate,
                "compared_with": compared_version(result.path),
                "run": run.name,
                "report": str(run.report) if run.report else None,
                "message": describe_refusals(refusals),
                "refusals": [_refusal(metric) for metric in refusals],
            },
        )


def _resource(name: str, what: str) -> dict[str, str]:
    return {"prefect.resource.id": f"dataset.{name}", "prefect.resource.name": f"{name} {what}"}


def _deciding(gate: Gate) -> list[Metric]:
    """Those that had a limit and were measured."""
    return [metric for metric in gate.metrics if metric.outcome in DECIDED and metric.value is not None][:MOST_METRICS]


def _refusal(metric: Metric) -> dict[str, Any]:
    return {
        "name": metric.name,
        "value": _short(metric.value),
        "threshold": _short(metric.threshold),
        "direction": metric.direction,
        "outcome": metric.outcome.value,
    }


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
