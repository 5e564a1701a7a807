"""The demo's data: 1,797 real handwritten digits as a folder per class, and a few planted defects.

The digits are those that scikit-learn ships (UCI Optical Recognition of Handwritten Digits, CC BY 4.0).
"""

import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets.image_codec import encode_image

LICENCE = "CC-BY-4.0"
NEAR_COPY_NOISE = 2  # grey levels


@dataclass(frozen=True, slots=True)
class Planted:
    """A defect that was planted: where, and which findings prove that it was found."""

    name: str
    member: str
    findings: tuple[str, ...]


PLANTED = (
    Planted("a truncated file", "0/planted_truncated.png", ("truncated", "damaged")),
    Planted("an empty file", "1/planted_empty.png", ("empty_file",)),
    Planted("a text file called .png", "2/planted_text.png", ("not_an_image",)),
    Planted("an exact duplicate", "3/planted_exact_duplicate.png", ("duplicate_exact",)),
    Planted("a near duplicate", "4/planted_near_duplicate.png", ("duplicate_near",)),
    Planted("an all-black image", "5/planted_all_black.png", ("flat_black",)),
    Planted("the same image under two labels", "7/planted_second_label.png", ("label_conflict",)),
)


def write_digits(folder: Path) -> None:
    """Write the digits and the planted defects, once: a folder that is there already stays as it is."""
    if folder.exists():
        return
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (bunch.images * (255 / 16)).round().astype(np.uint8)[..., None]
    unfinished = folder.with_name(folder.name + ".partial")
    shutil.rmtree(unfinished, ignore_errors=True)
    payloads: dict[str, bytes] = {}
    for number, (image, label) in enumerate(zip(images, bunch.target, strict=True)):
        payloads[f"{label}/{number:04d}.png"] = encode_image(image, "png")
    payloads |= _planted_payloads(images, bunch.target)
    for member, payload in payloads.items():
        path = unfinished / member
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(payload)
    unfinished.rename(folder)


def _planted_payloads(images: np.ndarray, labels: np.ndarray) -> dict[str, bytes]:
    """Each defect is made from the first digit of its class."""
    first = {str(label): images[np.flatnonzero(labels == label)[0]] for label in range(10)}
    signs = np.random.default_rng(0).choice([-NEAR_COPY_NOISE, NEAR_COPY_NOISE], size=(8, 8, 1))
    makers: dict[str, Callable[[], bytes]] = {
        "0/planted_truncated.png": lambda: encode_image(first["0"], "png")[:-30],
        "1/planted_empty.png": lambda: b"",
        "2/planted_text.png": lambda: b"This is a text, whatever its name says.\n",
        "3/planted_exact_duplicate.png": lambda: encode_image(first["3"], "png"),
        "4/planted_near_duplicate.png": lambda: encode_image(_near_copy(first["4"], signs), "png"),
        "5/planted_all_black.png": lambda: encode_image(np.zeros_like(first["5"]), "png"),
        "7/planted_second_label.png": lambda: encode_image(first["6"], "png"),
    }
    return {planted.member: makers[planted.member]() for planted in PLANTED}


def _near_copy(image: np.ndarray, signs: np.ndarray) -> np.ndarray:
    return (image.astype(np.int16) + signs).clip(0, 255).astype(np.uint8)


def found_planted(findings: Iterable[Mapping[str, str]]) -> list[tuple[Planted, str | None]]:
    """Each planted defect with the finding that caught it, None where nothing did.

    A pair of copies is caught where either of the two is named.
    """
    by_member: dict[str, set[str]] = {}
    for row in findings:
        by_member.setdefault(row["member"], set()).add(row["finding"])
    rows = []
    for planted in PLANTED:
        caught = by_member.get(planted.member, set()) & set(planted.findings)
        rows.append((planted, min(caught) if caught else _caught_at_twin(planted, by_member)))
    return rows


def _caught_at_twin(planted: Planted, by_member: Mapping[str, set[str]]) -> str | None:
    """A near copy may be the one that is kept, when it is sharper; then its original is named."""
    if planted.findings != ("duplicate_near",):
        return None
    folder = planted.member.partition("/")[0]
    twins = (codes for member, codes in by_member.items() if member.startswith(f"{folder}/"))
    return "duplicate_near" if any("duplicate_near" in codes for codes in twins) else None
