"""What pixel operations cost, roughly: so that a plan can say beforehand what a slow one means for a large data set."""

from collections.abc import Iterable

from tasks.imaging.operations.denoise import DenoiseSettings
from tasks.imaging.operations.registry import Operation

MEASURED_VALUES = 256 * 256 * 3
# CPU ms of colour images of 256 x 256 pixels (docs/pixel-operations.md); what is not named costs less than 1 ms.
_COSTS_MS = {
    "nlm": 120.0,
    "grabcut": 160.0,
    "tv_chambolle": 15.0,
    "tv_bregman": 23.0,
    "wavelet": 10.0,
    "plain": 2.6,
}
_OTHER_MS = 0.5


def cost_s(operations: Iterable[Operation], values: int) -> float:
    """Estimated CPU seconds for one image of so many values (height * width * channels)."""
    return sum(map(_cost_ms, operations)) / 1000 * values / MEASURED_VALUES


def _cost_ms(operation: Operation) -> float:
    name = getattr(operation, "method", operation.kind)
    cost_ms = _COSTS_MS.get(name, _OTHER_MS)
    if isinstance(operation, DenoiseSettings) and operation.method == "auto":
        cost_ms += _COSTS_MS.get(operation.auto_method, _OTHER_MS)  # as if all images were noisy
    return cost_ms
