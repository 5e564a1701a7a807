"""What a data set remembers between runs: class ids, where each published image went, and the last versions.

`state.json` names the ledger file; both are replaced whole, and only after a version was published.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.atomic_file import write_text_atomically
from datasets.errors import FormatError
from tasks.digests import canonical_json

STATE_VERSION = 1
STATE_FILE = "state.json"
LEDGER_SCHEMA = pa.schema([("sha256", pa.string()), ("split", pa.string())], metadata={"ledger_version": "1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`class_names` in order of id; `splits` maps the sha256 of every image ever published to its split."""

    class_names: tuple[str, ...] | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)  # data set -> last version


def read_state(shared: Path) -> State:
    """The state of a data set; an empty one before anything was published. Raises FormatError."""
    path = shared / STATE_FILE
    if not path.exists():
        return State()
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path} is damaged ({error}); restore it, or remove it to start without history") from None
    if record.get("format_version") != STATE_VERSION:
        raise FormatError(f"{path}: state version {record.get('format_version')}, this code reads {STATE_VERSION}")
    ledger = pq.read_table(shared / record["ledger"], schema=LEDGER_SCHEMA) if record["ledger"] else None
    splits = dict(zip(*(ledger[name].to_pylist() for name in ("sha256", "split")), strict=True)) if ledger else {}
    names = record["class_names"]
    return State(class_names=tuple(names) if names else None, splits=splits, published=record["published"])


def write_state(shared: Path, state: State) -> None:
    """Replace the state. The ledger gets a new name first, so that `state.json` always names a whole one."""
    rows = sorted(state.splits.items())
    table = pa.Table.from_pydict(
        {"sha256": [row[0] for row in rows], "split": [row[1] for row in rows]}, schema=LEDGER_SCHEMA
    )
    digest = hashlib.sha256(repr(rows).encode()).hexdigest()[:16]
    ledger = f"splits-{digest}.parquet"
    pq.write_table(table, shared / ledger, compression="zstd")
    record = {
        "format_version": STATE_VERSION,
        "class_names": list(state.class_names) if state.class_names else None,
        "ledger": ledger if rows else None,
        "published": dict(state.published),
    }
    write_text_atomically(shared / STATE_FILE, canonical_json(record, indent=1))
    for old in shared.glob("splits-*.parquet"):
        if old.name != ledger:
            old.unlink()
