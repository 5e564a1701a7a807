"""Nearest neighbours and membership of balls, exact, at the speed of matrix products and in bounded memory.

A product in float32 gives every squared distance up to a bound on its rounding. Only pairs that this bound leaves
undecided (near a radius, or among the nearest) are computed again as sums of squared differences in float64: so equal
vectors are at exactly 0, ties are ties, and neither the order nor the size of blocks changes an answer.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from datasets.errors import BadInput
from gan.metrics.feature_checks import check_same_extractor, row_blocks

_TILE_ROWS, _TILE_COLUMNS = 2048, 4096  # 32 MB of distances, and at 2048 features 32 + 64 MB of vectors
_STEP_ROWS = 128  # of a tile, whose pairs are listed at once: 12 to 30 MB where all of them are near
_PAIR_NUMBERS = 2_000_000  # differences held at once: 16 MB
_UNIT_ROUNDOFF = 2.0**-24  # of float32
_TINY = 1e-30  # squares below this are lost in float32; distances are scaled to at most 2


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Per query its nearest points, nearest first, ties by the lower index."""

    index: np.ndarray  # int64 [N, count]
    squared: np.ndarray  # float64 [N, count], squared Euclidean distance

    @property
    def distance(self) -> np.ndarray:
        """float64 [N, count]: Euclidean distance."""
        return np.sqrt(self.squared)


def nearest(queries: np.ndarray, points: np.ndarray, count: int = 1) -> Neighbours:
    """The `count` nearest of points [M, D] to each of queries [N, D]; a query that is a point finds itself.

    Raises BadInput where there are fewer points, or vectors of another length.
    """
    if not 1 <= count <= len(points):
        raise BadInput(f"{count} neighbours were asked of {len(points)} vectors; ask for 1 to {len(points)}")
    pairs = Pairs(queries, points)
    index = np.full((len(queries), count), -1)
    squared = np.full((len(queries), count), np.inf)
    for tile in pairs.tiles():
        limit = np.minimum(squared[tile.rows, -1] / pairs.unit, tile.upper_bound(count))
        i, j = np.nonzero(tile.low <= limit[:, None].astype(np.float32))
        i, j = i + tile.rows.start, j + tile.columns.start
        _merge(index, squared, i, j, pairs.squared(i, j))
    return Neighbours(index, squared)


@dataclass(frozen=True, slots=True)
class Tile:
    """Lower bounds on scaled squared distances of rows to columns; upper bounds are the slack of both higher."""

    rows: slice
    columns: slice
    low: np.ndarray  # float32 [rows, columns]
    row_slack: np.ndarray  # float32 [rows]
    column_slack: np.ndarray  # float32 [columns]

    def upper_bound(self, count: int) -> np.ndarray:
        """float32 [rows]: the `count` nearest columns are not further than this; inf where there are too few."""
        width = self.low.shape[1]
        depth = min(16, width // (4 * count))
        if depth > 1:
            # The least of each of many groups of columns: so many are at most as far as the `count`-th of these.
            groups = self.low[:, : depth * (width // depth)].reshape(len(self.low), depth, -1).min(axis=1)
        else:
            groups = self.low
        if groups.shape[1] < count:
            return np.full(len(self.low), np.inf, dtype=np.float32)
        bound: np.ndarray = np.partition(groups, count - 1, axis=1)[:, count - 1]
        return bound + self.row_slack + self.column_slack.max()


class Pairs:
    """All pairs of a row of [N, D] with a row of [M, D]. Distances in tiles are scaled by 1 / `unit`."""

    def __init__(self, first: np.ndarray, second: np.ndarray) -> None:
        check_same_extractor(first.shape[1], second.shape[1])
        self._first, self._second = first, second
        self._centre = sum(block.sum(axis=0, dtype=np.float64) for _, block in row_blocks(second)) / len(second)
        largest = max(self._largest_square(first), self._largest_square(second))
        self.unit = largest if largest > 0.0 else 1.0
        size = first.shape[1] + 2
        # Twice what rounding of the vectors and of a sum of `size` products may reach, relative to |x|^2 + |y|^2.
        self._bound = _UNIT_ROUNDOFF * (16.0 + 4.0 * np.sqrt(size))
        self._same = _same_vectors(first, second)

    def tiles(self) -> Iterator[Tile]:
        """Every pair once, rows slowest."""
        for start in range(0, len(self._first), _TILE_ROWS):
            rows = slice(start, min(start + _TILE_ROWS, len(self._first)))
            left, row_squares = self._scaled(self._first[rows])
            left = np.concatenate([-2.0 * left, self._lowered(row_squares), np.ones_like(row_squares)], axis=1)
            for other in range(0, len(self._second), _TILE_COLUMNS):
                columns = slice(other, min(other + _TILE_COLUMNS, len(self._second)))
                right, column_squares = self._scaled(self._second[columns])
                right = np.concatenate([right, np.ones_like(column_squares), self._lowered(column_squares)], axis=1)
                yield Tile(rows, columns, left @ right.T, self._slack(row_squares), self._slack(column_squares))

    def within(
        self, tile: Tile, limits: np.ndarray, *, wanted: np.ndarray | None = None
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Indices (i, j) of the tile's pairs that are not further apart than a limit, some rows at a time.

        `limits` float64 [N, 1], one per row, or [1, M], one per column, are squared distances. Rows where `wanted`,
        bool [N], is false are left out; it may change between steps.
        """
        for start in range(0, len(tile.low), _STEP_ROWS):
            rows = np.arange(start, min(start + _STEP_ROWS, len(tile.low)))
            if wanted is not None:
                rows = rows[wanted[rows + tile.rows.start]]
            low = tile.low[rows]
            of_rows = limits[rows + tile.rows.start] if len(limits) > 1 else limits[:, tile.columns]
            i, j = np.nonzero(low <= (of_rows / self.unit).astype(np.float32))
            limit = np.broadcast_to(of_rows, low.shape)[i, j]
            inside = low[i, j] + tile.row_slack[rows[i]] + tile.column_slack[j] <= limit / self.unit
            i, j = rows[i] + tile.rows.start, j + tile.columns.start
            unsure = np.flatnonzero(~inside)
            inside[unsure] = self.squared(i[unsure], j[unsure]) <= limit[unsure]
            yield i[inside], j[inside]

    def squared(self, i: np.ndarray, j: np.ndarray) -> np.ndarray:
        """float64 [P]: exact squared distances of pairs of rows, by differences."""
        found = np.zeros(len(i))
        differ = np.flatnonzero(self._same[0][i] != self._same[1][j])
        step = max(1, _PAIR_NUMBERS // self._first.shape[1])
        for start in range(0, len(differ), step):
            part = differ[start : start + step]
            difference = self._first[i[part]].astype(np.float64) - self._second[j[part]]
            found[part] = np.einsum("pd,pd->p", difference, difference)
        return found

    def _scaled(self, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        vectors = ((block - self._centre) / np.sqrt(self.unit)).astype(np.float32)
        return vectors, np.einsum("nd,nd->n", vectors, vectors)[:, None]

    def _lowered(self, squares: np.ndarray) -> np.ndarray:
        return squares * np.float32(1.0 - self._bound) - np.float32(_TINY)

    def _slack(self, squares: np.ndarray) -> np.ndarray:
        slack: np.ndarray = squares[:, 0] * np.float32(2.0 * self._bound) + np.float32(4.0 * _TINY)
        return slack

    def _largest_square(self, rows: np.ndarray) -> float:
        squares = (np.square(block - self._centre).sum(axis=1).max() for _, block in row_blocks(rows))
        return float(max(squares))


def _same_vectors(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 [N] and [M]: equal numbers where vectors have the same bytes, which many have after a collapse."""
    numbers: dict[bytes, int] = {}

    def numbered(rows: np.ndarray) -> np.ndarray:
        digests = (hashlib.blake2b(row.tobytes(), digest_size=16).digest() for row in rows)
        return np.fromiter((numbers.setdefault(digest, len(numbers)) for digest in digests), np.int64, len(rows))

    return numbered(first), numbered(second)


def _merge(index: np.ndarray, squared: np.ndarray, i: np.ndarray, j: np.ndarray, new: np.ndarray) -> None:
    """Put pairs (i, j) at squared distances `new` among the nearest that were found so far, in place."""
    count = index.shape[1]
    rows = np.unique(i)
    i = np.concatenate([np.repeat(rows, count), i])
    j = np.concatenate([index[rows].ravel(), j])
    new = np.concatenate([squared[rows].ravel(), new])
    order = np.lexsort((j, new, i))
    starts = np.searchsorted(i[order], rows)
    kept = order[(starts[:, None] + np.arange(count)).ravel()]
    index[rows], squared[rows] = j[kept].reshape(-1, count), new[kept].reshape(-1, count)
