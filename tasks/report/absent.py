"""What stands in for a section that a run gives no reason to have."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Absent:
    """The section is left out; `why` is said in one line at the end of the page."""

    why: str
