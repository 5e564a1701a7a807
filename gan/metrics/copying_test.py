"""C_T: whether synthetic images lie nearer to the training images than held-out real ones do, cell by cell."""

from dataclasses import dataclass

import numpy as np
from scipy import linalg
from scipy.stats import rankdata

from datasets.errors import BadInput
from gan.metrics.feature_checks import check_not_constant, check_same_extractor, feature_rows, row_blocks
from gan.metrics.neighbours import nearest

MIN_IN_CELL = 20
_DIRECTIONS = 64  # cells are found in this many principal directions
_ROUNDS = 25


@dataclass(frozen=True, slots=True)
class CopyingTest:
    """`statistic` far below 0: nearer to training than held-out images, copies; about 0: alike; far above: underfit.

    It is a mean of standard normal numbers where both are of one distribution, so +-3 is a strict bound.
    """

    statistic: float
    per_cell: tuple[float, ...]  # Z of every cell that counts
    weights: tuple[float, ...]  # share of held-out images in it, of those in all cells that count
    n_synthetic: int
    n_held_out: int
    n_training: int


def copying_test(
    synthetic: np.ndarray, held_out: np.ndarray, training: np.ndarray, *, seed: int, cells: int = 3
) -> CopyingTest:
    """Mann-Whitney Z of distances to the nearest training vector, weighted over k-means cells of training.

    Features [N, D], held-out real [H, D] and training [M, D]. Cells with fewer than 20 of either do not count.
    Raises BadInput where none counts, where all training vectors are equal, or for vectors of another length.
    Meehan, Chaudhuri and Dasgupta 2020, arXiv:2004.05675.
    """
    training = feature_rows(training, at_least=2, what="the copying test")
    made, unseen = (feature_rows(rows, at_least=MIN_IN_CELL, what="the copying test") for rows in (synthetic, held_out))
    for rows in (made, unseen):
        check_same_extractor(rows.shape[1], training.shape[1])
    check_not_constant(training, "the copying test")
    cell_of_training = _Cells(training, cells, np.random.default_rng([seed, 0x_C7]))
    made_cells, unseen_cells = cell_of_training(made), cell_of_training(unseen)
    made_squares, unseen_squares = (nearest(rows, training).squared[:, 0] for rows in (made, unseen))
    scores, weights = [], []
    for cell in range(cells):
        of_made, of_unseen = made_squares[made_cells == cell], unseen_squares[unseen_cells == cell]
        if min(len(of_made), len(of_unseen)) >= MIN_IN_CELL:
            scores.append(rank_score(of_made, of_unseen))
            weights.append(len(of_unseen))
    if not scores:
        raise BadInput(
            f"none of {cells} cells holds {MIN_IN_CELL} of {len(made)} synthetic and of {len(unseen)} held-out images; "
            "the copying test needs more of both, or fewer cells"
        )
    shares = np.array(weights) / sum(weights)
    return CopyingTest(
        statistic=float(shares @ scores),
        per_cell=tuple(scores),
        weights=tuple(map(float, shares)),
        n_synthetic=len(made),
        n_held_out=len(unseen),
        n_training=len(training),
    )


def rank_score(first: np.ndarray, second: np.ndarray) -> float:
    """Mann-Whitney U of [N] over [M] as a standard normal number, below 0 where the first are less; ties share ranks.

    0 where all are equal.
    """
    n, m = len(first), len(second)
    pooled = np.concatenate([first, second])
    wins = rankdata(pooled)[:n].sum() - n * (n + 1) / 2
    ties = np.unique(pooled, return_counts=True)[1].astype(np.float64)
    total = n + m
    variance = n * m / 12 * (total + 1 - np.sum(ties**3 - ties) / (total * (total - 1)))
    return float((wins - n * m / 2) / np.sqrt(variance)) if variance > 0.0 else 0.0


class _Cells:
    """k-means cells of training vectors in their first principal directions; callable on other vectors."""

    def __init__(self, training: np.ndarray, count: int, rng: np.random.Generator) -> None:
        self._directions = principal_directions(training)
        points = self._projected(training)
        self._centres = spread_centres(points, min(count, len(points)), rng)
        for _ in range(_ROUNDS):
            cell = _nearest_centre(points, self._centres)
            for number in np.unique(cell):
                self._centres[number] = points[cell == number].mean(axis=0)

    def __call__(self, rows: np.ndarray) -> np.ndarray:
        """int64 [N]: the cell of each of [N, D]."""
        return _nearest_centre(self._projected(rows), self._centres)

    def _projected(self, rows: np.ndarray) -> np.ndarray:
        return np.concatenate([block @ self._directions for _, block in row_blocks(rows)])


def principal_directions(rows: np.ndarray) -> np.ndarray:
    """float64 [D, P]: the 64 directions in which [N, D] vary most, or all of them where there are no more."""
    size = rows.shape[1]
    if size <= _DIRECTIONS:
        return np.eye(size)
    mean = sum(block.sum(axis=0, dtype=np.float64) for _, block in row_blocks(rows)) / len(rows)
    scatter = np.zeros((size, size))
    for _, block in row_blocks(rows):
        centred = block - mean
        scatter += centred.T @ centred
    found: np.ndarray = linalg.eigh(scatter, subset_by_index=(size - _DIRECTIONS, size - 1))[1]
    return found


def spread_centres(points: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """float64 [count, D]: points drawn with a chance that grows with the distance to those drawn before.

    Arthur and Vassilvitskii 2007.
    """
    centres = points[[rng.integers(len(points))]]
    while len(centres) < count:
        squares = np.min([np.square(points - centre).sum(axis=1) for centre in centres], axis=0)
        total = squares.sum()
        chance = squares / total if total > 0.0 else None
        centres = np.concatenate([centres, points[[rng.choice(len(points), p=chance)]]])
    return centres


def _nearest_centre(points: np.ndarray, centres: np.ndarray) -> np.ndarray:
    squares = np.sum(centres**2, axis=1) - 2.0 * (points @ centres.T)
    found: np.ndarray = squares.argmin(axis=1)
    return found
