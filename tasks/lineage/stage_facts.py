"""What the output of a stage says of how it came to be: its DONE file, as far as there is one."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.done_file import read_done


@dataclass(frozen=True, slots=True, kw_only=True)
class StageFacts:
    """`parts` is what the fingerprint is made of, `outputs` the sha256 of every file, `digest` that of all of them."""

    fingerprint: str
    digest: str
    parts: Mapping[str, Any]
    outputs: Mapping[str, str]
    summary: Mapping[str, Any]

    @property
    def settings(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.parts["settings"]
        return found


def facts_of(folder: Path) -> StageFacts | None:
    """Of the folder of a stage that has ended; None where it says nothing of itself."""
    done = read_done(folder)
    return StageFacts(**{name: done[name] for name in StageFacts.__dataclass_fields__}) if done else None


def facts_of_all(folders: Mapping[str, Path]) -> dict[str, StageFacts]:
    """By stage, in the order of the stages; those that say nothing are left out."""
    found = {name: facts_of(folder) for name, folder in folders.items()}
    return {name: facts for name, facts in found.items() if facts is not None}
