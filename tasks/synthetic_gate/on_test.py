"""Distances and overlaps with the test split alone, for the data card: nothing is decided or tuned on it."""

from functools import partial

from datasets.gate_file import Metric
from gan.metrics.frechet import distance_at_n, statistics
from gan.metrics.share_interval import share_interval
from tasks.synthetic_gate.evidence import Evidence
from tasks.synthetic_gate.metric_table import NO_TEST, measured, not_applicable
from tasks.synthetic_gate.overlaps import mean_overlap

DISTANCE, *OVERLAPS = NAMES = ("frechet_distance_test", "precision_test", "recall_test", "coverage_test")
REPEATS = 2  # random subsets: each costs as much as the whole metric


def on_test_metrics(evidence: Evidence) -> list[Metric]:
    """Of equally many synthetic and real images against all of test; they do not apply without one."""
    if evidence.test is None:
        return not_applicable(NAMES, NO_TEST)
    found, seed = evidence.features, evidence.seed
    test = evidence.extractor.features(evidence.test.images)
    n = min(len(test), len(found.synthetic), len(found.real))
    distance = partial(distance_at_n, reference=statistics(test), n=n, seed=seed, repeats=REPEATS)
    values, floors = {DISTANCE: distance(found.synthetic)}, {DISTANCE: distance(found.real)}
    for numbers, vectors in ((values, found.synthetic), (floors, found.real)):
        overlaps = mean_overlap(test, vectors, n, seed, REPEATS)
        numbers |= {name: overlaps[name.removesuffix("_test")] for name in OVERLAPS}
    return [
        measured(
            name,
            values[name],
            floor=floors[name],
            interval=None if name == DISTANCE else share_interval(values[name], n),
            extractor=found.extractor,
            n=n,
        )
        for name in NAMES
    ]
