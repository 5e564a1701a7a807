"""What operations cost, as a plan says it."""

import pytest

from tasks.imaging.operations.costs import MEASURED_VALUES, cost_s
from tasks.imaging.operations.denoise import DenoiseSettings
from tasks.imaging.operations.registry import KINDS


def test_no_operations_cost_nothing() -> None:
    assert cost_s((), MEASURED_VALUES) == 0.0


def test_non_local_means_cost_seconds_where_others_cost_milliseconds() -> None:
    slow, quick = (cost_s([DenoiseSettings(method=method)], MEASURED_VALUES) for method in ("nlm", "median"))
    assert slow > 100 * quick > 0


def test_auto_costs_the_estimate_and_its_method() -> None:
    costs = [
        cost_s([DenoiseSettings(method="auto", auto_method=name)], MEASURED_VALUES) for name in ("bilateral", "nlm")
    ]
    assert costs[1] > cost_s([DenoiseSettings(method="nlm")], MEASURED_VALUES) > costs[0]


@pytest.mark.parametrize("kind", KINDS)
def test_costs_grow_with_the_pixels_and_add_up(kind: str) -> None:
    operation = KINDS[kind].settings()
    once = cost_s([operation], MEASURED_VALUES)
    assert cost_s([operation, operation], 2 * MEASURED_VALUES) == pytest.approx(4 * once)
