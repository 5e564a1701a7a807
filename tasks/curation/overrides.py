"""Decisions of the user on single images: keep this, drop that, relabel. A small file, applied on every run."""

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator, model_validator

from datasets.errors import BadInput, brief
from datasets.manifest import key_text
from datasets.sources.adapted import is_plain
from tasks.curation.finding_list import Findings, is_usable
from tasks.digests import digest_of

Row = dict[str, Any]
COLUMNS = ("sha256", "member", "action", "label", "reason")
EXAMPLES = 3
_HEX_DIGITS = 64


class Override(BaseModel):
    """One entry: which image, by bytes, pixels or name, and what is decided."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str | None = None
    member: str | None = None
    action: Literal["keep", "drop", "relabel"]
    label: str | None = None
    reason: str = ""

    @field_validator("sha256")
    @classmethod
    def _be_hex(cls, sha256: str | None) -> str | None:
        if sha256 is not None and (len(sha256) != _HEX_DIGITS or set(sha256.lower()) - set("0123456789abcdef")):
            raise ValueError(f"got {sha256!r}; it has {_HEX_DIGITS} hex digits")
        return sha256 and sha256.lower()

    @field_validator("label")
    @classmethod
    def _be_plain(cls, label: str | None) -> str | None:
        """As labels of sources are: stripped, and none where nothing is left."""
        label = (label or "").strip() or None
        if label is not None and not is_plain(label):
            raise ValueError(f"got {label!r}, which holds control characters; write it without them")
        return label

    @model_validator(mode="after")
    def _be_whole(self) -> "Override":
        if bool(self.sha256) == bool(self.member):
            raise ValueError("give either sha256 or member, to say which image")
        if (self.action == "relabel") != bool(self.label):
            raise ValueError("relabel needs a label, and nothing else has one")
        return self

    @property
    def image(self) -> str:
        """How the entry names its image."""
        return self.sha256 or self.member or ""

    @property
    def decision(self) -> str:
        """What is decided, in words."""
        return f"relabel to {self.label}" if self.action == "relabel" else self.action


@dataclass
class OverrideUse:
    """What became of the entries; examples name a few of each."""

    entries: int = 0
    applied: Counter[str] = field(default_factory=Counter)
    unmatched: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    unusable: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Counts of images per action and of what had no effect, with examples."""
        record: dict[str, Any] = {"entries": self.entries, "applied": dict(sorted(self.applied.items()))}
        for name in ("unmatched", "conflicts", "unusable"):
            found = getattr(self, name)
            record[name] = {"count": len(found), "examples": found[:EXAMPLES]}
        return record


def check_overrides(path: Path | None) -> None:
    """Raises BadInput where the file is missing or has a bad entry; for use before work starts."""
    if path is not None:
        read_overrides(path)


def overrides_digest(path: Path | None) -> str | None:
    """Digest of the entries, whatever their order, comments and layout; None without a file."""
    if path is None:
        return None
    return digest_of(sorted(digest_of(entry.model_dump()) for entry in read_overrides(path)))


def read_overrides(path: Path) -> list[Override]:
    """A YAML list of entries, or a CSV table with a header of COLUMNS.

    Raises BadInput, naming the file and the entry: cannot be read, not of this form, two entries that contradict.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(
            f"curate.overrides {path} cannot be read ({error.strerror}); correct the path, or leave the setting out"
        ) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"curate.overrides {path} is not UTF-8 ({error}); save it as plain text") from None
    entries = [_entry(record, f"{path}, {where}") for where, record in _records(path, text)]
    _check_consistent(path, entries)
    return entries


def _records(path: Path, text: str) -> Iterable[tuple[str, Any]]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _csv_records(path, text)
    if suffix not in (".yaml", ".yml"):
        raise BadInput(f"curate.overrides {path} ends in {suffix or 'nothing'}; allowed are .yaml, .yml and .csv")
    from tasks.bounded_yaml import UNREADABLE, load_texts, why_unreadable

    try:
        records = load_texts(text)  # a label 007 stays as it is
    except UNREADABLE as error:
        raise BadInput(f"curate.overrides {path} is not valid YAML: {why_unreadable(error)}") from None
    if records in (None, ""):
        return []
    if not isinstance(records, list):
        raise BadInput(f"curate.overrides {path} holds no list; it is a list of entries of {', '.join(COLUMNS)}")
    return [(f"entry {number}", record) for number, record in enumerate(records, start=1)]


def _csv_records(path: Path, text: str) -> Iterable[tuple[str, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        unknown = sorted(set(reader.fieldnames or ()) - set(COLUMNS))
        if unknown or "action" not in (reader.fieldnames or ()):
            named = ", ".join(unknown) or "no column action"
            raise BadInput(f"curate.overrides {path} has {named}; its first line names columns of {', '.join(COLUMNS)}")
        return [(f"line {reader.line_num}", _filled_cells(record, path, reader.line_num)) for record in reader]
    except csv.Error as error:
        raise BadInput(f"curate.overrides {path}, line {reader.line_num}: no CSV ({error}); correct it") from None


def _filled_cells(record: dict[str | None, Any], path: Path, line: int) -> dict[str | None, Any]:
    """The cells of a line that hold something. What is beyond the columns stands under None."""
    if None in record:
        raise BadInput(
            f"curate.overrides {path}, line {line}: it has more cells than the first line has columns; "
            "take out a comma, or put quotes around the cell that holds one"
        )
    return {name: cell for name, cell in record.items() if cell}


def _entry(record: Any, where: str) -> Override:
    if not isinstance(record, dict):
        raise BadInput(f"{where}: got {str(record)[:80]!r}; an entry has sha256 or member, and action")
    try:
        return Override.model_validate({name: value for name, value in record.items() if value != ""})
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"]))
        sentence = str(fault["msg"]).removeprefix("Value error, ")
        raise BadInput(f"{where}: {brief(f'{name}: {sentence}'.removeprefix(': '))}") from None


def _check_consistent(path: Path, entries: Sequence[Override]) -> None:
    by_image: dict[str, list[Override]] = defaultdict(list)
    for entry in entries:
        for other in by_image[entry.image]:
            if _contradict(entry, other):
                raise BadInput(
                    f"curate.overrides {path}: for {entry.image} one entry says {other.decision} and one "
                    f"{entry.decision}; keep one of them"
                )
        by_image[entry.image].append(entry)


def _contradict(one: Override, other: Override) -> bool:
    if "drop" in (one.action, other.action):
        return one.action != other.action
    return one.action == other.action == "relabel" and one.label != other.label


def apply_overrides(rows: Sequence[Row], entries: Sequence[Override], findings: Findings) -> OverrideUse:
    """Drop and relabel, and protect what is to be kept from every later check.

    An entry by `member` (its path, or the key text `source/member#frame`) goes before one by hash that contradicts it.
    """
    use = OverrideUse(entries=len(entries))
    by_image: dict[str, list[Override]] = defaultdict(list)
    for entry in sorted(entries, key=lambda entry: (entry.member is None, entry.image, entry.action)):
        by_image[entry.image].append(entry)
    matched: set[str] = set()
    for row in rows:
        names = [name for name in _names(row) if name in by_image]
        if names:
            matched.update(names)
            chosen = _agreeing(row, [entry for name in names for entry in by_image[name]], findings, use)
            _apply(row, chosen, findings, use)
    use.unmatched = sorted(by_image.keys() - matched)
    return use


def _names(row: Row) -> list[str]:
    """All that an entry can call an image, the most precise first, none twice."""
    names = (key_text(row), row["member"], row["sha256"], row["pixel_sha256"])
    return list(dict.fromkeys(name for name in names if name))


def _agreeing(row: Row, entries: Sequence[Override], findings: Findings, use: OverrideUse) -> list[Override]:
    """Those of the entries for one image that do not contradict an earlier one."""
    agreeing: list[Override] = []
    for entry in entries:
        against = next((other for other in agreeing if _contradict(entry, other)), None)
        if against is None:
            agreeing.append(entry)
            continue
        use.conflicts.append(key_text(row))
        counts = f"that of {against.image} {against.decision}, which counts"
        detail = f"the entry of {entry.image} says {entry.decision}, {counts}"
        findings.add(row, "override_conflict", "note", detail)
    return agreeing


def _apply(row: Row, entries: Sequence[Override], findings: Findings, use: OverrideUse) -> None:
    for entry in {entry.action: entry for entry in reversed(entries)}.values():
        if not is_usable(row):
            _without_effect(row, entry, findings, use)
            continue
        use.applied[entry.action] += 1
        because = f" ({entry.reason})" if entry.reason else ""
        if entry.action == "drop":
            findings.reject(row, "override_drop", f"dropped by an override{because}")
        elif entry.action == "relabel":
            sentence = f"relabelled from {row['label']} to {entry.label} by an override{because}"
            row["label"] = entry.label
            findings.add(row, "override_relabel", "note", sentence)
            _leave_trace(row, sentence)
        else:
            findings.protect(row)
            row["kept_because"] = f"kept by an override{because}"


def _without_effect(row: Row, entry: Override, findings: Findings, use: OverrideUse) -> None:
    """An override of what is out already: to drop it is no news, and nothing else can help it."""
    if entry.action == "drop":
        use.applied["drop"] += 1
        sentence = "dropped by an override as well"
    else:
        use.unusable.append(key_text(row))
        sentence = f"an override says {entry.decision}, but it cannot be used: {row['reason']}"
        findings.add(row, "override_unusable", "note", f"{sentence}, {row['detail']}")
    _leave_trace(row, sentence)


def record_kept(rows: Iterable[Row], findings: Findings) -> None:
    """After all checks: say of every image that an override keeps what it was kept in spite of."""
    for row in rows:
        if "kept_because" not in row:
            continue
        if is_usable(row):
            saved_from = findings.saved_from(row)
            sentence = f"{row['kept_because']}, " + (
                f"although {'; '.join(saved_from)}" if saved_from else "and nothing speaks against it"
            )
        else:
            sentence = f"an override says keep, but it cannot be used: {row['reason']}"
        findings.add(row, "override_keep" if is_usable(row) else "override_unusable", "note", sentence)
        _leave_trace(row, sentence)


def _leave_trace(row: Row, sentence: str) -> None:
    row.setdefault("override_trace", []).append(sentence)


def detail_of(row: Mapping[str, Any]) -> str | None:
    """The row's own detail and what overrides did to it, as one text."""
    return "; ".join([*filter(None, [row["detail"]]), *row.get("override_trace", ())]) or None
