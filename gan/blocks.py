"""Networks run on blocks of one shape, with every row at a fixed place.

Results of a matrix product may depend on its shape, and on the place of a row, in the last bit. So that image number i
is the same whatever it is made with, it is always row i % BLOCK of a block of BLOCK.
"""

from collections.abc import Callable

import numpy as np

BLOCK = 100


def at_fixed_places(forward: Callable[..., np.ndarray], numbers: np.ndarray, *arrays: np.ndarray) -> np.ndarray:
    """Row k of the result is `forward` of row k of each of `arrays` [N, ...], placed by its number [N], ascending.

    `forward` takes arrays of BLOCK rows and returns one of BLOCK rows. Raises ValueError where N is 0.
    """
    parts = []
    blocks = numbers // BLOCK
    for block in np.unique(blocks):
        chosen = blocks == block
        places = numbers[chosen] % BLOCK
        parts.append(forward(*(_placed(array[chosen], places) for array in arrays))[places])
    return np.concatenate(parts)


def _placed(rows: np.ndarray, places: np.ndarray) -> np.ndarray:
    block = np.zeros((BLOCK, *rows.shape[1:]), dtype=rows.dtype)
    block[places] = rows
    return block
