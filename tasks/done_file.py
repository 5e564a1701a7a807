"""DONE, the last file that a stage writes: what its output is made of and holds. No output counts without it."""

import json
from pathlib import Path
from typing import Any

DONE_FILE = "DONE"
STAGE_FORMAT = 1
_KINDS: dict[str, type] = {"fingerprint": str, "parts": dict, "outputs": dict, "digest": str, "summary": dict}


def read_done(folder: Path) -> dict[str, Any] | None:
    """None where it is not there, damaged, or of another version: then the stage runs again."""
    try:
        done = json.loads((folder / DONE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(done, dict) or done.get("format") != STAGE_FORMAT:
        return None
    if not all(isinstance(done.get(name), kind) for name, kind in _KINDS.items()):
        return None
    return done if all(isinstance(done["parts"].get(name), dict) for name in ("inputs", "libraries")) else None
