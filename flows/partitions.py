"""Partitions: one settings file for many data sets of one kind, e.g. one for each day's folder of images.

`{partition}` in the paths and patterns of the source stands for the partition's name. Each is a data set of its own, by
name and by workspace folder, where a small file keeps whose it is.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets.atomic_file import write_text_atomically
from datasets.errors import BadInput

MARK = "{partition}"
PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*$"
"""Safe as a part of a path: no slash, no `..`, and no `.` or `-` in front."""
MAX_LENGTH = 60
OWNER_FILE = "partition"


def is_partition(name: str) -> bool:
    """Whether it can be the name of a partition."""
    return len(name) <= MAX_LENGTH and re.fullmatch(PATTERN, name) is not None


def name_of(dataset: str, partition: str) -> str:
    """The data set of a partition: `photos`, `2026-11-22` -> `photos_2026_11_22`."""
    return f"{dataset}_{re.sub(r'[^a-z0-9_]', '_', partition.lower())}"


def filled(record: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Plain settings with the partition that they name in the place of each mark in source, and in the data set's name.

    Raises BadInput for a partition without a mark, a mark without a partition or outside the source, and a bad name.
    """
    partition, source = record.get("partition"), record.get("source")
    marked = [name for name, section in record.items() if any(MARK in text for text in texts_in(section))]
    if stray := [name for name in marked if name != "source"]:
        raise BadInput(f"{where}: {MARK} stands in {stray[0]}; it is for the paths and patterns of source; remove it")
    if partition is None:
        if marked:
            raise BadInput(
                f"{where}: its source is for partitions ({MARK}), and none is given; add --partition NAME (of a flow: "
                "its parameter partition), or run all there are with `augment-dataset backfill`"
            )
        return dict(record)
    partition = str(partition)  # YAML makes dates and numbers of some
    if not is_partition(partition):
        raise BadInput(
            f"partition is {partition!r}; allowed are letters, digits, -, _ and single . between them, at most "
            f"{MAX_LENGTH} characters"
        )
    if not marked:
        raise BadInput(
            f"{where}: partition {partition} is given, but nothing in source says where it stands; write {MARK} there, "
            f'e.g. path: "incoming/{MARK}", or leave partition out'
        )
    named = {"partition": partition, "source": _replaced(source, partition)}
    if isinstance(dataset := record.get("dataset"), str):
        named["dataset"] = name_of(dataset, partition)
    return {**record, **named}


def texts_in(value: Any) -> Iterator[str]:
    """All texts in plain settings, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts_in(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner)


def check_owner(shared: Path, partition: str | None) -> None:
    """Raises BadInput where a data set's workspace is that of another partition, which gives the same name."""
    owner = _owner(shared)
    if owner == partition or (owner is None and not (shared / "runs").is_dir()):
        return
    whose = f"partition {owner}" if owner else "a data set without partitions"
    wanted = f"partition {partition}" if partition else "a data set without partitions"
    raise BadInput(
        f"{shared} is the workspace of {whose}, and {wanted} would have the same name; rename one of them, or set "
        "another dataset or workspace"
    )


def take_ownership(shared: Path, partition: str | None) -> None:
    """Note whose workspace it is. Raises BadInput where that is another's. The caller holds its lock."""
    check_owner(shared, partition)
    if partition is not None and _owner(shared) is None:
        write_text_atomically(shared / OWNER_FILE, f"{partition}\n")


def _owner(shared: Path) -> str | None:
    try:
        return (shared / OWNER_FILE).read_text(encoding="utf-8").strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _replaced(value: Any, partition: str) -> Any:
    if isinstance(value, str):
        return value.replace(MARK, partition)
    if isinstance(value, Mapping):
        return {name: _replaced(inner, partition) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_replaced(inner, partition) for inner in value]
    return value
