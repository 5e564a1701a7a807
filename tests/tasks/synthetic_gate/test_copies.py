"""Copies by hash, in excess of held-out real images."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datasets.readers import LoadedSplit
from tasks.synthetic_gate import copies
from tasks.synthetic_gate.evidence import Evidence


def noise(seed, count=40):
    images = np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 1), dtype=np.uint8)
    return LoadedSplit(images, None, [str(number) for number in range(count)], None)


def with_copies(split, other, count):
    return LoadedSplit(np.concatenate([other.images[:count], split.images[count:]]), None, split.ids, None)


HASHES = arrays(np.uint64, st.integers(1, 40), elements=st.integers(0, 2**64 - 1))


@given(HASHES, HASHES)
def test_the_nearest_hash_is_found_among_all(hashes, others):
    expected = [min((int(one) ^ int(other)).bit_count() for other in others) for one in hashes]
    assert copies.nearest_bits(hashes, others).tolist() == expected


def test_copies_are_counted_beside_those_that_held_out_images_show():
    train = noise(0)
    gate, made = with_copies(noise(1), train, 4), with_copies(noise(2), train, 10)
    evidence = Evidence(train, gate, gate, made)
    (exact,) = copies.exact_copy_metrics(evidence)
    (equal, *_) = copies.hash_copy_metrics(evidence)
    assert (exact.value, exact.floor) == (equal.value, equal.floor) == (0.25, 0.1)
    assert exact.note == "25.0% of synthetic, 10.0% of held-out real images are so"


def test_a_radius_holds_what_smaller_ones_hold():
    evidence = Evidence(noise(0), noise(1), noise(1), noise(2))
    values = [metric.value for metric in copies.hash_copy_metrics(evidence)]
    assert values == sorted(values)
