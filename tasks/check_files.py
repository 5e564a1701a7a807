"""What a check leaves behind: its manifest and findings with a column `path`, the findings as CSV too, and counts.

Everything passes through in pieces, so that memory does not grow with the number of files.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from datasets.atomic_file import atomic_file
from datasets.errors import BadInput
from datasets.manifest import FINDINGS_FILE, FINDINGS_SCHEMA, MANIFEST_FILE, SCHEMA, manifest_writer, read_in_pieces

FINDINGS_CSV = "findings.csv"
REPORT_FILE = "report.html"
FILES = (MANIFEST_FILE, FINDINGS_FILE, FINDINGS_CSV, REPORT_FILE)
CSV_COLUMNS = ("path", "sha256", "finding", "severity", "detail")
NOT_KEPT = ("pack", "offset", "length")  # where prepared images lay, which are gone
EXAMPLES = 3
FORMULA_SIGNS = (*"=+-@\t\r\n", *"＝＋－＠")  # the wide ones are read as their narrow kin


@dataclass(slots=True)
class Tally:
    """Files with one finding of one severity: how many, and the first few of them."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, path: str) -> None:
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(path)


Tallies = dict[tuple[str, str], Tally]  # by severity and finding


def keep_manifest(curated: Path, out: Path) -> None:
    """Write the manifest, a row per file, with `path` and without places in packs that are gone."""
    schema = pa.schema([field for field in SCHEMA if field.name not in NOT_KEPT], metadata=SCHEMA.metadata)
    with manifest_writer(out / MANIFEST_FILE, _with_path_field(schema)) as writer:
        for table in read_in_pieces(curated / MANIFEST_FILE):
            writer.write(_with_path(table.drop_columns(list(NOT_KEPT))))


def keep_findings(curated: Path, out: Path) -> Tallies:
    """Write the findings as Parquet and as CSV (UTF-8, see `cell`); return what they add up to."""
    tallies: Tallies = {}
    with (
        manifest_writer(out / FINDINGS_FILE, _with_path_field(FINDINGS_SCHEMA)) as writer,
        atomic_file(out / FINDINGS_CSV) as file,
    ):
        file.write((",".join(CSV_COLUMNS) + "\n").encode("ascii"))
        for table in read_in_pieces(curated / FINDINGS_FILE):
            table = _with_path(table)
            writer.write(table)
            rows = table.select(CSV_COLUMNS).to_pylist()
            file.write(_csv([[cell(row[name]) for name in CSV_COLUMNS] for row in rows]))
            for row in rows:
                tallies.setdefault((row["severity"], row["finding"]), Tally()).add(row["path"])
    return tallies


def check_replaceable(out: Path) -> None:
    """Raises BadInput where something in `out` is in the way of the files."""
    for path in (out / name for name in FILES):
        if path.is_dir():
            raise BadInput(
                f"{path} is a folder, and a file of that name is to be written; remove it, or choose another"
            )


def put_in_place(made: Path, out: Path) -> None:
    """Move the files from a folder on the same disk. Older ones go first: whatever ends this, none stands among new."""
    out.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (out / name).unlink(missing_ok=True)
    for name in FILES:
        (made / name).rename(out / name)


def cell(text: str | None) -> str:
    """A value for a CSV that people open in spreadsheets: an apostrophe before what those would run as a formula.

    So `=1+1.png` becomes `'=1+1.png`; the Parquet file beside it holds every name as it is.
    """
    text = text or ""
    return f"'{text}" if text.startswith(FORMULA_SIGNS) else text


def by_severity(tallies: Mapping[tuple[str, str], Tally]) -> list[tuple[str, str, Tally]]:
    """Severity, finding and tally: rejects, then repairs, then notes; the most frequent first."""
    order = {"reject": 0, "repair": 1, "note": 2}
    keys = sorted(tallies, key=lambda key: (order.get(key[0], len(order)), -tallies[key].count, key[1]))
    return [(*key, tallies[key]) for key in keys]


def _csv(rows: list[list[str]]) -> bytes:
    """Every cell in quotes, so that a name with line ends of any kind stays one record."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue().encode("utf-8")


def _with_path_field(schema: pa.Schema) -> pa.Schema:
    return schema.insert(0, pa.field("path", pa.string(), nullable=False))


def _with_path(table: pa.Table) -> pa.Table:
    return pa.Table.from_arrays([table["member"], *table.columns], schema=_with_path_field(table.schema))
