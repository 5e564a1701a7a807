"""What the report says of where versions come from."""

import json
from pathlib import Path

from tasks.report.build import render

STAGE = {
    "code": "c0de" * 16,
    "fingerprint": "f1" * 32,
    "inputs": {"scan": "aa" * 32, "ingest": "bb" * 32},
    "libraries": {"numpy": "2.4.6", "keras": "3.15.1"},
    "output": "0u" * 32,
}
LINEAGE = {
    "format_version": 1,
    "name": "things_synthetic",
    "version": "1.2.0",
    "kind": "synthetic",
    "content_digest": "dd" * 32,
    "manifest_sha256": "ee" * 32,
    "python": "3.11.7",
    "stages": {"curate": STAGE},
    "real": {"name": "things", "version": "1.1.0", "content_digest": "99" * 32, "manifest_sha256": "88" * 32},
    "generator": {"generator.json": "77" * 32},
    "sampling": {"seed": 4, "truncation": 0.7},
}


def page_with(workspace, lineage: dict) -> str:
    workspace.publish("publish_synthetic", "things_synthetic")
    folder = Path(workspace.stages[-1]["summary"]["folder"])
    folder.mkdir(parents=True)
    (folder / "lineage.json").write_text(json.dumps(lineage), encoding="utf-8")
    return " ".join(render(workspace.record()).split())


def test_a_version_is_told_with_what_it_was_learned_from_and_how_it_was_sampled(workspace):
    page = page_with(workspace, LINEAGE)
    for text in ("things 1.1.0, records 9999999999999999…", "seed 4, truncation 0.7", "77" * 32, "dd" * 32, "3.11.7"):
        assert f"<code>{text}</code>" in page


def test_stages_are_told_by_short_digests_and_libraries(workspace):
    page = page_with(workspace, LINEAGE)
    assert "<td>ingest, scan</td><td><code>f1f1f1f1f1f1f1f1…</code></td><td><code>c0dec0dec0dec0de…</code></td>" in page
    assert "keras 3.15.1, numpy 2.4.6" in page


def test_a_lineage_that_cannot_be_read_is_left_out_with_a_reason(workspace):
    page = page_with(workspace, LINEAGE | {"format_version": 99})
    assert "Lineage: no version of this run has a lineage any more" in page
