"""The one door to extractors."""

import numpy as np

from gan.extractors.base import Extractor
from gan.extractors.settings import INCEPTION, ExtractorSettings
from gan.extractors.weights import weights_file
from gan.progress import Progress, silent
from gan.settings import ClassifierSettings


def open_extractor(
    settings: ExtractorSettings,
    images: np.ndarray,
    labels: np.ndarray | None,
    class_count: int,
    classifier: ClassifierSettings,
    seed: int,
    progress: Progress = silent,
) -> Extractor:
    """The extractor that the settings name.

    uint8 [N, S, S, C] and int32 [N] or None are one fold of the real training images (see `fold_of`), which the
    embedded kinds are made from; `progress` is in bytes of a download. Raises BadInput where labels are missing, and
    where weights are, cannot be downloaded, have another SHA-256 or are of another network.
    """
    if settings.is_embedded:
        from gan.extractors.embedded import embedded_extractor

        return embedded_extractor(settings.kind, images, labels, class_count, classifier, seed)
    path = weights_file(settings, progress)
    if settings.kind == INCEPTION:
        from gan.extractors.inception import InceptionExtractor

        assert path is not None
        return InceptionExtractor(path, settings)
    if settings.application:
        from gan.extractors.keras_application import KerasApplicationExtractor

        return KerasApplicationExtractor(settings, path)
    from gan.extractors.model_file import ModelFileExtractor

    assert path is not None
    return ModelFileExtractor(path, settings)
