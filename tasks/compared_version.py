"""Which published version a gate compared with, so that its verdict is not trusted once another one is there."""

import json
from pathlib import Path

from tasks.digests import canonical_json
from tasks.published_versions import Published

COMPARED_FILE = "compared_with.json"


def write_compared(folder: Path, last: Published | None) -> None:
    """Note beside a gate the version that it compared with, or that there was none."""
    compared = {"version": last.version if last else None}
    (folder / COMPARED_FILE).write_text(canonical_json(compared), encoding="utf-8")


def compared_version(folder: Path) -> str | None:
    """The version that the gate in `folder` compared with; None: there was none."""
    version: str | None = json.loads((folder / COMPARED_FILE).read_text(encoding="utf-8"))["version"]
    return version


def why_outdated(folder: Path, last: Published | None, content_digest: str) -> str | None:
    """Why the verdict in `folder` no longer holds; None if it holds.

    It does not where other content than that of the digest was published since, or the compared version is gone.
    """
    compared = compared_version(folder)
    if last is None:
        return None if compared is None else f"{compared}, which it was compared with, is no longer published"
    same = last.version == compared or last.index.content_digest == content_digest
    return None if same else f"{last.version} was published since"
