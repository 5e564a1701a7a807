"""Classes on their own: means over all images hide one class of ten that collapsed or shows another one.

A class with too few images to tell is left out, and named in the note.
"""

from collections.abc import Sequence

import numpy as np

from datasets.gate_file import Metric
from tasks.synthetic_gate.metric_table import MIN_CLASS_IMAGES, unmeasurable

MIN_REAL_IMAGES = 5


def judged_classes(
    n_synthetic: Sequence[int] | np.ndarray, n_real: Sequence[int] | np.ndarray, min_real: int = MIN_REAL_IMAGES
) -> np.ndarray:
    """Mask [classes]: there are enough images of both sorts."""
    return (np.array(n_synthetic) >= MIN_CLASS_IMAGES) & (np.array(n_real) >= min_real)


def class_note(lowest: int, judged: np.ndarray, n_synthetic: Sequence[int], names: Sequence[str]) -> str:
    """Which class is the lowest, and which were not judged."""
    note = f"lowest for class {names[lowest]}"
    left_out = [one for one, enough, n in zip(names, judged, n_synthetic, strict=True) if n and not enough]
    return f"{note}; too few images to tell: {', '.join(left_out)}" if left_out else note


def by_class(numbers: np.ndarray, judged: np.ndarray, names: Sequence[str]) -> dict[str, float]:
    """Numbers [classes] of the judged classes, by their names."""
    return {names[label]: float(numbers[label]) for label in np.flatnonzero(judged).tolist()}


def no_class(name: str, min_real: int = MIN_REAL_IMAGES) -> Metric:
    """Not measured, as no class is large enough."""
    note = (
        f"no class has {MIN_CLASS_IMAGES} synthetic images and {min_real} real ones to measure them by; "
        "make more images of each class, or add real ones"
    )
    return unmeasurable([name], note)[0]
