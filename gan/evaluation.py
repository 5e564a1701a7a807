"""Evaluation of a snapshot against held-out real images, in the features of one extractor."""

from dataclasses import dataclass

import numpy as np

from gan.extractors.base import Extractor
from gan.metrics.diversity import relative_spread, within_class_spread
from gan.metrics.frechet import frechet_distance, statistics
from gan.metrics.manifold import overlap
from gan.sampling import Generator
from gan.seeds import derived_seed
from gan.settings import MIN_SELECT_IMAGES

NEIGHBOURS = MIN_SELECT_IMAGES - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """One evaluation of the averaged generator against the `select` images, in features of `extractor`."""

    images_seen: int
    extractor: str
    n_synthetic: int
    n_real: int
    frechet_distance: float
    precision: float
    recall: float
    density: float
    coverage: float
    diversity: float  # within-class spread of features, synthetic / real


class Evaluator:
    """Holds the features of the real images; every evaluation uses the same latents and the real mix of classes."""

    def __init__(
        self, extractor: Extractor, images: np.ndarray, labels: np.ndarray | None, samples: int, seed: int
    ) -> None:
        """Images uint8 [N, H, W, C] with N > 5, labels int32 [N] or None."""
        self._extractor = extractor
        self._real = extractor.features(images)
        self._real_statistics = statistics(self._real)
        self._real_spread = within_class_spread(self._real, labels)
        self._samples = samples
        self._seed = derived_seed(seed, "evaluation")
        if labels is not None and len(labels) > samples:  # whose order may be by class
            labels = np.random.default_rng(self._seed).choice(labels, samples, replace=False)
        self._labels = None if labels is None else np.resize(labels, samples)

    def evaluate(self, generator: Generator, images_seen: int) -> Evaluation:
        """Generate, extract and compare."""
        wanted = self._samples if self._labels is None else self._labels
        synthetic = self._extractor.features(generator.sample(wanted, self._seed))
        shares = overlap(self._real, synthetic, k=NEIGHBOURS)
        return Evaluation(
            images_seen=images_seen,
            extractor=self._extractor.identity,
            n_synthetic=len(synthetic),
            n_real=len(self._real),
            frechet_distance=frechet_distance(statistics(synthetic), self._real_statistics),
            precision=shares.precision,
            recall=shares.recall,
            density=shares.density,
            coverage=shares.coverage,
            diversity=relative_spread(within_class_spread(synthetic, self._labels), self._real_spread),
        )
