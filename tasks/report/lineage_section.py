"""The section about where published versions come from."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets.errors import FormatError
from tasks.lineage.record import read_lineage
from tasks.report.absent import Absent
from tasks.report.evidence import Evidence
from tasks.report.pictures import Album
from tasks.report.tables import published_rows

DIGITS = 16  # of a digest, so that a row fits a line; lineage.json has all
FACTS = {
    "content_digest": "digest of the records",
    "manifest_sha256": "sha256 of the manifest",
    "python": "Python",
}


def lineage(evidence: Evidence, album: Album) -> dict[str, Any] | Absent:
    """Of each version: its digests, what it was learned from, and the stages behind it by what they are made of."""
    versions = published_rows(evidence.record)
    if not versions:
        return Absent("nothing was published in this run")
    found = []
    for version in versions:
        try:
            found.append(_version(read_lineage(Path(version.folder))))
        except FormatError:
            continue
    return {"versions": found} if found else Absent("no version of this run has a lineage any more")


def _version(record: Mapping[str, Any]) -> dict[str, Any]:
    facts = [(title, str(record[name])) for name, title in FACTS.items() if record.get(name)]
    if real := record.get("real"):
        facts.insert(0, ("learned from", f"{real['name']} {real['version']}, records {_short(real['content_digest'])}"))
    for name, sha256 in (record.get("generator") or {}).items():
        facts.append((f"sha256 of {name}", str(sha256)))
    if sampling := record.get("sampling"):
        facts.append(("sampled with", f"seed {sampling['seed']}, truncation {sampling['truncation']:g}"))
    stages = [_stage(name, stage) for name, stage in record["stages"].items()]
    return {"name": record["name"], "version": record["version"], "facts": facts, "stages": stages}


def _stage(name: str, stage: Mapping[str, Any]) -> dict[str, Any]:
    libraries = ", ".join(f"{library} {version}" for library, version in sorted(stage["libraries"].items()))
    return {
        "name": name,
        "inputs": ", ".join(sorted(stage["inputs"])),
        "code": _short(stage["code"]),
        "fingerprint": _short(stage["fingerprint"]),
        "output": _short(stage["output"]),
        "libraries": libraries,
    }


def _short(digest: str) -> str:
    return f"{digest[:DIGITS]}…"
