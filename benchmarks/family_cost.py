"""Size and cost of every family of networks with default settings: the table of docs/models.md.

    python -m benchmarks.family_cost

As `augment-dataset models` says it, for 10 classes: trained numbers of each network and the estimated cost of a step at
16 px gray and 32 px colour, and measured CPU milliseconds of a step at 16 px.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from flows.models import row_of
from gan.models.families import FAMILY_NAMES
from gan.settings import TrainingSettings

SHAPES = ((16, 1, True), (32, 3, False))  # side, channels, whether steps are run
CLASSES = 10
COLUMNS = ("network", "trained numbers of the generator", "of its partner", "estimated G multiply-adds per step")


def main() -> None:
    """Print a Markdown table."""
    print(f"| {' | '.join(COLUMNS)} | CPU ms per step |\n{'|---' * (len(COLUMNS) + 1)}|")
    for side_px, channels, is_measured in SHAPES:
        for name in FAMILY_NAMES:
            print(line(name, side_px, channels, is_measured=is_measured), flush=True)


def line(name: str, side_px: int, channels: int, *, is_measured: bool) -> str:
    """A family at a size."""
    settings = TrainingSettings()
    row = row_of(name, side_px, channels, CLASSES, settings, measure=False)
    measured = row_of(name, side_px, channels, CLASSES, settings, measure=True).cost if is_measured else None
    cells = (f"{row.generator_parameters:,}", f"{row.partner_parameters:,}", f"{row.cost / 1e9:.2f}")
    kind = f"`{name}`, {side_px} px {'gray' if channels == 1 else 'colour'}"
    return f"| {kind} | {' | '.join(cells)} | {'' if measured is None else f'{measured:.1f}'} |"


if __name__ == "__main__":
    main()
