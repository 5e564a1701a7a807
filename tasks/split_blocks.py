"""Which images must not be parted by the splits: copies, groups that the source knows, and pairs of near copies."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def blocks(rows: Sequence[Mapping[str, Any]], pairs: Iterable[tuple[str, str]] = ()) -> list[list[int]]:
    """Rows with sha256, duplicate_group and group, pairs of sha256 -> row numbers by block, in the order of the rows.

    Groups of one name are one group, whatever the source: a patient may be in two of them.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for row in rows:
        first, *others = _ties(row)
        for other in others:
            parent[root(other)] = root(first)
    for one, other in pairs:
        parent[root(f"image {other}")] = root(f"image {one}")
    found: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows):
        found[root(_ties(row)[0])].append(number)
    return list(found.values())


def _ties(row: Mapping[str, Any]) -> list[str]:
    ties = [f"image {row['sha256']}"]
    if row["duplicate_group"]:
        ties.append(f"copies {row['duplicate_group']}")
    if row["group"]:
        ties.append(f"group {row['group']}")
    return ties
