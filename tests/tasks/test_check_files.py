"""What a check writes: CSV that spreadsheets do not run, records that stay whole, counts in order."""

import csv

import pyarrow as pa
import pytest

from datasets.manifest import (
    FINDINGS_FILE,
    FINDINGS_SCHEMA,
    MANIFEST_FILE,
    ROW_GROUP_ROWS,
    read_in_pieces,
    read_table,
    table_of,
    write_table,
)
from tasks.check_files import (
    EXAMPLES,
    FILES,
    FINDINGS_CSV,
    Tally,
    by_severity,
    cell,
    keep_findings,
    keep_manifest,
    put_in_place,
)


def found(member, finding="damaged", severity="reject", detail="why"):
    key = {"source": "s", "member": member, "frame": 0, "sha256": "ab"}
    return key | {"finding": finding, "severity": severity, "detail": detail}


@pytest.fixture
def folders(tmp_path):
    """Where curate has written, and where to."""
    curated, out = tmp_path / "curated", tmp_path / "out"
    curated.mkdir()
    out.mkdir()
    return curated, out


def kept(folders, rows):
    curated, out = folders
    write_table(pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA), curated / FINDINGS_FILE)
    tallies = keep_findings(curated, out)
    with (out / FINDINGS_CSV).open(newline="", encoding="utf-8") as file:
        return tallies, list(csv.DictReader(file))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_run_begins_with_an_apostrophe(sign):
    assert cell(f"{sign}1+1.png") == f"'{sign}1+1.png"


@pytest.mark.parametrize(("text", "expected"), [("a=1.png", "a=1.png"), ("'=x", "'=x"), (None, "")])
def test_other_cells_stay_as_they_are(text, expected):
    assert cell(text) == expected


def test_details_are_no_formulas_either(folders):
    _, rows = kept(folders, [found("a.png", detail="=HYPERLINK(1)")])
    assert rows[0]["detail"] == "'=HYPERLINK(1)"


@pytest.mark.parametrize("name", ["new\nline", 'say "x"', "a,b;c", "car\rriage", "é日本"])
def test_a_name_of_any_characters_stays_one_record(folders, name):
    _, rows = kept(folders, [found(name), found("next.png")])
    assert [row["path"] for row in rows] == [name, "next.png"]


def test_findings_in_parquet_hold_names_as_they_are(folders):
    kept(folders, [found("=1.png")])
    assert read_table(folders[1] / FINDINGS_FILE)["path"].to_pylist() == ["=1.png"]


def test_no_findings_give_a_csv_of_a_header(folders):
    kept(folders, [])
    assert (folders[1] / FINDINGS_CSV).read_text(encoding="utf-8") == "path,sha256,finding,severity,detail\n"


def test_findings_of_many_row_groups_are_all_written_and_counted(folders):
    many = ROW_GROUP_ROWS + 3
    tallies, rows = kept(folders, [found(f"{number}.png") for number in range(many)])
    tally = tallies["reject", "damaged"]
    assert (tally.count, len(rows), len(tally.examples)) == (many, many, EXAMPLES)


def test_the_manifest_has_a_path_and_no_place_of_what_is_gone(folders):
    curated, out = folders
    rows = [{"source": "s", "member": "a.png", "frame": 0, "kind": "real", "status": "kept", "pack": "p"}]
    write_table(table_of(rows), curated / MANIFEST_FILE)
    keep_manifest(curated, out)
    names = read_table(out / MANIFEST_FILE).column_names
    assert names[0] == "path" and not {"pack", "offset", "length"} & set(names)


def test_a_table_is_read_in_pieces_of_a_row_group(tmp_path):
    write_table(
        pa.Table.from_pylist([found(str(n)) for n in range(ROW_GROUP_ROWS + 1)], FINDINGS_SCHEMA), tmp_path / "t"
    )
    assert [len(piece) for piece in read_in_pieces(tmp_path / "t")] == [ROW_GROUP_ROWS, 1]


def test_rejects_come_first_and_the_most_frequent_of_them_first():
    tallies = {("note", "a"): Tally(9), ("reject", "b"): Tally(1), ("repair", "c"): Tally(1), ("reject", "d"): Tally(2)}
    assert [finding for _, finding, _ in by_severity(tallies)] == ["d", "b", "c", "a"]


def test_what_ends_while_files_are_put_in_place_leaves_no_older_ones_among_them(tmp_path):
    made, out = tmp_path / "made", tmp_path / "out"
    for folder in (made, out):
        folder.mkdir()
        for name in FILES:
            (folder / name).write_text(folder.name)
    (made / FINDINGS_FILE).unlink()  # so that the second cannot be moved
    with pytest.raises(FileNotFoundError):
        put_in_place(made, out)
    assert {path.name: path.read_text() for path in out.iterdir()} == {MANIFEST_FILE: "made"}
