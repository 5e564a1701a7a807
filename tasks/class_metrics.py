"""Metrics of the worst class: means over all images hide one class of ten that collapsed or shows another one.

A class with too few images to tell is left out, and named in the note.
"""

from collections.abc import Sequence

import numpy as np

from datasets.gate_file import Metric, Outcome
from gan.metrics.diversity import ClassSpread, relative_spreads
from gan.value import Faithfulness, share_interval

MIN_SYNTHETIC_IMAGES = 10
MIN_REAL_IMAGES = 5


def class_faithfulness_metric(
    synthetic: Faithfulness, real: Faithfulness, real_accuracy: float, min_ratio: float, names: Sequence[str]
) -> Metric:
    """The class whose share seen as asked for is furthest below its limit; `real` is the same of real images.

    The limit is `min_ratio` times what the judge reaches on real images: overall, or on the class where that is less,
    so that a class which the judge cannot tell from others on real images does not refuse.
    """
    name, title = "lowest_class_faithfulness", "images of the lowest class seen as it"
    judged = _judged(synthetic.n_per_class, real.n_per_class)
    if not judged.any():
        return _no_class(name, title)
    shares, reachable = np.array(synthetic.per_class), np.fmin(real.per_class, real_accuracy)
    lowest = int(np.argmin(np.where(judged, shares - min_ratio * reachable, np.inf)))
    n = synthetic.n_per_class[lowest]
    return Metric(
        name=name,
        title=f"images of class {names[lowest]} seen as it, the lowest class",
        value=float(shares[lowest]),
        threshold=min_ratio * float(reachable[lowest]),
        outcome=Outcome.NOT_MEASURED,
        floor=float(real.per_class[lowest]),
        direction="min",
        interval=share_interval(float(shares[lowest]), n),
        n=n,
        note=_note(lowest, judged, synthetic.n_per_class, names),
    )


def class_diversity_metric(
    synthetic: ClassSpread,
    real: ClassSpread,
    held_out: ClassSpread,
    min_ratio: float,
    names: Sequence[str] | None,
    extractor: str,
) -> Metric:
    """The class with the lowest spread of features over that of `real`; without names all images are one class.

    The floor is the lowest that a class of other real images, `held_out`, shows.
    """
    name, title = "lowest_class_diversity", "spread within the lowest class, over real"
    judged = _judged(synthetic.n_per_class, real.n_per_class)
    if not judged.any():
        return _no_class(name, title)
    ratios = relative_spreads(synthetic, real)
    lowest = int(np.argmin(np.where(judged, ratios, np.inf)))
    floors = relative_spreads(held_out, real)[judged & (np.array(held_out.n_per_class) >= MIN_REAL_IMAGES)]
    return Metric(
        name=name,
        title="spread of all images, over real" if names is None else f"spread within class {names[lowest]}, over real",
        value=float(ratios[lowest]),
        threshold=min_ratio,
        outcome=Outcome.NOT_MEASURED,
        floor=float(floors.min()) if len(floors) else None,
        direction="min",
        extractor=extractor,
        n=synthetic.n_per_class[lowest],
        note="without labels all images are one class"
        if names is None
        else _note(lowest, judged, synthetic.n_per_class, names),
    )


def _judged(n_synthetic: Sequence[int], n_real: Sequence[int]) -> np.ndarray:
    """Mask [classes]: there are enough images of both sorts."""
    return (np.array(n_synthetic) >= MIN_SYNTHETIC_IMAGES) & (np.array(n_real) >= MIN_REAL_IMAGES)


def _note(lowest: int, judged: np.ndarray, n_synthetic: Sequence[int], names: Sequence[str]) -> str:
    note = f"lowest for class {names[lowest]}"
    left_out = [one for one, enough, n in zip(names, judged, n_synthetic, strict=True) if n and not enough]
    return f"{note}; too few images to tell: {', '.join(left_out)}" if left_out else note


def _no_class(name: str, title: str) -> Metric:
    note = (
        f"no class has {MIN_SYNTHETIC_IMAGES} synthetic images and {MIN_REAL_IMAGES} real ones to measure them by; "
        "raise generate.images_per_class or add images"
    )
    return Metric(name=name, title=title, value=None, outcome=Outcome.NOT_MEASURED, note=note)
