import numpy as np

from gan.blocks import BLOCK, at_fixed_places


def test_a_row_is_always_at_its_place_in_a_block_of_its_own() -> None:
    numbers = np.array([3, BLOCK + 3, BLOCK + 4])
    given = np.array([5.0, 6.0, 7.0])
    seen: list[np.ndarray] = []

    def forward(block: np.ndarray) -> np.ndarray:
        seen.append(block.copy())
        return 2 * block + np.arange(BLOCK)

    np.testing.assert_array_equal(at_fixed_places(forward, numbers, given), [13, 15, 18])
    assert [np.flatnonzero(block).tolist() for block in seen] == [[3], [3, 4]]
