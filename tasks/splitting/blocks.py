"""Which images must not be parted by the splits: copies, groups that the source knows, and pairs of near copies."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa

TIES = ("pixel_sha256", "duplicate_group", "group")


def blocks(images: pa.Table, pairs: Iterable[tuple[str, str]] = ()) -> np.ndarray:
    """Rows with sha256 and TIES, and pairs of sha256 -> int64 [N]: the same number for rows that stay together.

    Frames of one file have its sha256. Groups of one name are one group, whatever the source: a patient may be in two
    of them.
    """
    pairs = list(pairs)
    linked = [pa.array([pair[side] for pair in pairs], pa.string()) for side in (0, 1)]
    names = pa.chunked_array([*images["sha256"].chunks, *linked], pa.string())
    codes = codes_of(names)
    count = len(images)
    image, linked_codes = codes[:count], codes[count:]
    edges = [np.stack([linked_codes[: len(pairs)], linked_codes[len(pairs) :]])]
    nodes = int(codes.max(initial=-1)) + 1
    for name in TIES:
        tied = codes_of(images[name])
        rows = np.flatnonzero(_shared(tied))
        edges.append(np.stack([image[rows], tied[rows] + nodes]))
        nodes += int(tied.max(initial=-1)) + 1
    joined = np.concatenate(edges, axis=1)
    return _components(joined, nodes)[image] if joined.size else image


def codes_of(column: pa.ChunkedArray) -> np.ndarray:
    """int64 [N]: equal values have equal numbers, from 0 on in the order of their first; -1 where there is none."""
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):  # of no chunk at all
        return np.empty(0, np.int64)
    return encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)


def _shared(codes: np.ndarray) -> np.ndarray:
    """Whether each has a number that another row has too: bool [N]."""
    return np.bincount(codes + 1)[codes + 1] * (codes >= 0) > 1


def _components(edges: np.ndarray, nodes: int) -> np.ndarray:
    """Edges int64 [2, E] -> int64 [nodes]: the lowest node that each is connected to.

    Every root is put below the lowest root that an edge leads to, and paths are shortened, until nothing is apart.
    (Own code, as importing a library's takes longer than the work.)
    """
    root = np.arange(nodes)
    while True:
        ends = root[edges]
        edges = ends[:, ends[0] != ends[1]]
        if not edges.size:
            return root
        np.minimum.at(root, edges.max(axis=0), edges.min(axis=0))
        while not np.array_equal(shorter := root[root], root):
            root = shorter
