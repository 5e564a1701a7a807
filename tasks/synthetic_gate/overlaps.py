"""How synthetic and real features overlap: precision, recall, density, coverage, and the spread within classes."""

from collections.abc import Mapping, Sequence

import numpy as np

from datasets.gate_file import Metric
from gan.metrics.diversity import ClassSpread, class_spread, relative_spreads
from gan.metrics.manifold import overlap
from gan.metrics.share_interval import share_interval
from tasks.synthetic_gate.classes import MIN_REAL_IMAGES, by_class, class_note, judged_classes, no_class
from tasks.synthetic_gate.evidence import Evidence, labelled
from tasks.synthetic_gate.metric_table import measured

OVERLAP_REPEATS = 10
OVERLAPS = ("precision", "recall", "density", "coverage")
CLASS_OVERLAPS = tuple(f"lowest_class_{name}" for name in OVERLAPS)
MIN_OVERLAP_IMAGES = 20  # real images of a class on either side: with fewer, balls of five neighbours hold half of it
TINY = 1e-9


def overlap_metrics(evidence: Evidence) -> list[Metric]:
    """The four overlaps with the gate half, of n synthetic images, beside those of n real ones."""
    found = evidence.features
    value = mean_overlap(found.gate, found.synthetic, found.n, evidence.seed)
    best = mean_overlap(found.gate, found.real, found.n, evidence.seed)
    return [
        measured(
            name,
            value[name],
            floor=best[name],
            interval=None if name == "density" else share_interval(value[name], found.n),
            extractor=found.extractor,
            n=found.n,
        )
        for name in OVERLAPS
    ]


def mean_overlap(
    gate: np.ndarray, other: np.ndarray, n: int, seed: int, repeats: int = OVERLAP_REPEATS
) -> dict[str, float]:
    """Overlaps of random subsets of n out of [M, D], averaged: they depend on n, and vary."""
    rng = np.random.default_rng([seed, n])
    subsets = (rng.choice(len(other), n, replace=False) for _ in range(repeats if n < len(other) else 1))
    found = [overlap(gate, other[picked]) for picked in subsets]
    return {name: float(np.mean([getattr(one, name) for one in found])) for name in OVERLAPS}


def class_overlap_metrics(evidence: Evidence) -> list[Metric]:
    """Each overlap of the class that is lowest beside real images of it, of equally many images."""
    found, names = evidence.features, evidence.train.class_names or ()
    of = [labelled(split)[1] for split in (evidence.gate, evidence.synthetic, evidence.train)]
    labels = (of[0], of[1], of[2][found.unseen])
    counts = [np.bincount(one, minlength=len(names)) for one in labels]
    judged = judged_classes(counts[1], np.minimum(counts[0], counts[2]), MIN_OVERLAP_IMAGES)
    if not judged.any():
        return [no_class(name, MIN_OVERLAP_IMAGES) for name in CLASS_OVERLAPS]
    pairs = {label: _class_overlaps(evidence, label, labels) for label in np.flatnonzero(judged).tolist()}
    return [_lowest_overlap(name, pairs, judged, counts[1], names, found.extractor) for name in OVERLAPS]


def _class_overlaps(
    evidence: Evidence, label: int, labels: Sequence[np.ndarray]
) -> tuple[int, dict[str, float], dict[str, float]]:
    """At which n, of synthetic and of real images of a class."""
    found = evidence.features
    sets = zip((found.gate, found.synthetic, found.real), labels, strict=True)
    gate, made, real = (vectors[given == label] for vectors, given in sets)
    n = min(len(gate), len(made), len(real))
    return n, mean_overlap(gate, made, n, evidence.seed), mean_overlap(gate, real, n, evidence.seed)


def _lowest_overlap(
    name: str,
    pairs: Mapping[int, tuple[int, dict[str, float], dict[str, float]]],
    judged: np.ndarray,
    n_synthetic: np.ndarray,
    names: Sequence[str],
    extractor: str,
) -> Metric:
    lowest = min(pairs, key=lambda label: pairs[label][1][name] / max(pairs[label][2][name], TINY))
    n, made, real = pairs[lowest]
    return measured(
        f"lowest_class_{name}",
        made[name],
        title=f"{name} of class {names[lowest]}, the lowest class",
        floor=real[name],
        interval=None if name == "density" else share_interval(made[name], n),
        extractor=extractor,
        n=n,
        per_class={names[label]: pair[1][name] for label, pair in pairs.items()},
        note=class_note(lowest, judged, n_synthetic.tolist(), names),
    )


def diversity_metrics(evidence: Evidence) -> list[Metric]:
    """Spread of features within the least varied class, over that of real training images."""
    found = evidence.features
    vectors = (found.synthetic, found.real, found.gate)
    if not evidence.labelled or evidence.unlabelled_side:
        whole = [class_spread(one, None, 1) for one in vectors]
        return [diversity_metric(whole[0], whole[1], whole[2], None, found.extractor)]
    train, gate, synthetic = evidence.train.labels, evidence.gate.labels, evidence.synthetic.labels
    assert train is not None
    labels = (synthetic, train[evidence.unseen], gate)
    made, real, held_out = (
        class_spread(one, given, evidence.class_count) for one, given in zip(vectors, labels, strict=True)
    )
    return [diversity_metric(made, real, held_out, evidence.train.class_names, found.extractor)]


def diversity_metric(
    synthetic: ClassSpread, real: ClassSpread, held_out: ClassSpread, names: tuple[str, ...] | None, extractor: str
) -> Metric:
    """The class with the lowest spread over that of `real`; without names all images are one class.

    The floor is the lowest that a class of other real images, `held_out`, shows.
    """
    name = "lowest_class_diversity"
    judged = judged_classes(synthetic.n_per_class, real.n_per_class)
    if not judged.any():
        return no_class(name)
    ratios = relative_spreads(synthetic, real)
    lowest = int(np.argmin(np.where(judged, ratios, np.inf)))
    floors = relative_spreads(held_out, real)[judged & (np.array(held_out.n_per_class) >= MIN_REAL_IMAGES)]
    whole = "without labels all images are one class"
    return measured(
        name,
        float(ratios[lowest]),
        title="spread of all images, over real" if names is None else f"spread within class {names[lowest]}, over real",
        floor=float(floors.min()) if len(floors) else None,
        extractor=extractor,
        n=synthetic.n_per_class[lowest],
        per_class=None if names is None else by_class(ratios, judged, names),
        note=whole if names is None else class_note(lowest, judged, synthetic.n_per_class, names),
    )
