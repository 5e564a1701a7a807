"""What the study of rare classes found, as Markdown, from its cells. See rare_classes.py.

Differences are paired: a seed gives two classifiers the same start and order. The model is difference = mean +
generator + seed + image + rest, all random: the variances of the means by generator, by seed and by image are added,
which counts the rest more than once, so that an interval is a little too wide. Student's t, Satterthwaite's degrees of
freedom. An arm without a generator has no such part. As gan/metrics/non_inferiority.py, with generators.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
COMPARED = {
    "oversampling": ("real",),
    "imgaug": ("real", "oversampling"),
    "synthetic": ("real", "oversampling", "imgaug"),
    "imgaug+synthetic": ("real", "oversampling", "imgaug"),
    "imgaug of both": ("real", "oversampling", "imgaug"),
    "more_real": ("real",),
}


@dataclass(frozen=True)
class Estimate:
    """A mean with its 95 % interval."""

    mean: float
    low: float
    high: float

    def percent(self, *, signed: bool = False) -> str:
        plus, least = ("+", -1.0) if signed else ("", 0.0)
        low, high = max(least, self.low), min(1.0, self.high)
        return f"{100 * self.mean:{plus}.1f} ({100 * low:{plus}.1f} to {100 * high:{plus}.1f})"


def estimate(values: np.ndarray) -> Estimate:
    """Of [G, S, N], a value for each generator, seed and image; G is 1 where there is no generator, S and N over 1."""
    mean = float(values.mean())
    parts = []
    for axis in range(3):
        count = values.shape[axis]
        if count > 1:
            means = values.mean(axis=tuple(other for other in range(3) if other != axis))
            parts.append((float(means.var(ddof=1)) / count, count - 1))
    variance = sum(part for part, _ in parts)
    if variance == 0:
        return Estimate(mean, mean, mean)
    degrees = variance**2 / sum(part**2 / freedom for part, freedom in parts)
    half = float(stats.t.ppf(0.5 + CONFIDENCE / 2, degrees)) * math.sqrt(variance)
    return Estimate(mean, mean - half, mean + half)


@dataclass(frozen=True)
class Arm:
    """`predicted` int [G, S, N]: what the classifiers of an arm say of the test images."""

    name: str
    predicted: np.ndarray
    cpu_seconds: float

    @property
    def base(self) -> str:
        return self.name.partition(":")[0]

    @property
    def shape(self) -> str:
        generators, seeds, _ = self.predicted.shape
        return f"{generators} x {seeds}" if ":" in self.name else f"{seeds}"


def arms_of(folder: Path) -> list[Arm]:
    """What is there; of an arm that is not finished, the generators that are."""
    by_arm: dict[str, dict[Any, list[dict[str, Any]]]] = {}
    for path in sorted(folder.glob("judge-*.json")):
        cell = json.loads(path.read_text(encoding="utf-8"))
        by_arm.setdefault(cell["arm"], {}).setdefault(cell["gan_seed"], []).append(cell)
    found = []
    for name, groups in by_arm.items():
        most = max(map(len, groups.values()))
        whole = [cells for cells in groups.values() if len(cells) == most]
        predicted = [
            [np.frombuffer(cell["predicted"].encode(), np.uint8) - ord("0") for cell in cells] for cells in whole
        ]
        seconds = float(np.mean([cell["cpu_seconds"] for cells in whole for cell in cells]))
        found.append(Arm(name, np.array(predicted, dtype=np.int64), seconds))
    order = list(COMPARED)
    return sorted(found, key=lambda arm: (order.index(arm.base) if arm.base in order else -1, arm.name))


def tables(out: Path) -> list[str]:
    """Every study that a folder holds."""
    lines = []
    for folder in sorted(path.parent for path in out.glob("*/study.json")):
        study = json.loads((folder / "study.json").read_text(encoding="utf-8"))
        lines += [f"### {folder.name}", "", *_scores(folder, study), "", *_differences(folder, study), ""]
        lines += [*_images(folder, study), "", _cost(folder), ""]
    return lines


def _truth(study: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(study["truth"].encode(), np.uint8) - ord("0")


def _groups(study: dict[str, Any]) -> dict[str, np.ndarray]:
    """Which test images a column is about, bool [N]."""
    truth, rare, names = _truth(study), study["rare"], study["class_names"]
    if len(rare) == len(names):
        return {"all classes": np.ones(len(truth), bool)}
    columns = {f"recall of {names[label]}": truth == label for label in rare}
    return columns | {"recall of the rare": np.isin(truth, rare), "accuracy": np.ones(len(truth), bool)}


def _scores(folder: Path, study: dict[str, Any]) -> list[str]:
    truth, groups = _truth(study), _groups(study)
    lines = [_row(["arm", "trainings", *groups, "lowest class"]), "|---" * (len(groups) + 3) + "|"]
    for arm in arms_of(folder):
        correct = arm.predicted == truth
        shares = [estimate(correct[:, :, rows]).percent() for rows in groups.values()]
        lowest = min(correct[:, :, truth == label].mean() for label in range(len(study["class_names"])))
        lines.append(_row([arm.name, arm.shape, *shares, f"{100 * lowest:.1f}"]))
    return lines


def _differences(folder: Path, study: dict[str, Any]) -> list[str]:
    truth, groups = _truth(study), _groups(study)
    arms = {arm.name: arm for arm in arms_of(folder)}
    lines = [_row(["difference", *groups]), "|---" * (len(groups) + 1) + "|"]
    for arm in arms.values():
        for other in COMPARED.get(arm.base, ()):
            if other not in arms or arms[other].predicted.shape[1] != arm.predicted.shape[1]:
                continue
            against = arms[other].predicted == truth
            difference = (arm.predicted == truth).astype(np.float64) - against
            shares = [estimate(difference[:, :, rows]).percent(signed=True) for rows in groups.values()]
            lines.append(_row([f"{arm.name} - {other}", *shares]))
    return lines


def _images(folder: Path, study: dict[str, Any]) -> list[str]:
    """What was added, as an oracle sees it, the mean over the rare classes; generators one by one."""
    names = [study["class_names"][label] for label in study["rare"]]
    shown = names if len(names) < len(study["class_names"]) else ["all"]
    columns = ["faithful", "known", "known_real", "precision", "recall", "coverage", "coverage_of_training_images"]
    lines = [_row(["added images", "class", *columns]), "|---" * (len(columns) + 2) + "|"]
    for path in sorted(folder.glob("images-*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))["by_class"]
        for name in shown:
            chosen = list(found.values()) if name == "all" else [found[name]]
            values = [f"{np.mean([one[column] for one in chosen]):.2f}" for column in columns]
            lines.append(_row([path.stem.removeprefix("images-"), name, *values]))
    return lines


def _cost(folder: Path) -> str:
    """CPU time of all cells, and the load of the machine meanwhile."""
    cells = [
        json.loads(path.read_text(encoding="utf-8"))
        for kind in ("judge", "gan")
        for path in folder.glob(f"{kind}-*.json")
    ]
    minutes = sum(cell["cpu_seconds"] for cell in cells) / 60
    loads = [cell["load"] for cell in cells]
    return (
        f"{len(cells)} cells, {minutes:.1f} CPU minutes, load {min(loads)} to {max(loads)}." if cells else "No cells."
    )


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
