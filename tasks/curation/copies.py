"""Copies among the images, exact and near: which of them stay. Decided on hashes and thumbnails, without pixels."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from datasets.manifest import key_text
from tasks.curation.finding_list import Findings, is_usable, usable
from tasks.imaging.duplicates import DuplicateSettings, NearCopies, groups, near_copies
from tasks.imaging.near_duplicates.search import Spread, here
from tasks.splitting.source_splits import HELD_OUT

if TYPE_CHECKING:
    from tasks.curate import CurateSettings

Row = dict[str, Any]

# The same names for exact and for near copies. `keep_first`: first in the order of the manifest. All but keep_all
# reject the others; images that the source holds out for test or validation come before all others in each of them.
ExactPolicy = Literal["keep_best", "keep_first", "keep_all"]
NearPolicy = Literal["keep_best", "keep_first", "keep_all", "ignore"]


def resolve_exact_duplicates(rows: list[Row], settings: "CurateSettings", findings: Findings) -> None:
    """Files of the same bytes, or of the same pixels, form a group named after its first member.

    Those that the source holds out for test or validation come first: a copy among training images must not oust them.
    """
    alike: dict[str, list[Row]] = defaultdict(list)
    for row in usable(rows):
        alike[row["pixel_sha256"]].append(row)
    for group in alike.values():
        if len(group) == 1:
            continue
        group = _in_order_of_keeping(group, best_first=settings.exact_duplicates == "keep_best")
        for row in group:
            row["duplicate_group"] = group[0]["sha256"]
        if _resolve_label_conflict(group, settings, findings, "the same picture"):
            continue
        for row in group[1:]:
            what = "bytes" if row["sha256"] == group[0]["sha256"] else "pixels"
            detail = f"same {what} as {key_text(group[0])}"
            _drop_copy(row, group[0], "duplicate_exact", detail, settings.exact_duplicates != "keep_all", findings)


def resolve_near_duplicates(
    rows: list[Row], thumbnails: np.ndarray, settings: "CurateSettings", findings: Findings, run: Spread = here
) -> NearCopies:
    """Decide on groups of near copies; `thumbnails` uint8 [N, 1024] belongs to all rows, in their order.

    Returns the pairs that were confirmed, int64 [P, 2] of row numbers. Groups are guarded against chains, so two
    images that match may be in different groups: the split keeps those together by the pairs. Thumbnails may be mapped
    from a file; `run` spreads the search.
    """
    if settings.near_duplicates == "ignore":
        return NearCopies(np.empty((0, 2), dtype=np.int64), {})
    indices = np.array([i for i, row in enumerate(rows) if is_usable(row)], dtype=np.int64)
    copies = _near_copies(rows, indices, thumbnails, settings.similarity, run)
    by_name: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row["duplicate_group"]:
            by_name[row["duplicate_group"]].append(row)
    for members in _groups_of(indices, copies.pairs):
        alike = [rows[index] for index in sorted(members)]
        group = _in_order_of_keeping(alike, best_first=settings.near_duplicates != "keep_first")
        _name_group(group, by_name)
        if _resolve_label_conflict(group, settings, findings, "nearly the same picture"):
            continue
        for row in group[1:]:
            if row["pixel_sha256"] == group[0]["pixel_sha256"]:
                continue  # an exact copy, which `exact_duplicates` kept
            detail = f"nearly the same as {key_text(group[0])}"
            _drop_copy(row, group[0], "duplicate_near", detail, settings.near_duplicates != "keep_all", findings)
    return NearCopies(indices[copies.pairs], copies.numbers)


def _name_group(group: list[Row], by_name: dict[str, list[Row]]) -> None:
    """Give a group the name of its best image; groups of exact copies that its images head come along."""
    name = group[0]["duplicate_group"] or group[0]["sha256"]
    for row in group:
        for member in by_name.pop(row["duplicate_group"], ()):
            member["duplicate_group"] = name
        row["duplicate_group"] = name


def _near_copies(
    rows: list[Row], indices: np.ndarray, thumbnails: np.ndarray, similarity: DuplicateSettings, run: Spread
) -> NearCopies:
    """Pairs of positions in `indices`."""
    looked_at = [rows[index] for index in indices.tolist()]
    phash, mirror = (np.array([row[name] for row in looked_at], dtype=np.uint64) for name in ("phash", "phash_mirror"))
    sides = [min(row["width_px"], row["height_px"]) for row in looked_at]
    return near_copies(indices, phash, mirror, thumbnails, np.array(sides, dtype=np.int64), similarity, run)


def _groups_of(indices: np.ndarray, pairs: np.ndarray) -> list[list[int]]:
    members: dict[int, list[int]] = defaultdict(list)
    group, paired = groups(len(indices), pairs), np.unique(pairs)
    for representative, index in zip(group[paired].tolist(), indices[paired].tolist(), strict=True):
        members[representative].append(index)
    return [group for group in members.values() if len(group) > 1]


def _resolve_label_conflict(group: list[Row], settings: "CurateSettings", findings: Findings, what: str) -> bool:
    """True when the group was one picture under several labels and all of it was rejected."""
    labels = sorted({str(row["label"]) for row in group})
    if len(labels) == 1:
        return False
    if settings.label_conflicts == "keep_first":
        for row in group:
            findings.add(row, "label_conflict", "note", f"{what} is labelled {' and '.join(labels)}")
        return False
    for row in group:
        findings.reject(row, "label_conflict", f"{what} is labelled {' and '.join(labels)}")
    return True


def _drop_copy(row: Row, first: Row, code: str, detail: str, drop: bool, findings: Findings) -> None:
    """Reject a copy or note it. One under another label goes even where copies stay: a picture has one label.

    The reason says that it is a copy, as later stages count and place it as one.
    """
    if row["label"] != first["label"]:
        findings.reject(row, code, f"{detail}, whose label {first['label']} counts")
    elif drop:
        findings.reject(row, code, detail)
    else:
        findings.add(row, code, "note", detail)


def _in_order_of_keeping(group: list[Row], best_first: bool) -> list[Row]:
    """The one that stays goes first, and gives the group its name."""
    return sorted(group, key=_worth, reverse=True) if best_first else sorted(group, key=_held_out_rank)


def _worth(row: Row) -> tuple[int, int, float, str]:
    """Held out by the source is better, then larger, then sharper; the key breaks ties the same way every time."""
    return (-_held_out_rank(row), row["width_px"] * row["height_px"], row["sharpness"], key_text(row))


def _held_out_rank(row: Row) -> int:
    """Test before validation before all others."""
    return HELD_OUT.index(row["source_split"]) if row["source_split"] in HELD_OUT else len(HELD_OUT)
