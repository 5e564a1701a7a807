"""What becomes of labelled odd, broken and hostile files, as the tables of docs/integrity.md.

    python -m benchmarks.torture_verdicts DATA/torture [--page docs/integrity.md]

Prints the tables, or writes them between the page's two marks.
"""

import argparse
import csv
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from docs.page_parts import PagePart
from tasks.imaging.decode import Undecodable, decode

TABLES = PagePart("torture tables", "benchmarks/torture_verdicts.py")
OUTCOMES = ("clean", "note", "repair", "rejected")

METADATA_ONLY = "only metadata are damaged; the pixels decode strictly"
HEADER_FIELD = "a header field that does not matter to the pixels is wrong; they are whole"
# Every file that is labelled corrupt and decoded nevertheless, with the reason.
KNOWN_TO_PASS = {
    "image-rs/bad/ico/Bad_smile-incorrect-image-length.ico": "the folder's length is wrong, the icon in it is whole",
    "pillow/bmp/b/badbitssize.bmp": HEADER_FIELD,
    "pillow/bmp/b/baddens1.bmp": "the pixels per metre are absurd; nothing depends on them",
    "pillow/bmp/b/baddens2.bmp": "the pixels per metre are absurd; nothing depends on them",
    "pillow/bmp/b/badfilesize.bmp": HEADER_FIELD,
    "pillow/bmp/b/badplanes.bmp": HEADER_FIELD,
    "pillow/bmp/b/rletopdown.bmp": "the same bytes are labelled valid elsewhere; the order of rows is clear",
    "pillow/broken_exif_dpi.jpg": "the EXIF resolution is no number; the EXIF block is whole otherwise",
    "pillow/hopper_unexpected.ico": "the folder's size is wrong, the icon in it is whole",
    "pillow/mmap_error.bmp": "the name is of a fault in Pillow, the pixels are whole",
    "pillow/photoshop-200dpi-broken.jpg": METADATA_ONLY,
    "pillow/truncated_app14.jpg": METADATA_ONLY,
    "pillow/truncated_exif_dpi.jpg": METADATA_ONLY,
    "pillow/unknown_compression_method.png": METADATA_ONLY,
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A file's label and what became of it; `detail` says why where it was rejected."""

    path: str
    label: str
    magic: str
    outcome: str
    codes: tuple[str, ...]
    detail: str
    cpu_s: float


def outcomes(folder: Path) -> list[Outcome]:
    """Decode every file of the index."""
    with (folder / "INDEX.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    return [_outcome(row, (folder / row["path"]).read_bytes()) for row in rows]


def _outcome(row: Mapping[str, str], payload: bytes) -> Outcome:
    start_s = time.process_time()
    verdict = decode(payload)
    cpu_s = time.process_time() - start_s
    if isinstance(verdict, Undecodable):
        found, detail = "rejected", verdict.detail
        codes: tuple[str, ...] = (verdict.code,)
    else:
        severities = {finding.severity for finding in verdict.findings}
        found = "repair" if "repair" in severities else "note" if severities else "clean"
        codes, detail = tuple(dict.fromkeys(finding.code for finding in verdict.findings)), ""
    return Outcome(row["path"], row["expected"], row["magic"], found, codes, detail, cpu_s)


def tables(found: Sequence[Outcome]) -> str:
    """All tables as Markdown."""
    passed = [entry for entry in found if entry.label == "corrupt" and entry.outcome != "rejected"]
    refused = [entry for entry in found if entry.label == "valid" and entry.outcome == "rejected"]
    presumed = [entry for entry in found if entry.label == "presumed-valid" and entry.outcome == "rejected"]
    parts = [
        _agreement(found),
        f"Labelled corrupt and decoded: {len(passed)}, of which {_count(passed, 'clean')} without any finding.",
        _table(("file", "finding", "why it is decoded"), (_passed_row(entry) for entry in passed)),
        f"Labelled valid and rejected: {len(refused)}.",
        _table(("file", "reason", "sentence"), _grouped(refused)),
        f"Not labelled, but part of a test suite, and rejected: {len(presumed)}.",
        _table(("file", "reason", "sentence"), _grouped(presumed)),
    ]
    return "\n\n".join(parts)


def _count(found: Iterable[Outcome], outcome: str) -> int:
    return sum(entry.outcome == outcome for entry in found)


def _agreement(found: Sequence[Outcome]) -> str:
    by_label: dict[str, list[Outcome]] = defaultdict(list)
    for entry in found:
        by_label[entry.label].append(entry)
    rows = []
    for label, entries in sorted(by_label.items(), key=lambda item: (-len(item[1]), item[0])):
        reasons = Counter(entry.codes[0] for entry in entries if entry.outcome == "rejected")
        counted = ", ".join(f"{count} {code}" for code, count in sorted(reasons.items(), key=lambda x: (-x[1], x[0])))
        counts = [str(_count(entries, outcome)) for outcome in OUTCOMES]
        rows.append([label, str(len(entries)), *counts, counted])
    return _table(("label", "files", "clean", "with a note", "repaired", "rejected", "reasons"), rows)


def _passed_row(entry: Outcome) -> list[str]:
    return [f"`{entry.path}`", ", ".join(entry.codes) or "none", KNOWN_TO_PASS.get(entry.path, "NOT EXPLAINED")]


def _grouped(found: Sequence[Outcome]) -> list[list[str]]:
    """One row per file; files of unknown formats in one row per ending."""
    endings: dict[str, int] = Counter(
        PurePosixPath(entry.path).suffix for entry in found if entry.codes[0] == "not_an_image"
    )
    rows = [
        [f"`{entry.path}`", entry.codes[0], entry.detail.replace("|", "/")]
        for entry in found
        if entry.codes[0] != "not_an_image"
    ]
    if endings:
        counted = ", ".join(f"{count} `{name}`" for name, count in sorted(endings.items(), key=lambda x: (-x[1], x[0])))
        rows.append([counted, "not_an_image", "formats that are not read"])
    return rows


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def main() -> None:
    """Write the tables into the page that is named, or print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, help="folder of the files, with INDEX.tsv")
    parser.add_argument("--page", type=Path, help="page to write them into")
    options = parser.parse_args()
    made = tables(outcomes(options.files))
    if options.page:
        TABLES.replace_in(options.page, made)
    else:
        print(made)


if __name__ == "__main__":
    main()
