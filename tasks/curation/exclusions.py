"""Images that must not be used: a list of hashes, kept by the user, and what it catches besides the listed images."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.errors import BadInput
from datasets.manifest import key_text
from tasks.digests import digest_of
from tasks.imaging.duplicates import DuplicateSettings, near_pairs

Row = dict[str, Any]

_ENTRY = re.compile(r"(?P<sha256>[0-9a-fA-F]{64})(\s+(?P<reason>.*))?")
_COMMENT = re.compile(r"(^|\s)#.*")
_SHOWN_CHARACTERS = 80
# Above so many listed images, comparing each with every other costs more than the search for all near copies.
_MAX_LISTED_ONE_BY_ONE = 20_000


def check_exclusions(path: Path | None) -> None:
    """Raises BadInput where the list is missing or has a bad line; for use before work starts."""
    if path is not None:
        read_exclusions(path)


def exclusions_digest(path: Path | None) -> dict[str, str | None]:
    """What a fingerprint says of the list: the digest of its entries, whatever its comments and layout."""
    return {"exclusions": None if path is None else digest_of(read_exclusions(path))}


def read_exclusions(path: Path) -> dict[str, str]:
    """Lines `<sha256 of a file's bytes or of pixels> [reason]`, `#` begins a comment -> reason (or "") by sha256.

    Raises BadInput, naming file and line, for any other line, and where the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(
            f"curate.exclusions {path} cannot be read ({error.strerror}); correct the path, or leave the setting out"
        ) from None
    except UnicodeDecodeError as error:
        raise BadInput(f"curate.exclusions {path} is not UTF-8 ({error}); save it as plain text") from None
    reasons: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        content = _COMMENT.sub("", line).strip()
        if content:
            sha256, reason = _entry(content, f"{path}, line {number}")
            reasons.setdefault(sha256, reason)
    return reasons


def _entry(content: str, where: str) -> tuple[str, str]:
    found = _ENTRY.fullmatch(content)
    if found is None:
        shown = content if len(content) <= _SHOWN_CHARACTERS else f"{content[:_SHOWN_CHARACTERS]}…"
        raise BadInput(
            f"{where}: got {shown!r}; a line is a sha256 of 64 hex digits, and a reason if you like; # begins a comment"
        )
    return found["sha256"].lower(), found["reason"] or ""


def find_excluded(
    rows: Sequence[Row],
    thumbnails: np.ndarray,
    reasons: Mapping[str, str],
    similarity: DuplicateSettings,
) -> dict[int, str]:
    """Row numbers -> why each must not be used: listed by bytes or pixels, a copy of one that is, or a near copy.

    Rows need sha256, pixel_sha256, phash, phash_mirror and the key; `thumbnails` uint8 [N, 1024] is in their order.
    """
    found = {number: _listed_sentence(row, reasons) for number, row in enumerate(rows) if _is_listed(row, reasons)}
    listed = list(found)
    originals = {rows[number]["pixel_sha256"]: number for number in reversed(listed)}
    originals.pop(None, None)  # not decoded: nothing but its bytes is known
    for number, row in enumerate(rows):
        if number not in found and row["pixel_sha256"] in originals:
            original = key_text(rows[originals[row["pixel_sha256"]]])
            found[number] = f"it has the same pixels as {original}, which is listed for exclusion"
    for number, of in _near_copies(rows, thumbnails, sorted(originals.values()), similarity).items():
        found.setdefault(number, f"it is nearly the same as {key_text(rows[of])}, which is listed for exclusion")
    return found


def _is_listed(row: Row, reasons: Mapping[str, str]) -> bool:
    return row["sha256"] in reasons or row["pixel_sha256"] in reasons


def _listed_sentence(row: Row, reasons: Mapping[str, str]) -> str:
    reason = reasons.get(row["sha256"]) or reasons.get(row["pixel_sha256"])
    return f"it is listed for exclusion: {reason}" if reason else "it is listed for exclusion"


def _near_copies(
    rows: Sequence[Row], thumbnails: np.ndarray, listed: Sequence[int], similarity: DuplicateSettings
) -> dict[int, int]:
    """Row number of a near copy -> that of the listed image which it resembles."""
    if not listed:
        return {}
    decoded = np.array([number for number, row in enumerate(rows) if row["pixel_sha256"] is not None], dtype=np.int64)
    codes = {name: _codes(rows, decoded, name) for name in ("phash", "phash_mirror")}
    is_listed = np.isin(decoded, listed)
    chosen = _resembling(codes["phash"], codes["phash_mirror"], is_listed, similarity.radius_bits)
    numbers = decoded[chosen]
    pairs = near_pairs(
        codes["phash"][chosen],
        codes["phash_mirror"][chosen],
        thumbnails[numbers],
        similarity.radius_bits,
        similarity.max_mean_difference,
        similarity.min_correlation,
    )
    alike, resembling = _by_thumbnail(pairs, thumbnails[numbers])
    originals = {thumbnails[number].tobytes(): number for number in reversed(listed)}
    return {
        int(numbers[place]): original
        for thumbnail, original in originals.items()
        for other in resembling.get(thumbnail, ())
        for place in alike[other]
    }


def _codes(rows: Sequence[Row], numbers: np.ndarray, name: str) -> np.ndarray:
    return np.array([rows[number][name] for number in numbers], dtype=np.uint64)


def _resembling(phash: np.ndarray, mirror: np.ndarray, is_listed: np.ndarray, radius_bits: int) -> np.ndarray:
    """Positions of the images whose hash is within the radius of that of a listed one, mirrored or not."""
    if np.count_nonzero(is_listed) > _MAX_LISTED_ONE_BY_ONE:
        return np.arange(len(phash))
    near = is_listed.copy()
    for one, other in {(int(a), int(b)) for a, b in zip(phash[is_listed], mirror[is_listed], strict=True)}:
        for codes, code in ((phash, one), (mirror, one), (phash, other)):
            near |= np.bitwise_count(codes ^ np.uint64(code)) <= radius_bits
    return np.flatnonzero(near)


def _by_thumbnail(pairs: np.ndarray, thumbnails: np.ndarray) -> tuple[dict[bytes, set[int]], dict[bytes, set[bytes]]]:
    """Positions with each thumbnail of a pair, and the thumbnails that each resembles, its own among them.

    Of the images with one thumbnail `near_pairs` pairs only the first with all others; but all of them resemble those.
    """
    alike: dict[bytes, set[int]] = defaultdict(set)
    resembling: dict[bytes, set[bytes]] = defaultdict(set)
    for left, right in pairs.tolist():
        one, other = thumbnails[left].tobytes(), thumbnails[right].tobytes()
        alike[one].add(left)
        alike[other].add(right)
        resembling[one] |= {one, other}
        resembling[other] |= {one, other}
    return alike, resembling
