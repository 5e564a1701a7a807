"""Reads one shard from its first byte to its last, and says all that is wrong with its records.

What has to be compared across shards (ids, the manifest) is handed back as a few bytes per record, not as text.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from datasets.errors import FormatError
from datasets.example_proto import decode_example
from datasets.image_record import ImageRecord, decode_record
from datasets.manifest import Kind
from datasets.record_pixels import levels_of
from datasets.tfds_layout import Index, ShardEntry
from datasets.tfrecord import salvage_tfrecord
from tasks.digests import file_sha256
from tasks.verification.faults import Fault, FaultKind, Faults

AUGMENTED_SUFFIX = "_augmented"
NO_LABEL = -1
KINDS = tuple(Kind)
# What identifies a record, what the manifest says of it too, and where it is: `shard` counts within the version.
FACTS = np.dtype(
    [
        ("id", "V16"),
        ("label", "<i4"),
        ("kind", "u1"),
        ("derived_from", "<i8"),
        ("shard", "<i4"),
        ("record", "<i8"),
    ]
)


@dataclass(frozen=True, slots=True)
class ShardTask:
    """One shard to read, and the index of its version, without its list of shards."""

    folder: Path
    split: str
    number: int
    entry: ShardEntry
    index: Index
    limit: int

    @property
    def expected_kind(self) -> Kind:
        if self.index.lineage.get("kind") == Kind.SYNTHETIC:
            return Kind.SYNTHETIC
        return Kind.AUGMENTED if self.split.endswith(AUGMENTED_SUFFIX) else Kind.REAL


@dataclass(slots=True)
class ShardReport:
    """`facts` has one row of FACTS for each record that can be read."""

    faults: Faults
    records: int = 0
    facts: np.ndarray = field(default_factory=lambda: np.empty(0, FACTS))


def id_digest(text: str) -> bytes:
    """16 bytes that stand for an id."""
    return hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest()


def text_number(text: str) -> int:
    """A number in [0, 2^63) that stands for a text; 0 for an empty one."""
    return int.from_bytes(hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest(), "little") >> 1 if text else 0


def kind_number(kind: str) -> int:
    """Its place among the kinds there are; all others are one more."""
    return KINDS.index(Kind(kind)) if kind in KINDS else len(KINDS)


def read_shard(task: ShardTask) -> ShardReport:
    """Check a shard against its entry of the index and every record against the features."""
    report = ShardReport(Faults(task.limit))
    path = task.folder / task.entry.file
    try:
        _check_bytes(task, path, report.faults)
        _check_records(task, path, report)
    except FileNotFoundError:
        _add(report, task, FaultKind.MISSING_FILE, "it is missing; copy it again or publish again")
    except OSError as error:
        _add(report, task, FaultKind.UNREADABLE_FILE, f"it cannot be read ({error.strerror})")
    return report


def _check_bytes(task: ShardTask, path: Path, faults: Faults) -> None:
    size = path.stat().st_size
    name = task.entry.file
    if size != task.entry.bytes:
        sentence = f"it has {size} bytes, index.json says {task.entry.bytes}"
        faults.add(Fault(FaultKind.CHANGED_FILE, name, sentence))
    elif file_sha256(path) != task.entry.sha256:
        faults.add(Fault(FaultKind.CHANGED_FILE, name, "it does not have the sha256 that index.json says"))


def _check_records(task: ShardTask, path: Path, report: ShardReport) -> None:
    facts = []
    for number, (begin, payload, fault) in enumerate(salvage_tfrecord(path)):
        report.records += 1
        if payload is None:
            _add(report, task, FaultKind.DAMAGED_RECORD, f"{fault} (at byte {begin})", number)
            continue
        try:
            record = decode_record(payload)
        except (FormatError, UnicodeDecodeError) as error:
            _add(report, task, FaultKind.DAMAGED_RECORD, str(error), number, _id_in(payload))
            continue
        for kind, sentence in _faults_of(task, record):
            _add(report, task, kind, sentence, number, record.id)
        facts.append(_facts(task, record, number))
    report.facts = np.array(facts, dtype=FACTS)
    if report.records != task.entry.records:
        found = f"{report.records} records are found in it, index.json says {task.entry.records}"
        _add(report, task, FaultKind.WRONG_COUNT, found)


def _faults_of(task: ShardTask, record: ImageRecord) -> list[tuple[FaultKind, str]]:
    faults = []
    try:
        levels_of(record, task.index)
    except FormatError as error:
        faults.append((FaultKind.BAD_IMAGE, str(error)))
    if wrong := _wrong_label(task.index.features.class_names, record.label):
        faults.append((FaultKind.WRONG_LABEL, wrong))
    if record.kind != task.expected_kind:
        sentence = f"its kind is {record.kind!r}, in split {task.split} it has to be {task.expected_kind.value!r}"
        faults.append((FaultKind.WRONG_KIND, sentence))
    elif record.kind != Kind.REAL and not record.derived_from:
        faults.append((FaultKind.WRONG_KIND, f"it is {record.kind}, but does not say what it is derived from"))
    return faults


def _wrong_label(class_names: tuple[str, ...] | None, label: int | None) -> str | None:
    if class_names is None:
        return None if label is None else f"it has label {label}, but the data set has no labels"
    if label is None:
        return "it has no label, but the data set has classes"
    return None if 0 <= label < len(class_names) else f"its label is {label}, allowed are 0 to {len(class_names) - 1}"


def _facts(task: ShardTask, record: ImageRecord, number: int) -> tuple:
    label = NO_LABEL if record.label is None else max(NO_LABEL, min(record.label, 2**31 - 1))
    return (
        id_digest(record.id),
        label,
        kind_number(record.kind),
        text_number(record.derived_from),
        task.number,
        number,
    )


def _id_in(payload: bytes) -> str | None:
    """The id of a record that is damaged elsewhere."""
    try:
        (value,) = decode_example(payload).get("id", [])
        return str(value, "utf-8", "backslashreplace") if isinstance(value, bytes) else None
    except ValueError:
        return None


def _add(
    report: ShardReport,
    task: ShardTask,
    kind: FaultKind,
    sentence: str,
    record: int | None = None,
    record_id: str | None = None,
) -> None:
    report.faults.add(Fault(kind, task.entry.file, sentence, record, record_id))
