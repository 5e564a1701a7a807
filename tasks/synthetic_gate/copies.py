"""Copies of training images: every limit is on what goes beyond held-out real images, the floor.

Real images match each other too: of real Fashion-MNIST test images 30 % are within 4 bits of a training image's hash.
"""

from collections.abc import Iterator

import numpy as np

from datasets.gate_file import Metric
from gan.metrics.authenticity import authenticity
from gan.metrics.copying_test import copying_test
from gan.metrics.excess import ExcessRate, excess
from gan.metrics.memorisation import Memorisation, exact_copies, feature_memorisation
from tasks.imaging.measures import measures_of, sample
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.metric_table import measured

HASH_RADII = (0, 2, 4)
HASHED_AT_ONCE = 4096
COMPARED_AT_ONCE = 4_000_000  # pairs of hashes: 32 MB


def near_copy_metrics(evidence: Evidence) -> list[Metric]:
    """Share of images nearer to a training image than nearly all held-out real ones are, in pixels."""
    found = evidence.memorisation
    note = f"nearer than {found.threshold:.1f} grey levels; median distance {found.median_ratio:.2f} of held-out ones'"
    return [_share("near_copies", _rates(found), note)]


def feature_near_copy_metrics(evidence: Evidence) -> list[Metric]:
    """The same by the distance of features."""
    features = evidence.features
    found = feature_memorisation(features.synthetic, features.gate, features.train)
    note = f"median distance {found.median_ratio:.2f} of held-out ones'"
    return [_share("feature_near_copies", _rates(found), note, features.extractor)]


def exact_copy_metrics(evidence: Evidence) -> list[Metric]:
    """Share of images whose pixels are those of a training image."""
    found = exact_copies(evidence.synthetic.images, evidence.gate.images, evidence.train.images)
    return [_share("exact_copies", found)]


def hash_copy_metrics(evidence: Evidence) -> list[Metric]:
    """Shares of images whose perceptual hash is that of a training image, or nearly so."""
    train = perceptual_hashes(evidence.train.images)
    made, held_out = (
        nearest_bits(perceptual_hashes(split.images), train) for split in (evidence.synthetic, evidence.gate)
    )
    return [_share(f"hash_copies_{bits}", excess(made <= bits, held_out <= bits)) for bits in HASH_RADII]


def authenticity_metrics(evidence: Evidence) -> list[Metric]:
    """Share of images nearer to a training image than that one is to any other."""
    features = evidence.features
    found = authenticity(features.synthetic, features.gate, features.train)
    return [_share("not_authentic", found, extractor=features.extractor)]


def copying_test_metrics(evidence: Evidence) -> list[Metric]:
    """Whether synthetic images are nearer to training images than held-out real ones are."""
    features = evidence.features
    found = copying_test(features.synthetic, features.gate, features.train, seed=evidence.seed)
    metric = measured(
        "copying_test",
        found.statistic,
        floor=0.0,
        extractor=features.extractor,
        n=found.n_held_out,
        note=f"in {len(found.per_cell)} cells: {', '.join(f'{one:.2g}' for one in found.per_cell)}",
    )
    return [metric]


def closest_pairs(evidence: Evidence) -> np.ndarray:
    """uint8 [2 * H, n * W, C]: synthetic images above the training images that they are nearest to."""
    pairs = evidence.memorisation.closest_pairs
    above = np.concatenate([evidence.synthetic.images[pair[0]] for pair in pairs], axis=1)
    below = np.concatenate([evidence.train.images[pair[1]] for pair in pairs], axis=1)
    return np.concatenate([above, below], axis=0)


def _rates(found: Memorisation) -> ExcessRate:
    return ExcessRate(found.excess_rate, found.synthetic_rate, found.held_out_rate, found.n_synthetic, found.n_held_out)


def _share(name: str, rates: ExcessRate, note: str = "", extractor: str | None = None) -> Metric:
    """A rate of synthetic images beside that of held-out ones; the interval has the chance in both."""
    floor = rates.held_out_rate
    said = f"{rates.synthetic_rate:.1%} of synthetic, {floor:.1%} of held-out real images are so"
    low, high = rates.interval()
    return measured(
        name,
        rates.synthetic_rate,
        floor=floor,
        interval=(max(0.0, low + floor), min(1.0, high + floor)),
        extractor=extractor,
        n=rates.n_held_out,
        note=f"{note}; {said}".removeprefix("; "),
    )


def perceptual_hashes(images: np.ndarray) -> np.ndarray:
    """uint8 [N, H, W, C] -> uint64 [N]."""
    hashes = [measures_of([sample(image) for image in part])["phash"] for part in _blocks(images, HASHED_AT_ONCE)]
    return np.concatenate([np.asarray(part, np.uint64) for part in hashes])


def nearest_bits(hashes: np.ndarray, others: np.ndarray) -> np.ndarray:
    """uint8 [N]: bits in which each of uint64 [N] differs from the nearest of [M]; exact, in blocks."""
    blocks = _blocks(hashes, max(1, COMPARED_AT_ONCE // len(others)))
    return np.concatenate([np.bitwise_count(block[:, None] ^ others[None, :]).min(axis=1) for block in blocks])


def _blocks(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (rows[start : start + size] for start in range(0, len(rows), size))
