"""Rows in blocks: what holds for a block as a whole, and the order in which blocks are drawn."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Grouping:
    """Row numbers, block after block: those of block b are `order[starts[b] : starts[b + 1]]`."""

    order: np.ndarray  # int64 [N]
    starts: np.ndarray  # int64 [B + 1]

    @classmethod
    def of(cls, numbers: np.ndarray) -> "Grouping":
        """Rows of one number are one group; groups are sorted by it."""
        order = np.argsort(numbers, kind="stable")
        is_first = np.diff(numbers[order], prepend=-1) != 0
        return cls(order, np.append(np.flatnonzero(is_first), len(order)))

    @property
    def sizes(self) -> np.ndarray:
        """int64 [B]: rows of each group."""
        return np.diff(self.starts)

    def reduced(self, operation: np.ufunc, values: np.ndarray) -> np.ndarray:
        """[N] -> [B]: each group's values, e.g. added up."""
        if not len(self.order):
            return values[:0]
        return np.asarray(operation.reduceat(values[self.order], self.starts[:-1]), values.dtype)

    def rows(self, group: int) -> np.ndarray:
        """int64: the rows of one group, in their order."""
        return self.order[self.starts[group] : self.starts[group + 1]]


def commonest(grouping: Grouping, codes: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Label codes int64 [N], -1 for none -> [B]: the commonest of each group; of equals the first by name."""
    found = grouping.reduced(np.minimum, codes)
    mixed = found != grouping.reduced(np.maximum, codes)
    rows = grouping.order[np.repeat(mixed, grouping.sizes)]
    groups = np.repeat(np.flatnonzero(mixed), grouping.sizes[mixed])
    pairs, counts = np.unique(np.stack([groups, codes[rows]]), axis=1, return_counts=True)
    by_name = np.argsort(np.argsort([*names, str(None)], kind="stable"))
    best_last = np.lexsort((-by_name[pairs[1]], counts, pairs[0]))
    found[pairs[0][best_last]] = pairs[1][best_last]  # the last of a group is what stays
    return found


def drawn_order(seed: int, grouping: Grouping, groups: np.ndarray, sha256: pa.ChunkedArray) -> np.ndarray:
    """Some groups by rank of a hash of their lowest sha256, so that no group's rank depends on another."""
    starts, ends = grouping.starts[groups].tolist(), grouping.starts[groups + 1].tolist()
    names = sha256.take(pa.array(grouping.order)).to_pylist()
    purpose = hashlib.sha256(f"split {seed} ".encode())
    digests = []
    for start, end in zip(starts, ends, strict=True):
        rank = purpose.copy()
        rank.update((names[start] if end - start == 1 else min(names[start:end])).encode())
        digests.append(rank.digest())
    words = np.frombuffer(b"".join(digests), ">u8").reshape(-1, 4)
    return np.asarray(groups[np.lexsort(words.T[::-1])])
