"""Images that are unlike what can be learned from: by fixed limits, and against their own class.

Where a default comes from stands in docs/integrity.md, with the distributions that it was read off.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from tasks.curation.finding_list import Action, Findings, is_usable, usable

Row = dict[str, Any]


class OutlierActions(BaseModel):
    """Whether an image beyond a limit is rejected, or only noted."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    too_small: Action = Field("reject", description="under min_side_px: reject or note")
    oversized: Action = Field("reject", description="over max_side_px")
    odd_aspect: Action = Field("reject", description="over max_aspect")
    flat: Action = Field("reject", description="under min_std (flat, flat_black, flat_white)")
    low_entropy: Action = Field("note", description="under min_entropy_bits; sparse drawings are low too")
    too_dark: Action = Field("note", description="under min_bright_level; thin bright lines on black are low too")
    too_bright: Action = Field("note", description="over max_dark_level; dark text on white is high too")
    clipped: Action = Field("note", description="over max_clipped_fraction; cut-outs on black or white are high too")
    too_blurry: Action = Field("note", description="under min_sharpness; clear skies are low too")


class OutlierLimits(BaseModel):
    """Limits of single images. null switches a limit off."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    min_side_px: int | None = Field(8, ge=1, description="shorter sides under this are too_small; null = off")
    max_side_px: int | None = Field(None, ge=1, description="longer sides over this are oversized; null = off")
    max_aspect: float | None = Field(8.0, ge=1, description="longer side over shorter above this is odd_aspect")
    min_std: float | None = Field(2.0, ge=0, le=128, description="grey deviation under this is flat, one colour")
    min_entropy_bits: float | None = Field(
        0.5, ge=0, le=8, description="entropy of grey levels under this is low_entropy (least seen on sound ones: 0.68)"
    )
    min_bright_level: float | None = Field(
        10, ge=0, le=255, description="95 % of grey levels under this: too_dark (least on sound photographs: 89)"
    )
    max_dark_level: float | None = Field(
        245, ge=0, le=255, description="95 % of grey levels over this: too_bright (most on sound photographs: 160)"
    )
    max_clipped_fraction: float | None = Field(
        None, ge=0, le=1, description="share of levels 0 and 255 over this is clipped; null = off, as cut-outs are high"
    )
    min_sharpness: float | None = Field(
        15, ge=0, description="variance of the Laplacian under this: too_blurry (least on sound photographs: 24)"
    )
    actions: OutlierActions = Field(default_factory=OutlierActions, description="reject or note, per finding")


@dataclass(frozen=True, slots=True)
class _Limit:
    """One line of the table of limits; `setting` begins with min_ or max_."""

    setting: str
    finding: str
    what: str
    value: Callable[[Row], float]

    def broken_by(self, values: np.ndarray, limit: float) -> np.ndarray:
        """Float [N] -> bool [N]."""
        return values > limit if self.setting.startswith("max_") else values < limit


def _aspect(row: Row) -> float:
    short_px, long_px = sorted((row["width_px"], row["height_px"]))
    return long_px / short_px


LIMITS = (  # in this order; the first that rejects is the reason
    _Limit("min_side_px", "too_small", "shorter side in px", lambda row: min(row["width_px"], row["height_px"])),
    _Limit("max_side_px", "oversized", "longer side in px", lambda row: max(row["width_px"], row["height_px"])),
    _Limit("max_aspect", "odd_aspect", "longer over shorter side", _aspect),
    _Limit("min_std", "flat", "deviation of grey levels", lambda row: row["std"]),
    _Limit("min_entropy_bits", "low_entropy", "entropy in bits", lambda row: row["entropy_bits"]),
    _Limit("min_bright_level", "too_dark", "95th percentile of grey levels", lambda row: row["brightness_p95"]),
    _Limit("max_dark_level", "too_bright", "5th percentile of grey levels", lambda row: row["brightness_p05"]),
    _Limit("max_clipped_fraction", "clipped", "share of levels 0 and 255", lambda row: row["clipped_fraction"]),
    _Limit("min_sharpness", "too_blurry", "sharpness", lambda row: row["sharpness"]),
)


def check_limits(rows: Iterable[Row], settings: OutlierLimits, findings: Findings) -> None:
    """Reject or note what is beyond a limit. After a reject the image is not looked at any further."""
    active = [
        (entry, limit, getattr(settings.actions, entry.finding))
        for entry in LIMITS
        if (limit := getattr(settings, entry.setting)) is not None
    ]
    looked_at = list(usable(rows))
    beyond = np.zeros((len(active), len(looked_at)), bool)
    for number, (entry, limit, _) in enumerate(active):
        beyond[number] = entry.broken_by(np.array([entry.value(row) for row in looked_at]), limit)
    for place in np.flatnonzero(beyond.any(axis=0)).tolist():
        row = looked_at[place]
        for number in np.flatnonzero(beyond[:, place]).tolist():
            entry, limit, action = active[number]
            side = "over" if entry.setting.startswith("max_") else "under"
            detail = f"{entry.what} {entry.value(row):.4g} is {side} {entry.setting} {limit:g}"
            findings.act(action, row, _code(entry.finding, row), detail)
            if not is_usable(row):
                break


def _code(finding: str, row: Row) -> str:
    if finding != "flat":
        return finding
    return "flat_black" if row["mean"] < 8 else "flat_white" if row["mean"] > 247 else "flat"


class ClassOutlierSettings(BaseModel):
    """Images that are far from the others of their class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_robust_z: float | None = Field(
        6.0, gt=0, description="deviations from the class's median above this: class_outlier; null = off"
    )
    min_class_images: int = Field(50, ge=3, description="smaller classes are not judged: too few to say what is usual")
    action: Action = Field("note", description="reject or note; unusual is not wrong, so note")


@dataclass(frozen=True, slots=True)
class _Measure:
    """What images of a class are compared by; no class counts as more uniform than `least_deviation`."""

    name: str
    least_deviation: float
    value: Callable[[Row], float]
    scale: Callable[[np.ndarray], np.ndarray] = np.asarray


MEASURES = (
    _Measure("brightness", 4.0, lambda row: row["mean"]),
    _Measure("contrast", 4.0, lambda row: row["std"]),
    _Measure("entropy", 0.2, lambda row: row["entropy_bits"]),
    _Measure("sharpness (log)", 0.2, lambda row: row["sharpness"], np.log1p),
    _Measure("aspect (log)", 0.15, lambda row: row["width_px"] / row["height_px"], np.log),
    _Measure("area (log)", 0.3, lambda row: row["width_px"] * row["height_px"], np.log),
)


def check_class_outliers(rows: Iterable[Row], settings: ClassOutlierSettings, findings: Findings) -> None:
    """Reject or note what is far from its own class in a measure; unlabelled images are one class."""
    if settings.max_robust_z is None:
        return
    classes: dict[str | None, list[Row]] = defaultdict(list)
    for row in usable(rows):
        classes[row["label"]].append(row)
    for label, members in classes.items():
        if len(members) < settings.min_class_images:
            continue
        whose = "all images" if label is None else f"class {label}"
        for number, name, score in far_from_the_rest(members, settings.max_robust_z):
            detail = (
                f"{name} lies {abs(score):.1f} robust deviations {'above' if score > 0 else 'below'} that of {whose}"
            )
            findings.act(settings.action, members[number], "class_outlier", detail)


def far_from_the_rest(rows: Sequence[Row], max_robust_z: float) -> list[tuple[int, str, float]]:
    """Rows of one class -> (row number, measure, robust z) of each that is too far, at its furthest measure."""
    scores = np.stack(
        [
            robust_z(entry.scale(np.array([entry.value(row) for row in rows])), entry.least_deviation)
            for entry in MEASURES
        ]
    )
    worst = np.abs(scores).argmax(axis=0)
    furthest = scores[worst, np.arange(len(rows))]
    return [
        (int(number), MEASURES[worst[number]].name, float(furthest[number]))
        for number in np.flatnonzero(np.abs(furthest) > max_robust_z)
    ]


def robust_z(values: np.ndarray, least_deviation: float) -> np.ndarray:
    """Float [N] -> deviations from the median in units of the scaled median absolute deviation, float [N].

    Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993). The unit is never under `least_deviation`: where
    most of a class have the same value, any other would seem infinitely far.
    """
    centred = values - np.median(values)
    unit = 1.4826 * float(np.median(np.abs(centred)))
    return centred / max(unit, least_deviation)
