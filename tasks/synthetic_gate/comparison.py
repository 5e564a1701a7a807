"""The comparison with the last published version: whether a metric became worse by more than a margin."""

from collections.abc import Sequence

from datasets.gate_file import Gate, Metric
from tasks.synthetic_gate.metric_table import measured, not_applicable

REGRESSION = "regression"


def regression_metric(
    metrics: Sequence[Metric], last: tuple[str, Gate] | None, margin: float, why_none: str = ""
) -> Metric:
    """How many judged metrics are worse than in the last version by more than `margin` times their limit.

    Numbers of another extractor, judge, classifier or n are not compared, and named in the note. Without a last version
    it does not apply; `last` is its number and gate; `why_none` says why there is none.
    """
    if last is None:
        return not_applicable([REGRESSION], why_none or "there is no earlier version")[0]
    version, gate = last
    before = {metric.name: metric for metric in gate.metrics}
    worse, left_out, compared = [], [], 0
    for metric in metrics:
        old = before.get(metric.name)
        if metric.threshold is None or metric.value is None or old is None or old.value is None:
            continue
        difference = _why_incomparable(metric, old)
        if difference:
            left_out.append(f"{metric.name} ({difference})")
            continue
        compared += 1
        loss = metric.value - old.value if metric.direction == "max" else old.value - metric.value
        if loss > margin * abs(metric.threshold):
            worse.append(f"{metric.name} {metric.value:.4g} after {old.value:.4g}")
    note = "; ".join(
        part
        for part in (
            f"compared with {version}, {compared} metrics",
            f"worse by more than {margin:g} of their limit: {', '.join(worse)}" if worse else "",
            f"not compared: {', '.join(left_out)}" if left_out else "",
        )
        if part
    )
    if not compared:
        return not_applicable([REGRESSION], note)[0]
    return measured(REGRESSION, float(len(worse)), note=note)


def _why_incomparable(metric: Metric, old: Metric) -> str | None:
    if metric.extractor != old.extractor:
        name, before = ((one.extractor or "none").partition(" ")[0] for one in (metric, old))
        return f"another {name}" if name == before else f"{name} after {before}"
    return None if metric.n == old.n else f"n {metric.n} after {old.n}"
