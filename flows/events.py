"""Tells Prefect that a version appeared, so that an automation can start whoever uses it. See docs/deploy.md."""

from collections.abc import Iterable
from pathlib import Path

from prefect.events import emit_event

from datasets.gate_file import read_gate
from datasets.tfds_layout import read_index
from tasks.stage import StageResult

PUBLISHED = "dataset.published"


def announce_versions(results: Iterable[StageResult]) -> None:
    """An event for each version that these results of stages made visible."""
    for result in results:
        summary = result.summary
        if result.outcome == "skipped" or summary.get("outcome") != "published":
            continue
        folder = Path(summary["folder"])
        emit_event(
            PUBLISHED,
            resource={
                "prefect.resource.id": f"dataset.{summary['name']}",
                "prefect.resource.name": f"{summary['name']} {summary['version']}",
            },
            payload={
                "name": summary["name"],
                "version": summary["version"],
                "path": summary["path"],
                "content_digest": read_index(folder).content_digest,
                "verdict": read_gate(folder).verdict,
                "images": summary["images_out"],
            },
        )
