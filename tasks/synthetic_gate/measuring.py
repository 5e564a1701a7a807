"""Measures everything: one list of functions, each from the evidence to some metrics of the table."""

from collections.abc import Callable
from dataclasses import dataclass

from datasets.errors import BadInput
from datasets.gate_file import Metric, Outcome
from tasks.progress import Progress, silent
from tasks.synthetic_gate import copies, distances, labels, on_test, overlaps, repeats, value_metrics
from tasks.synthetic_gate.evidence import Evidence, check_evidence
from tasks.synthetic_gate.limits import apply_limit
from tasks.synthetic_gate.metric_table import METRICS, not_applicable, unmeasurable


@dataclass(frozen=True, slots=True)
class Measure:
    """A function that measures the metrics of these names. What raises BadInput is not measured, with its sentence."""

    names: tuple[str, ...]
    of: Callable[[Evidence], list[Metric]]
    doing: str


MEASURES = (
    Measure(("frechet_distance",), distances.frechet_metrics, "distances"),
    Measure(("frechet_infinity",), distances.infinity_metrics, "distances"),
    Measure(("kernel_distance",), distances.kernel_metrics, "distances"),
    Measure(("inception_score",), distances.score_metrics, "distances"),
    Measure(overlaps.OVERLAPS, overlaps.overlap_metrics, "overlaps"),
    Measure(overlaps.CLASS_OVERLAPS, overlaps.class_overlap_metrics, "overlaps"),
    Measure(on_test.NAMES, on_test.on_test_metrics, "overlaps"),
    Measure(("lowest_class_diversity",), overlaps.diversity_metrics, "overlaps"),
    Measure(("near_copies",), copies.near_copy_metrics, "copies"),
    Measure(("feature_near_copies",), copies.feature_near_copy_metrics, "copies"),
    Measure(("exact_copies",), copies.exact_copy_metrics, "copies"),
    Measure(("hash_copies_0", "hash_copies_2", "hash_copies_4"), copies.hash_copy_metrics, "copies"),
    Measure(("not_authentic",), copies.authenticity_metrics, "copies"),
    Measure(("copying_test",), copies.copying_test_metrics, "copies"),
    Measure(("exact_repeats", "near_repeats"), repeats.repeat_metrics, "copies"),
    Measure(("label_faithfulness", "lowest_class_faithfulness"), labels.faithfulness_metrics, "labels"),
    Measure(("class_balance",), labels.balance_metrics, "labels"),
    Measure(value_metrics.NAMES, value_metrics.value_metrics, "value"),
)


def measure_synthetic(
    evidence: Evidence, progress: Progress = silent, measures: tuple[Measure, ...] = MEASURES
) -> tuple[Metric, ...]:
    """All metrics of the evidence, judged by its settings, in the order of the table.

    Raises BadInput for evidence of which nothing can be said, and where the extractor cannot be opened or fitted: that
    is a fault of settings, files or network, and no verdict on the images.
    """
    settings = evidence.settings
    check_evidence(evidence)
    if len(evidence.gate.images) < settings.min_gate_images:
        return (_too_few(evidence),)
    if any(METRICS[name].by_features for measure in measures for name in measure.names):
        progress(0, len(measures), doing="features")
        _ = evidence.features
    found: dict[str, Metric] = {}
    for number, measure in enumerate(measures):
        progress(number, len(measures), doing=measure.doing)
        found |= {metric.name: metric for metric in _measured(measure, evidence)}
    progress(len(measures), len(measures))
    least = settings.min_gate_images
    return tuple(apply_limit(found[name], settings.limit_of(name), least) for name in METRICS if name in found)


def _measured(measure: Measure, evidence: Evidence) -> list[Metric]:
    if any(METRICS[name].needs_labels for name in measure.names):
        if not evidence.labelled:
            return not_applicable(measure.names)
        side = evidence.unlabelled_side
        if side:
            why = f"the {side} images have no labels, which the real training images have"
            return unmeasurable(measure.names, why)
    try:
        return measure.of(evidence)
    except BadInput as error:
        return unmeasurable(measure.names, str(error))


def _too_few(evidence: Evidence) -> Metric:
    note = (
        f"the gate half of validation has {len(evidence.gate.images)} images, {evidence.settings.min_gate_images} are "
        "needed; add images or raise split.validation"
    )
    return Metric(name="all", title="all metrics", value=None, outcome=Outcome.NOT_MEASURED, note=note)
