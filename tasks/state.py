"""What a data set remembers between runs: class ids, where each published image went, and the last versions.

`state.json` names the ledger file; both are replaced whole, and only after a version was published.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.atomic_file import atomic_file, write_text_atomically
from datasets.errors import FormatError, brief
from datasets.manifest import MANIFEST_FILE, Kind, in_use, read_table
from datasets.tfds_layout import read_index
from tasks.digests import canonical_json
from tasks.published_versions import Published, latest, versions

STATE_VERSION = 1
STATE_FILE = "state.json"
LEDGER_VERSION = 1
LEDGER_SCHEMA = pa.schema(
    [("image", pa.string()), ("split", pa.string())], metadata={"ledger_version": str(LEDGER_VERSION)}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """`class_names` in order of id; `splits` maps sha256 and pixel sha256 of each image ever published to its split."""

    class_names: tuple[str, ...] | None = None
    splits: Mapping[str, str] = field(default_factory=dict)
    published: Mapping[str, str] = field(default_factory=dict)  # data set -> last version


def known_state(shared: Path, published: Path, dataset: str) -> State:
    """What has been published so far: the workspace's memory, and what the published versions themselves say.

    The versions are read where the memory is not of the latest: after a crash between publishing and remembering,
    or in a new workspace.
    """
    state = read_state(shared)
    last = latest(published / dataset)
    if last is None or state.published.get(dataset) == last.version:
        return state
    for version in versions(published / dataset):
        state = remembered(state, Published(published / dataset / version, read_index(published / dataset / version)))
    names = last.index.features.class_names
    # After a step back, the versions behind it may have given ids to more classes: those stay given.
    known = names is None or (state.class_names or ())[: len(names)] == names
    return state if known else replace(state, class_names=names)


def remembered(state: State, published: Published) -> State:
    """The state with the images and classes of a published real version added."""
    used = in_use(read_table(published.path / MANIFEST_FILE, ["sha256", "pixel_sha256", "split", "kind", "status"]))
    splits = dict(state.splits)
    real = used.filter(pc.equal(used["kind"], Kind.REAL))
    for key in ("sha256", "pixel_sha256"):
        splits.update(zip(real[key].to_pylist(), real["split"].to_pylist(), strict=True))
    return State(
        class_names=published.index.features.class_names or state.class_names,
        splits=splits,
        published={**state.published, published.index.name: published.version},
    )


def read_state(shared: Path) -> State:
    """The state kept in a workspace; an empty one before anything was published. Raises FormatError."""
    path = shared / STATE_FILE
    if not path.exists():
        return State()
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        version = record["format_version"]
        if version != STATE_VERSION:
            raise FormatError(f"{path}: state version {brief(version)}, this code reads {STATE_VERSION}")
        names, ledger = record["class_names"], record["ledger"]
        splits = _read_ledger(shared / ledger) if ledger else {}
        return State(class_names=tuple(names) if names else None, splits=splits, published=record["published"])
    except FormatError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError, OSError, pa.ArrowException) as error:
        raise FormatError(f"{path} is damaged ({brief(error)}); remove it: what was published is read again") from None


def write_state(shared: Path, state: State) -> None:
    """Replace the state. The ledger gets a new name first, so that `state.json` always names a whole one."""
    rows = sorted(state.splits.items())
    ledger = f"splits-{hashlib.sha256(repr(rows).encode()).hexdigest()[:16]}.parquet"
    if rows and not (shared / ledger).exists():
        table = pa.Table.from_arrays([[row[0] for row in rows], [row[1] for row in rows]], schema=LEDGER_SCHEMA)
        with atomic_file(shared / ledger) as file:
            pq.write_table(table, file, compression="zstd")
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


def _read_ledger(path: Path) -> dict[str, str]:
    table = pq.read_table(path)
    if table.schema.metadata != LEDGER_SCHEMA.metadata:
        raise FormatError(f"{path}: not a ledger of version {LEDGER_VERSION}; remove state.json beside it")
    return dict(zip(table["image"].to_pylist(), table["split"].to_pylist(), strict=True))
