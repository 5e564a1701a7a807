"""What can be wrong with a version, and a collection that shows some of each kind and counts all."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

MAX_ID_CHARACTERS = 200


class FaultKind(StrEnum):
    """Kinds of damage; the values are for machines."""

    MISSING_FILE = "missing_file"
    UNEXPECTED_FILE = "unexpected_file"
    UNREADABLE_FILE = "unreadable_file"
    CHANGED_FILE = "changed_file"
    WRONG_COUNT = "wrong_count"
    DAMAGED_RECORD = "damaged_record"
    BAD_IMAGE = "bad_image"
    WRONG_LABEL = "wrong_label"
    WRONG_KIND = "wrong_kind"
    REPEATED_ID = "repeated_id"
    NOT_IN_MANIFEST = "not_in_manifest"
    NOT_IN_SHARDS = "not_in_shards"
    NOT_AS_IN_MANIFEST = "not_as_in_manifest"
    BROKEN_LINEAGE = "broken_lineage"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. `record` counts from 0 within the shard; `id` is the record's, where it can be read."""

    kind: FaultKind
    file: str
    detail: str
    record: int | None = None
    id: str | None = None

    @property
    def sentence(self) -> str:
        """E.g. `shard X, record 17 (id Y): it does not have its checksum`."""
        if self.record is None:
            return f"{self.file}: {self.detail}"
        named = "" if self.id is None else f" (id {shown_id(self.id)})"
        return f"shard {self.file}, record {self.record}{named}: {self.detail}"


def shown_id(text: str) -> str:
    """An id on one line, cut where it is very long: it comes from a file that may be damaged."""
    shown = text if text.isprintable() else repr(text)
    return shown if len(shown) <= MAX_ID_CHARACTERS else f"{shown[:MAX_ID_CHARACTERS]}…"


@dataclass(slots=True)
class Faults:
    """The first `limit` faults of each kind, and how many there are."""

    limit: int
    first: dict[FaultKind, list[Fault]] = field(default_factory=dict)
    counts: Counter[FaultKind] = field(default_factory=Counter)

    def add(self, fault: Fault) -> None:
        """Count it, and keep it if it is among the first of its kind."""
        self.counts[fault.kind] += 1
        kept = self.first.setdefault(fault.kind, [])
        if len(kept) < self.limit:
            kept.append(fault)

    def count_unnamed(self, kind: FaultKind, more: int) -> None:
        """Count some that are not to be kept."""
        if more > 0:
            self.counts[kind] += more

    def room(self, kind: FaultKind) -> int:
        """How many more of a kind would be kept."""
        return max(0, self.limit - len(self.first.get(kind, ())))

    def merge(self, others: "Faults") -> None:
        """Add all of another collection."""
        for fault in others:
            if self.room(fault.kind) > 0:
                self.first.setdefault(fault.kind, []).append(fault)
        self.counts += others.counts

    def __iter__(self) -> Iterator[Fault]:
        return (fault for kind in FaultKind for fault in self.first.get(kind, ()))

    def __len__(self) -> int:
        return self.counts.total()
