"""What an extractor costs per image: the figures of docs/extractors.md.

    python -m benchmarks.extractor_cost [INCEPTION]

CPU-milliseconds for an RGB image of 64x64, resizing included. Networks of Keras get random weights, which cost what
trained ones do. INCEPTION is the frozen graph of 2015, or the archive that holds it; without it, it is left out.
"""

import hashlib
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np

from gan.extractors.applications import APPLICATIONS
from gan.extractors.base import Extractor
from gan.extractors.embedded import embedded_extractor
from gan.extractors.inception import InceptionExtractor
from gan.extractors.keras_application import KerasApplicationExtractor
from gan.extractors.settings import INCEPTION, ExtractorSettings
from gan.settings import ClassifierSettings

SIDE_PX = 64
EMBEDDED = ("classifier", "self-supervised", "random-conv")
NETWORKS = ("MobileNetV2", "EfficientNetB0", "ResNet50", "InceptionV3")


def main() -> None:
    print("| extractor | features | CPU ms per image | wall ms per image |\n|---|---|---|---|")
    images = np.random.default_rng(0).integers(0, 256, (512, SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
    labels = np.arange(512, dtype=np.int32) % 10
    for kind in EMBEDDED:
        extractor = embedded_extractor(kind, images, labels, 10, ClassifierSettings(budget_images=64), 0)
        report(kind, extractor, images)
    for name in NETWORKS:
        with TemporaryDirectory() as folder:
            report(f"keras:{name}", untrained(name, Path(folder) / "any.weights.h5"), images[:64])
    for path in map(Path, sys.argv[1:]):
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        settings = ExtractorSettings(kind=INCEPTION, path=path, weights_sha256=sha256)
        report(INCEPTION, InceptionExtractor(path, settings), images[:64])


def untrained(name: str, path: Path) -> Extractor:
    side_px = APPLICATIONS[name][1]
    network: Any = getattr(keras.applications, name)(
        include_top=False, weights=None, input_shape=(side_px, side_px, 3), pooling="avg"
    )
    network.save_weights(path)
    settings = ExtractorSettings(kind=f"keras:{name}", path=path, weights_sha256="0" * 64)
    return KerasApplicationExtractor(settings, path)


def report(name: str, extractor: Extractor, images: np.ndarray) -> None:
    length = extractor.features(images[:32]).shape[1]  # and warms up
    began, cpu_began = time.perf_counter(), time.process_time()
    extractor.features(images)
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    per_image = [1000 * value / len(images) for value in (cpu_seconds, seconds)]
    print(f"| `{name}` | {length:,} | {per_image[0]:.2f} | {per_image[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
