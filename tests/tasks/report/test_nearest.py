"""The training image nearest to a shown one."""

import numpy as np

from tasks.report.nearest import nearest

RNG = np.random.default_rng(2)
TRAINING = [RNG.integers(0, 256, (48, 40, 3), dtype=np.uint8) for _ in range(30)]


def places(found):
    return [next(index for index, image in enumerate(TRAINING) if image is one) for one in found]


def test_an_image_is_nearest_to_itself():
    assert places(nearest([TRAINING[7], TRAINING[0]], TRAINING)) == [7, 0]


def test_a_darker_copy_with_less_contrast_is_near():
    assert places(nearest([(TRAINING[5] * 0.4 + 10).astype(np.uint8)], TRAINING)) == [5]


def test_noise_does_not_hide_what_is_near():
    noisy = np.clip(TRAINING[11] + RNG.normal(0, 30, TRAINING[11].shape), 0, 255).astype(np.uint8)
    assert places(nearest([noisy], TRAINING)) == [11]


def test_gray_images_and_other_sizes_can_be_compared():
    grays = [RNG.integers(0, 256, (16, 16, 1), dtype=np.uint8) for _ in range(5)]
    assert nearest([np.repeat(np.repeat(grays[3], 2, 0), 2, 1)], grays)[0] is grays[3]


def test_an_image_of_one_level_is_near_to_anything():
    assert len(nearest([np.full((16, 16, 1), 9, np.uint8)], TRAINING)) == 1


def test_without_images_there_is_nothing_near():
    assert nearest([], TRAINING) == [] == nearest([TRAINING[0]], [])
