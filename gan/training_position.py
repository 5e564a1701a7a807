"""Where a run is, apart from the weights; all of it is in every checkpoint."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from gan.evaluation import Evaluation
from gan.health import Alarm


@dataclass
class Position:
    """Steps are counted from 0. A warm start begins late: the budget that is left out counts as done."""

    step: int = 0
    first_step: int = 0
    seconds: float = 0.0
    rollbacks: int = 0
    collapses: int = 0  # the rollbacks that followed an alarm
    paired_steps: int = 0  # since the last evaluation
    paired_sum: float = 0.0  # of the share of real images scored above their synthetic pair, over these steps
    evaluations: list[Evaluation] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    @property
    def best(self) -> Evaluation | None:
        """The evaluation with the smallest Frechet distance; the earlier one of equals."""
        return min(self.evaluations, key=lambda evaluation: evaluation.frechet_distance, default=None)

    @property
    def evaluations_since_best(self) -> int:
        """How many evaluations followed the best one."""
        best = self.best
        return 0 if best is None else len(self.evaluations) - 1 - self.evaluations.index(best)

    def as_record(self) -> dict[str, Any]:
        """JSON-able; `position_of` reads it back."""
        return asdict(self)


def position_of(record: Mapping[str, Any]) -> Position:
    """From what `as_record` gave, after a round trip through JSON."""
    evaluations = [Evaluation(**evaluation) for evaluation in record["evaluations"]]
    alarms = [Alarm(**{**alarm, "values": tuple(alarm["values"])}) for alarm in record["alarms"]]
    return Position(**{**record, "evaluations": evaluations, "alarms": alarms})
