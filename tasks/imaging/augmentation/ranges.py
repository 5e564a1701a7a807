"""Types of settings that are drawn anew for every copy, evenly between a low and a high end."""

import math
from typing import Any

from pydantic import BeforeValidator, Field

Range = tuple[float, float]


def within(lowest: float, highest: float) -> BeforeValidator:
    """Checks that the ends of a range lie in [lowest, highest] and stand in order; a fault is one sentence."""

    def checked(value: Any) -> Range:
        if not isinstance(value, list | tuple) or len(value) != 2 or not all(map(_is_number, value)):
            raise ValueError(f"{_shown(value)} is no range; write two numbers, [low, high]")
        low, high = value
        if low > high:
            raise ValueError(f"{_shown(value)} has its ends the wrong way round; write [{high:g}, {low:g}]")
        if low < lowest or high > highest:
            raise ValueError(f"{_shown(value)} reaches too far; allowed is {lowest:g} to {highest:g}")
        return (float(low), float(high))

    return BeforeValidator(checked)


def share_of_copies(default: float) -> Any:
    """The field `probability` with its default."""
    return Field(default, gt=0, le=1, description="share of copies that it is applied to")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(value: Any) -> str:
    return repr(list(value)) if isinstance(value, tuple) else repr(value)
