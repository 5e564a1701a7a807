"""A network that learned from images without labels: by how many quarters each was turned."""

import numpy as np

from datasets.errors import BadInput
from gan.classifier import Classifier, fit_classifier
from gan.extractors.base import NO_RESIZE, identity_of
from gan.settings import ClassifierSettings

TURNS = 4
MOST_WIDTH = 16
MOST_BUDGET_IMAGES = 10_000


class SelfSupervisedExtractor:
    """Features of a classifier of turns; which turns these are knows what strokes, textures and shapes look like.

    Of images that look alike however they lie, it learns little, and is then about as good as `random-conv`.
    """

    name = "self-supervised"
    standardise = True

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier
        self.identity = identity_of(self.name, classifier.weights_sha256, NO_RESIZE)

    def features(self, images: np.ndarray) -> np.ndarray:
        return self.classifier.features(images)

    def probabilities(self, images: np.ndarray) -> None:
        """None: its classes are turns."""


def fit_turns(images: np.ndarray, settings: ClassifierSettings, seed: int) -> Classifier:
    """Fit on uint8 [N, S, S, C], each turned by 0 to 3 quarters (Gidaris et al. 2018, arXiv:1803.07728).

    Narrower and shorter than a classifier of classes may be: longer training made features less sensitive.
    Raises BadInput where images are not square.
    """
    height_px, width_px = images.shape[1:3]
    if height_px != width_px:
        raise BadInput(
            f"images of {width_px}x{height_px} cannot be turned by a quarter, as the self-supervised extractor does; "
            "set extractor.kind to random-conv"
        )
    few = {
        "width": min(settings.width, MOST_WIDTH),
        "budget_images": min(settings.budget_images, MOST_BUDGET_IMAGES),
    }
    turned = np.concatenate([np.rot90(images, turns, axes=(1, 2)) for turns in range(TURNS)])
    turns = np.repeat(np.arange(TURNS, dtype=np.int32), len(images))
    return fit_classifier(turned, turns, TURNS, settings.model_copy(update=few), seed)
