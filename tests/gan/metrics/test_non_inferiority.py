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
        (((3, 1), (3, 1)), "a paired comparison got 3 seeds and 1 images; it needs two of each"),
        (((5,), (5,)), "results of (5,) and (5,) cannot be paired; give [seeds, images] of both"),
    ],
)
def test_what_cannot_be_paired_is_refused(shapes, sentence):
    with pytest.raises(BadInput, match=re.escape(sentence)):
        paired_difference(*(np.ones(shape, dtype=bool) for shape in shapes))


def test_variances_by_hand():
    """By image +1, -1/2 and 0, by seed 1/3 and 0; what is left is -1/6, 1/3, -1/6 and its opposite."""
    candidate = np.array([[1, 0, 0], [1, 0, 1]], dtype=bool)
    reference = np.array([[0, 0, 0], [0, 1, 1]], dtype=bool)
    found = paired_difference(candidate, reference)
    assert (found.mean, found.seeds, found.images) == (pytest.approx(1 / 6), 2, 3)
    assert (found.image_variance, found.seed_variance) == (pytest.approx(7 / 12), 0.0)
    assert found.rest_variance == pytest.approx(1 / 6)


def test_two_images_are_enough_and_a_variance_of_seeds_by_hand():
    """One seed wins both images, the other none: 1/2, less nothing that is left."""
    found = paired_difference(np.array([[1, 1], [0, 0]], dtype=bool), np.zeros((2, 2), dtype=bool))
    assert found == PairedDifference(0.5, 2, 2, image_variance=0.0, seed_variance=0.5, rest_variance=0.0)


def test_an_interval_by_hand():
    """Squares of 8 images and one each of +1 and -1: 7 * 0.2 + 8 * 0.1^2 + 2 - 10 * 0.08^2 = 3.416."""
    found = PairedDifference(0.1, 3, 8, image_variance=0.2, seed_variance=0.01, rest_variance=0.08)
    by_image, by_seed = 3.416 / 9 / 10, (0.01 + 0.08 / 8) / 3 * 0.8**2
    degrees = (by_image + by_seed) ** 2 / (by_image**2 / 9 + by_seed**2 / 2)
    width = stats.t.ppf(0.9, degrees) * np.sqrt(by_image + by_seed)
    assert found.interval(0.9) == pytest.approx((0.08 - width, 0.08 + width), rel=1e-9)


def test_a_difference_of_every_image_is_better_by_no_more_than_all():
    found = paired_difference(np.ones((2, 50), dtype=bool), np.zeros((2, 50), dtype=bool))
    assert found.interval()[1] == 1.0


def test_a_bound_at_the_margin_is_on_the_side_of_the_candidate():
    found = PairedDifference(-0.3, 3, 400, image_variance=0.1, seed_variance=0.0, rest_variance=0.0)
    low, high = found.interval()
    assert found.conclusion(-low) is Conclusion.NO_WORSE
    assert found.conclusion(-high) is Conclusion.UNDECIDED
    assert found.conclusion(-high - 1e-9) is Conclusion.WORSE


def test_an_interval_around_zero_and_the_margin_is_undecided():
    found = PairedDifference(0.0, 3, 100, image_variance=0.1, seed_variance=0.0, rest_variance=0.0)
    assert found.conclusion(found.interval()[1] * 0.9) is Conclusion.UNDECIDED


@pytest.mark.parametrize(("images", "needed"), [(2, 2), (10**7, 10**7), (10**7 + 1, None)])
def test_from_two_images_to_ten_millions_are_thought_of(images, needed):
    found = PairedDifference(0.0, 3, 100, image_variance=0.1, seed_variance=0.0, rest_variance=0.1)
    margin = found.half_width(images) * (1 + 1e-9)
    assert found.images_needed(margin, power=0.5) == needed


def test_results_that_are_not_right_or_wrong_are_refused():
    right = np.ones((2, 5), dtype=bool)
    sentence = "results are bool and float64; give bool, whether each image was got right"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        paired_difference(right, np.full((2, 5), 0.7))
