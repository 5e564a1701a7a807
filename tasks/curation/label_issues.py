"""Labels that look wrong: what a simple classifier, which has not seen the image, is sure to be another class."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from datasets.manifest import THUMBNAIL_SIDE_PX
from tasks.curation.finding_list import Action, Findings, is_usable

Row = dict[str, Any]
MEASURES = (
    *("mean", "std", "entropy_bits", "sharpness", "brightness_p05", "brightness_p95", "clipped_fraction"),
    *("width_px", "height_px"),
)
_COMPONENTS = 64
_NEIGHBOURS = 15
# What an image is compared with is capped, so that the time grows with the images and not with their square.
_MAX_FITTED = 20_000
_AT_ONCE = 4096


class LabelIssueSettings(BaseModel):
    """A search for labels that look wrong, by cross-validated predictions on thumbnails and measures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = Field(False, description="search for labels that look wrong; about 1 s per 5,000 images and more")
    folds: int = Field(5, ge=2, le=20, description="parts of the data, each predicted from the others")
    min_class_images: int = Field(20, ge=5, description="smaller classes are left out: too few to learn from")
    max_own_probability: float = Field(
        0.02, ge=0, lt=0.5, description="a label is doubted where its own probability is at most this"
    )
    min_accuracy: float = Field(
        0.7, ge=0, le=1, description="nothing is doubted where simple features tell the classes apart less than this"
    )
    action: Action = Field("note", description="reject or note; many of those found are right, so note")


def check_label_issues(
    rows: Sequence[Row], thumbnails: np.ndarray, settings: LabelIssueSettings, findings: Findings
) -> dict[str, Any] | None:
    """Note or reject images in use whose label looks wrong; `thumbnails` uint8 [N, 1024] are in the order of rows.

    Returns what was looked at, for the summary; None where the search is off or there are no two classes.
    """
    if not settings.enabled:
        return None
    chosen, labels = _judged(rows, settings.min_class_images)
    names = sorted(set(labels))
    if len(names) < 2:
        return None
    classes = np.array([names.index(label) for label in labels])
    measures = np.array([[rows[number][name] for name in MEASURES] for number in chosen], np.float32)
    folds = _folds([_copies(rows[number]) for number in chosen], settings.folds)
    probabilities = held_out_probabilities(thumbnails[chosen], measures, classes, folds)
    accuracy = float((probabilities.argmax(axis=1) == classes).mean())
    record = {"images": len(chosen), "classes": len(names), "accuracy": round(accuracy, 4), "found": 0}
    if accuracy < settings.min_accuracy:
        return record | {"note": f"simple features tell the classes apart in {accuracy:.0%}: too few to doubt a label"}
    for place, other in doubted(probabilities, classes, settings.max_own_probability):
        row = rows[chosen[place]]
        detail = (
            f"labelled {row['label']}, but looks like {names[other]}: probability {probabilities[place, other]:.2f} "
            f"against {probabilities[place, classes[place]]:.2f}, by classifiers that did not see it"
        )
        findings.act(settings.action, row, "label_doubtful", detail)
        record["found"] += 1
    return record


def _judged(rows: Sequence[Row], min_class_images: int) -> tuple[np.ndarray, list[str]]:
    """Row numbers of labelled images in use of classes that are large enough, and their labels."""
    labelled = [number for number, row in enumerate(rows) if is_usable(row) and row["label"] is not None]
    sizes = Counter(rows[number]["label"] for number in labelled)
    chosen = [number for number in labelled if sizes[rows[number]["label"]] >= min_class_images]
    return np.array(chosen, np.int64), [rows[number]["label"] for number in chosen]


def _copies(row: Row) -> str:
    """What copies of one image have in common: they must be in one fold, or one would give the other away."""
    return row["duplicate_group"] or row["sha256"]


def _folds(names: Sequence[str], count: int) -> np.ndarray:
    """int64 [N] in [0, count), by content: the same for an image whatever the others are."""
    digests = (hashlib.sha256(f"label issues {name}".encode()).digest() for name in names)
    return np.array([int.from_bytes(digest[:8], "big") % count for digest in digests], np.int64)


def held_out_probabilities(
    thumbnails: np.ndarray, measures: np.ndarray, classes: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """uint8 [N, 1024], float [N, M], int [N], int [N] -> float [N, K]: each row from the other folds only.

    Neighbours, weighted by their distance, among principal components and standardised measures.
    """
    from sklearn.neighbors import KNeighborsClassifier
    from threadpoolctl import threadpool_limits

    count = int(classes.max()) + 1
    probabilities = np.zeros((len(classes), count))
    halved = _halved(thumbnails)
    with threadpool_limits(1):  # more threads than free cores cost many times what they save here
        for fold in np.unique(folds):
            held_out = np.flatnonzero(folds == fold)
            fitted = _thinned(np.flatnonzero(folds != fold))
            features = _Features(halved[fitted], measures[fitted])
            classifier = KNeighborsClassifier(min(_NEIGHBOURS, len(fitted)), weights="distance", algorithm="brute")
            classifier.fit(features.of(halved[fitted], measures[fitted]), classes[fitted])
            seen = classifier.predict_proba(features.of(halved[held_out], measures[held_out]))
            probabilities[np.ix_(held_out, classifier.classes_)] = seen
    return probabilities


def _halved(thumbnails: np.ndarray) -> np.ndarray:
    """uint8 [N, 1024] -> float32 [N, 256]: means of 2x2 pixels, which tell classes apart no worse."""
    half = THUMBNAIL_SIDE_PX // 2
    halved = np.empty((len(thumbnails), half * half), np.float32)
    for start in range(0, len(thumbnails), _AT_ONCE):
        part = thumbnails[start : start + _AT_ONCE].reshape(-1, half, 2, half, 2)
        halved[start : start + _AT_ONCE] = part.mean(axis=(2, 4), dtype=np.float32).reshape(len(part), -1)
    return halved


def _thinned(numbers: np.ndarray) -> np.ndarray:
    if len(numbers) <= _MAX_FITTED:
        return numbers
    return numbers[np.linspace(0, len(numbers) - 1, _MAX_FITTED).astype(np.int64)]


class _Features:
    """Principal components of thumbnails on one scale, beside standardised measures; fitted on some images."""

    def __init__(self, thumbnails: np.ndarray, measures: np.ndarray) -> None:
        from sklearn.decomposition import PCA
        from sklearn.preprocessing import StandardScaler

        components = min(_COMPONENTS, len(thumbnails) - 1)
        self._components = PCA(components, svd_solver="covariance_eigh").fit(thumbnails)
        self._unit = max(float(np.sqrt(self._components.explained_variance_.mean())), 1e-6)
        self._measures = StandardScaler().fit(measures)

    def of(self, thumbnails: np.ndarray, measures: np.ndarray) -> np.ndarray:
        """float32 [N, components + M]."""
        slow = self._components.transform(thumbnails) / self._unit
        return np.hstack([slow, self._measures.transform(measures)])


def doubted(probabilities: np.ndarray, classes: np.ndarray, max_own_probability: float) -> list[tuple[int, int]]:
    """Float [N, K], int [N] -> (row, the class that it looks like) where a label looks wrong.

    A row counts as of a class where its probability reaches the mean that images labelled so get for it (confident
    learning, arXiv:1911.00068), so a class that is hard to tell has a lower bar. Doubted is what counts as another
    class, while its own label is all but ruled out.
    """
    rows = np.arange(len(classes))
    own = probabilities[rows, classes]
    bars = np.array(
        [own[classes == k].mean() if np.any(classes == k) else np.inf for k in range(probabilities.shape[1])]
    )
    sure = np.where(probabilities >= bars, probabilities, 0.0)
    other = sure.argmax(axis=1)
    found = (sure[rows, other] > 0) & (other != classes) & (own <= max_own_probability)
    return [(int(row), int(other[row])) for row in np.flatnonzero(found)]
