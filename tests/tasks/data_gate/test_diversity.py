import numpy as np
import pytest

from tasks.data_gate.diversity import effective_images, sampled


def noise(count, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, 1024)).astype(np.uint8)


def test_unlike_images_count_each():
    assert effective_images(noise(40)) == pytest.approx(40, rel=0.01)


def test_copies_of_some_count_as_those():
    assert effective_images(np.repeat(noise(5), 20, axis=0)) == pytest.approx(5, rel=0.01)


def test_brightness_and_contrast_do_not_make_another_image():
    image = noise(1).astype(np.float64)
    varied = np.concatenate([image * 0.5 + shift for shift in range(10)]).astype(np.uint8)
    assert effective_images(varied) < 1.2


def test_images_without_structure_are_one():
    flat = np.repeat(np.arange(10, 20, dtype=np.uint8)[:, None], 1024, axis=1)
    assert effective_images(flat) == pytest.approx(1)


def test_no_image_is_none_and_one_is_one():
    assert effective_images(noise(0)) == 0
    assert effective_images(noise(1)) == pytest.approx(1)


def test_the_number_grows_with_unlike_images_and_hardly_with_near_copies():
    unlike = noise(20)
    near = np.clip(unlike.astype(int) + np.random.default_rng(1).integers(-3, 4, unlike.shape), 0, 255).astype(np.uint8)
    assert effective_images(np.concatenate([unlike, near])) < 1.2 * 20
    assert effective_images(np.concatenate([unlike, noise(20, 1)])) > 1.9 * 20


def test_a_sample_does_not_depend_on_the_order_and_is_bounded():
    names = [f"{number:03d}" for number in np.random.default_rng(0).permutation(100)]
    labels = ["a" if int(name) < 90 else "b" for name in names]
    chosen = sampled(labels, names, limit=20)
    assert sorted(names[number] for number in chosen["a"]) == [f"{number:03d}" for number in range(20)]
    assert len(chosen["b"]) == 10
