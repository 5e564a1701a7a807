"""Distances of feature sets. Floors are of training images that the extractor did not see."""

from functools import partial

from datasets.gate_file import Metric
from gan.metrics.frechet import distance_at_n, statistics
from gan.metrics.frechet_infinity import frechet_infinity
from gan.metrics.frechet_interval import frechet_interval
from gan.metrics.inception_score import inception_score
from gan.metrics.kernel_distance import kernel_distance
from tasks.synthetic_gate.evidence import Evidence, drawn
from tasks.synthetic_gate.metric_table import measured, not_applicable

NORMAL_95 = 1.96
MOST_PARTS, IMAGES_PER_PART = 10, 50  # of the score of class probabilities


def frechet_metrics(evidence: Evidence) -> list[Metric]:
    """Fréchet distance to the gate half, of equally many synthetic and real images."""
    found, seed = evidence.features, evidence.seed
    distance = partial(distance_at_n, reference=statistics(found.gate), n=found.n, seed=seed)
    some = found.synthetic[drawn(len(found.synthetic), found.n, seed)]
    metric = measured(
        "frechet_distance",
        distance(found.synthetic),
        floor=distance(found.real),
        interval=frechet_interval(some, found.gate, seed=seed),
        extractor=found.extractor,
        n=found.n,
    )
    return [metric]


def infinity_metrics(evidence: Evidence) -> list[Metric]:
    """The same, extrapolated: of all synthetic images, and of all real ones."""
    found, seed = evidence.features, evidence.seed
    reference = statistics(found.gate)
    value = frechet_infinity(found.synthetic, reference, seed=seed)
    metric = measured(
        "frechet_infinity",
        value.value,
        floor=frechet_infinity(found.real, reference, seed=seed).value,
        extractor=found.extractor,
        n=len(found.synthetic),
        note=f"from {value.sizes[0]} to {value.sizes[-1]} images; the line's standard error is "
        f"{value.standard_error:.2g}, it explains {value.r_squared:.0%}",
    )
    return [metric]


def kernel_metrics(evidence: Evidence) -> list[Metric]:
    """Kernel distance to the gate half, with its standard error as a normal interval."""
    found = evidence.features
    distance = partial(kernel_distance, real=found.gate, seed=evidence.seed, standardise=evidence.extractor.standardise)
    value = distance(found.synthetic)
    margin = NORMAL_95 * value.standard_error
    metric = measured(
        "kernel_distance",
        value.value,
        floor=distance(found.real).value,
        interval=(value.value - margin, value.value + margin),
        extractor=found.extractor,
        n=value.n,
        note=f"standard error {value.standard_error:.2g}",
    )
    return [metric]


def score_metrics(evidence: Evidence) -> list[Metric]:
    """Score of the class probabilities of equally many synthetic and real images."""
    found, seed = evidence.features, evidence.seed
    n = found.n
    parts = max(1, min(MOST_PARTS, n // IMAGES_PER_PART))
    real = evidence.train.images[evidence.unseen]
    sets = (images[drawn(len(images), n, seed)] for images in (evidence.synthetic.images, real))
    made, held_out = map(evidence.extractor.probabilities, sets)
    if made is None or held_out is None:
        return not_applicable(["inception_score"], "the extractor does not classify")
    value, floor = (inception_score(one, seed=seed, splits=parts) for one in (made, held_out))
    metric = measured(
        "inception_score",
        value.value,
        floor=floor.value,
        extractor=found.extractor,
        n=n,
        note=f"deviation {value.standard_deviation:.2g} over {parts} parts" if parts > 1 else "in one part",
    )
    return [metric]
