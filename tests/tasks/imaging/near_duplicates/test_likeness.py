from itertools import combinations

import numpy as np

from tasks.imaging.near_duplicates import likeness


def noisy_thumbnails():
    rng = np.random.default_rng(0)
    base = rng.integers(0, 256, (60, 1024)).astype(np.float64)
    return np.concatenate([base, base + rng.normal(0, 12, base.shape)]).clip(0, 255).astype(np.uint8)


def test_quick_check_never_drops_what_is_alike():
    thumbnails = noisy_thumbnails()
    left, right = np.array(list(combinations(range(120), 2))).T
    alike = likeness.are_alike(thumbnails[left], thumbnails[right], 255.0, 0.97)
    reduced = likeness.sketches(thumbnails, np.arange(120))
    hopeful = likeness.may_correlate(reduced[left], reduced[right], False, 0.97)
    assert alike.any()
    assert not (alike & ~hopeful).any()


def test_quick_check_of_mirror_images_is_that_of_mirrored_thumbnails():
    thumbnails = noisy_thumbnails()
    rows = np.arange(120)
    straight, mirrored = (likeness.sketches(some, rows) for some in (thumbnails, likeness.mirror(thumbnails)))
    expected = likeness.may_correlate(straight[:60], mirrored[60:], False, 0.9)
    assert np.array_equal(likeness.may_correlate(straight[:60], straight[60:], True, 0.9), expected)


def test_the_first_with_an_equal_thumbnail_is_named():
    thumbnails = noisy_thumbnails()[[5, 6, 5, 7, 6, 5]]
    assert likeness.first_with_equal_thumbnail(thumbnails, np.arange(6)).tolist() == [0, 1, 0, 3, 1, 0]
    assert likeness.first_with_equal_thumbnail(thumbnails, np.array([2, 3, 5])).tolist() == [0, 1, 0]


def test_different_thumbnails_with_one_key_are_not_taken_for_equal(monkeypatch):
    monkeypatch.setattr(likeness, "_thumbnail_keys", lambda thumbnails, at: [np.zeros(len(at), np.uint64)])
    thumbnails = noisy_thumbnails()[[1, 1, 2]]
    assert likeness.first_with_equal_thumbnail(thumbnails, np.arange(3)).tolist() == [0, 0, 2]


def test_the_projection_is_that_of_the_mirror_image_and_moves_no_further_than_sketches_do():
    thumbnails = noisy_thumbnails()
    rows = np.arange(120)
    straight, mirrored = (likeness.sketches(some, rows) for some in (thumbnails, likeness.mirror(thumbnails)))
    levels = likeness.brighter_in_the_middle(straight)
    assert np.allclose(levels, likeness.brighter_in_the_middle(mirrored), atol=1e-3)
    left, right = np.array(list(combinations(range(120), 2))).T
    apart = np.linalg.norm((straight[left].astype(np.float32) - straight[right]).reshape(len(left), -1), axis=1)
    assert (np.abs(levels[left] - levels[right]) <= apart + 1e-5).all()
