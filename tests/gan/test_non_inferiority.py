"""Paired non-inferiority over seeds and images: intervals hold, and the images it takes are those of the interval."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from datasets.errors import BadInput
from gan.metrics.non_inferiority import Conclusion, PairedDifference, paired_difference

VARIANCES = {
    "mean": st.floats(-0.3, 0.3),
    "seeds": st.integers(2, 10),
    "images": st.integers(2, 2000),
    "image_variance": st.floats(0, 0.5),
    "seed_variance": st.floats(0, 1e-4),
    "rest_variance": st.floats(0, 0.3),
}
differences = st.builds(PairedDifference, **VARIANCES)


def results(rng, seeds, images, skill, loss, seed_deviation):
    """What two ways get right, bool [S, N] each: difficulties of images are shared, luck of seeds and the rest not."""
    difficulty, luck = rng.normal(0, 0.8, images), rng.normal(0, seed_deviation, (2, seeds, 1))
    chance = rng.normal(0, 0.6, (2, 1, images)) + rng.normal(0, 0.5, (2, seeds, images))
    worse, better = skill - np.array([loss, 0]).reshape(2, 1, 1) + difficulty + luck + chance > 0
    return worse, better


def true_difference(skill, loss, seed_deviation):
    deviation = np.sqrt(0.8**2 + 0.6**2 + 0.5**2 + seed_deviation**2)
    return float(stats.norm.cdf((skill - loss) / deviation) - stats.norm.cdf(skill / deviation))


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize(("images", "skill", "loss"), [(60, 1.2, 0.5), (90, 2.5, 0.0), (400, 1.8, 0.1)])
@pytest.mark.parametrize("seed_deviation", [0.0, 0.15])
def test_each_bound_holds_in_95_of_100_repeats(seeds, images, skill, loss, seed_deviation):
    rng, true = np.random.default_rng([seeds, images]), true_difference(skill, loss, seed_deviation)
    drawn = (results(rng, seeds, images, skill, loss, seed_deviation) for _ in range(300))
    low, high = np.array([paired_difference(*pair).interval() for pair in drawn]).T
    # Three standard errors of 300 repeats of 0.95 are 0.038.
    assert min((low <= true).mean(), (high >= true).mean()) > 0.95 - 0.038


def test_pairing_makes_the_interval_narrower_than_that_of_two_sets_of_images():
    worse, better = results(np.random.default_rng(0), 3, 400, 1.2, 0.1, 0.0)
    shuffled = np.random.default_rng(1).permutation(400)
    paired, unpaired = paired_difference(worse, better), paired_difference(worse, better[:, shuffled])
    assert paired.half_width(400) < 0.95 * unpaired.half_width(400)
    assert paired.mean == pytest.approx(unpaired.mean)


def test_no_difference_on_few_images_is_no_proof():
    same = np.ones((3, 20), dtype=bool)
    found = paired_difference(same, same)
    assert found.mean == 0.0
    assert found.conclusion(0.02) is Conclusion.UNDECIDED
    assert found.interval() == pytest.approx((-0.1132, 0.1132), abs=1e-4)


def test_a_difference_of_every_image_is_worse_by_any_margin():
    found = paired_difference(np.zeros((2, 50), dtype=bool), np.ones((2, 50), dtype=bool))
    assert found.mean == -1.0
    assert found.conclusion(0.5) is Conclusion.WORSE
    assert found.interval()[0] == -1.0


def test_the_other_way_round_the_interval_is_mirrored():
    worse, better = results(np.random.default_rng(3), 3, 100, 1.2, 0.3, 0.1)
    low, high = paired_difference(worse, better).interval()
    assert paired_difference(better, worse).interval() == pytest.approx((-high, -low))


def test_seeds_that_differ_widen_the_interval():
    reference = np.ones((3, 400), dtype=bool)
    by_image, by_seed = reference.copy(), reference.copy()
    by_image[:, :40] = False  # the same images are lost by every seed
    by_seed[0, :120] = False  # as many in all, by one seed
    assert paired_difference(by_image, reference).mean == paired_difference(by_seed, reference).mean
    narrow, wide = (paired_difference(lost, reference).half_width(400) for lost in (by_image, by_seed))
    assert wide > 3 * narrow


@given(differences, st.floats(0.005, 0.2))
@settings(max_examples=60)
def test_with_a_power_of_a_half_the_number_of_images_is_where_the_half_width_meets_the_margin(found, margin):
    needed = found.images_needed(margin, power=0.5)
    if needed is None:
        assert found.half_width(10**7) > margin or found.seed_variance > 0
    else:
        assert found.half_width(needed) <= margin
        assert needed == 2 or found.half_width(needed - 1) > margin


@given(differences, st.floats(0.005, 0.2))
@settings(max_examples=60)
def test_more_power_takes_more_images(found, margin):
    few, many = found.images_needed(margin, power=0.5), found.images_needed(margin, power=0.9)
    assert many is None or (few is not None and few <= many)


def test_on_the_images_that_it_takes_an_equal_way_is_found_no_worse_in_80_of_100_repeats():
    rng = np.random.default_rng(5)
    first = paired_difference(*results(rng, 3, 20_000, 1.2, 0.0, 0.0))
    needed = first.images_needed(0.03)
    repeats = (paired_difference(*results(rng, 3, needed, 1.2, 0.0, 0.0)) for _ in range(300))
    passed = np.mean([found.conclusion(0.03) is Conclusion.NO_WORSE for found in repeats])
    assert 0.8 - 0.07 < passed < 0.8 + 0.12  # the interval is a little too wide, and so is the formula


def test_seeds_that_vary_too_much_need_more_seeds_not_more_images():
    found = PairedDifference(0.0, 3, 100, image_variance=0.01, seed_variance=0.01, rest_variance=0.0)
    assert found.images_needed(0.02) is None


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        (((3, 5), (3, 6)), "results of (3, 5) and (3, 6) cannot be paired; give [seeds, images] of both"),
        (((1, 5), (1, 5)), "a paired comparison got 1 seeds and 5 images; it needs two of each"),
        (((3, 0), (3, 0)), "a paired comparison got 3 seeds and 0 images; it needs two of each"),
    ],
)
def test_what_cannot_be_paired_is_refused(shapes, sentence):
    with pytest.raises(BadInput, match=re.escape(sentence)):
        paired_difference(*(np.ones(shape, dtype=bool) for shape in shapes))
