"""What an evaluation asks a generator for."""

import numpy as np

from gan.evaluation import Evaluator

PER_CLASS = 60


class Brightness:
    """Features that are the image's own numbers."""

    name = identity = "brightness"
    standardise = False

    def features(self, images):
        return images.reshape(len(images), -1).astype(np.float32)

    def probabilities(self, images):
        return None


class Drawer:
    """Draws noise around a level that tells the class, and keeps what it was asked for."""

    def __init__(self):
        self.asked = []

    def sample(self, labels, seed):
        self.asked.append(labels)
        return noise(labels, seed)


def noise(labels, seed):
    levels = np.random.default_rng(seed).integers(0, 40, (len(labels), 2, 2, 1))
    return (levels + 100 * np.asarray(labels)[:, None, None, None]).astype(np.uint8)


def evaluated(samples):
    """(labels of 2 x 60 real images in the order of classes, labels asked for in two evaluations)."""
    labels = np.repeat(np.arange(2, dtype=np.int32), PER_CLASS)
    evaluator = Evaluator(Brightness(), noise(labels, 1), labels, samples, seed=0)
    drawer = Drawer()
    evaluations = [evaluator.evaluate(drawer, seen) for seen in (100, 200)]
    assert [(evaluation.n_synthetic, evaluation.n_real) for evaluation in evaluations] == [(samples, 120)] * 2
    return labels, drawer.asked


def test_fewer_samples_than_real_images_have_all_classes_even_where_images_come_by_class():
    _, (first, second) = evaluated(50)
    assert 15 <= np.count_nonzero(first == 0) <= 35
    np.testing.assert_array_equal(first, second)


def test_more_samples_have_the_labels_of_the_real_images_again_and_again():
    labels, (first, _) = evaluated(240)
    np.testing.assert_array_equal(first, [*labels, *labels])
