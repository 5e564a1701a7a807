"""What every metric asks of feature vectors before it measures anything."""

from collections.abc import Iterator

import numpy as np

from datasets.errors import BadInput

_BLOCK_NUMBERS = 4_000_000  # numbers converted at once: 32 MB
_LARGEST = 1e38  # float32 holds it, and float64 the squares of its products


def feature_rows(features: np.ndarray, *, at_least: int, what: str) -> np.ndarray:
    """[N, D] as it is where it is float32 or float64, else as float64.

    Raises BadInput, naming `what` needs them, for what are no numbers, another shape, fewer than `at_least` vectors, or
    values that are not finite or beyond 1e38.
    """
    rows = numbers(features, "features")
    if rows.dtype not in (np.float32, np.float64):
        rows = rows.astype(np.float64)
    if rows.ndim != 2 or len(rows) < at_least or not rows.shape[1]:
        raise BadInput(f"features have shape {rows.shape}; {what} needs [N, D] with N of at least {at_least}")
    wrong = sum(int((~_is_within(block)).sum()) for _, block in row_blocks(rows))
    if wrong:
        raise BadInput(
            f"{wrong} of {len(rows)} feature vectors are not finite or beyond {_LARGEST:.0e}; look at what the "
            "extractor was given"
        )
    return rows


def numbers(values: np.ndarray, what: str) -> np.ndarray:
    """What is an array of real numbers, as one. Raises BadInput for lists of unequal length, texts and others."""
    try:
        found = np.asarray(values)
    except ValueError as error:
        raise BadInput(f"{what} are lists of unequal length; give an array of numbers") from error
    if found.dtype.kind not in "fiub":
        raise BadInput(f"{what} are of type {found.dtype}; give an array of numbers")
    return found


def _is_within(block: np.ndarray) -> np.ndarray:
    """Mask [n] of the rows of [n, D] whose numbers are finite and not too large; a nan is the least and the most."""
    found: np.ndarray = (block.min(axis=1) >= -_LARGEST) & (block.max(axis=1) <= _LARGEST)
    return found


def check_same_extractor(first: int, second: int) -> None:
    """Raises BadInput where vectors of `first` and of `second` numbers are to be compared."""
    if first != second:
        raise BadInput(
            f"features of {first} and of {second} numbers cannot be compared; measure both sets with the same extractor"
        )


def check_not_constant(real: np.ndarray, what: str) -> None:
    """Raises BadInput where all vectors of real images are one: such an extractor tells nothing apart."""
    if all((block == real[0]).all() for _, block in row_blocks(real)):
        raise BadInput(
            f"all {len(real)} real feature vectors are equal, so {what} would say nothing; use another extractor"
        )


def row_blocks(rows: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Blocks of [N, D] of at most 4 million numbers, so that a conversion of each needs little memory."""
    return ((part, rows[part]) for part in _parts(*rows.shape))


def picked_blocks(rows: np.ndarray, picked: np.ndarray) -> Iterator[np.ndarray]:
    """The same of the rows `picked` int64 [n] of [N, D]."""
    return (rows[picked[part]] for part in _parts(len(picked), rows.shape[1]))


def _parts(count: int, size: int) -> Iterator[slice]:
    step = max(1, _BLOCK_NUMBERS // size)
    return (slice(start, start + step) for start in range(0, count, step))
