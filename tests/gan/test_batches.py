import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gan.batches import BatchOrder


@given(count=st.integers(1, 50), batch_size=st.integers(1, 70), epochs=st.integers(1, 4))
def test_every_epoch_sees_every_image_once(count: int, batch_size: int, epochs: int) -> None:
    order = BatchOrder(count, batch_size, seed=1)
    steps = -(-count * epochs // batch_size)
    stream = np.concatenate([order.at(step) for step in range(steps)])
    for epoch in range(epochs):
        assert sorted(stream[epoch * count : (epoch + 1) * count]) == list(range(count))


def test_a_step_needs_no_history() -> None:
    walked = BatchOrder(100, 16, seed=3)
    for step in range(40):
        walked.at(step)
    np.testing.assert_array_equal(walked.at(40), BatchOrder(100, 16, seed=3).at(40))


def test_epochs_and_seeds_differ() -> None:
    order = BatchOrder(64, 64, seed=3)
    assert not np.array_equal(order.at(0), order.at(1))
    assert not np.array_equal(order.at(0), BatchOrder(64, 64, seed=4).at(0))
