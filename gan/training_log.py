"""The training log: JSON Lines, one event per line, cut back to the checkpoint when a run resumes."""

import json
from pathlib import Path
from typing import Any

LOG_FILE = "training_log.jsonl"


class TrainingLog:
    """Appends to `training_log.jsonl` in a folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOG_FILE

    def write(self, event: str, images_seen: int, **content: Any) -> None:
        """One line: the event, where training was, and JSON-able content."""
        line = json.dumps({"event": event, "images_seen": images_seen, **content})
        with self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def size_bytes(self) -> int:
        """Length so far; what `cut` takes."""
        return self._path.stat().st_size if self._path.exists() else 0

    def cut(self, size_bytes: int) -> None:
        """Forget what was written after the log had this length: the resumed run will write it again."""
        if self.size_bytes() > size_bytes:
            with self._path.open("r+b") as file:
                file.truncate(size_bytes)


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All events of the log in a folder, in order; none where there is no log."""
    path = folder / LOG_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]
