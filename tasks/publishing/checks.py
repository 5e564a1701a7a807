"""What has to be so before anything is published. All raise Refused, one sentence each."""

from collections import Counter
from pathlib import Path

import pyarrow.compute as pc

from datasets.errors import Refused
from datasets.gate_file import describe_refusals, read_gate
from datasets.manifest import MANIFEST_FILE, in_use, read_table
from datasets.tfds_layout import Index
from tasks.published_versions import Published


def check_gate(name: str, folder: Path) -> None:
    """What its gate refused is not published."""
    gate = read_gate(folder)
    if gate.verdict != "passed":
        raise Refused(f"{name} is not published: its gate refused it ({describe_refusals(gate.refusals)})")


def check_class_ids(index: Index, last: Published | None) -> None:
    """A published class never gets another id, whatever became of the workspace."""
    if last is None:
        return
    before = last.index.features.class_names or ()
    now = index.features.class_names or ()
    if now[: len(before)] != before:
        raise Refused(
            f"{index.name} is not published: its classes were {', '.join(before)} in {last.version} and would be "
            f"{', '.join(now) or 'none'}; ids of published classes do not change: choose another dataset name"
        )


def check_licences(name: str, folder: Path) -> None:
    """Of every image in use a licence is known."""
    used = in_use(read_table(folder / MANIFEST_FILE, ["source", "status", "licence"]))
    without = used.filter(pc.equal(pc.utf8_trim_whitespace(pc.fill_null(used["licence"], "")), ""))
    if len(without):
        source, count = Counter(without["source"].to_pylist()).most_common(1)[0]
        raise Refused(
            f"{name} is not published: no licence is known of {len(without)} of its {len(used)} images ({count} of "
            f"source {source}); set source.licence, or publish.require_licence to false"
        )
