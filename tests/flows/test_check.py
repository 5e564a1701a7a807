"""`check`: what it finds in a folder of odd files, what it writes, and what it leaves alone and unloaded."""

import base64
import csv
import json
import os
import re
import resource
import subprocess
import sys
from collections import Counter
from types import SimpleNamespace

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.errors import BadInput, PlaceFailed
from datasets.image_codec import decode_image
from flows.check import check_location, in_scratch, settings_for
from tasks.run import SilentObserver
from tasks.visible_text import visible

FOUND = {
    "-c/1.png": "truncated",
    "a/<b>.png": "duplicate_exact",
    "a/[/b].png": "duplicate_exact",
    "a/two.png": "label_conflict",
    "b/two.png": "label_conflict",
    "b/\\xff.png": "name_not_utf8",
    "b/cut.png": "truncated",
    "b/empty.png": "empty_file",
    "b/link.png": "broken_link",
    "b/photo.jpg": "wrong_extension",
    'b/new\nline, "quoted".png': "truncated",
    "b/text.png": "not_an_image",
}
NOTED = {"b/photo.jpg"}
GOOD = {f"{label}/{number:02}.png" for label in "ab" for number in range(4)}

THEN_LIST_MODULES = """
import sys
from flows.command_line import main
from tasks.visible_text import visible
try:
    main()
finally:
    print("loaded", *sorted({name.partition(".")[0] for name in sys.modules}))
"""


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory, write_blobs, blob):
    """Two classes of four good images, and the files of FOUND."""
    folder = write_blobs(tmp_path_factory.mktemp("check") / "odd", classes=2, per_class=4)
    payloads = {
        "a/<b>.png": blob(0, 0),
        "a/[/b].png": blob(0, 0),
        "a/two.png": blob(0, 10),
        "b/two.png": blob(0, 10),
        os.fsdecode(b"b/\xff.png"): blob(0, 11),
        "b/cut.png": blob(0, 12)[:150],
        "-c/1.png": blob(0, 14)[:150],
        'b/new\nline, "quoted".png': blob(0, 15)[:150],
        "b/empty.png": b"",
        "b/photo.jpg": blob(0, 13),
        "b/text.png": b"hello",
    }
    for member, payload in payloads.items():
        path = folder / member
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(payload)
    (folder / "b" / "link.png").symlink_to("nowhere.png")
    return folder


def state_of(folder):
    """All that a careless reader could change."""
    files = {path: path.lstat() for path in folder.rglob("*")}
    return {str(path): (status.st_size, status.st_mtime_ns, status.st_mode) for path, status in files.items()}


@pytest.fixture(scope="module")
def checked(odd_folder, environment):
    """The odd folder after a check that has to stop at truncated files."""
    base = odd_folder.parent
    before = state_of(odd_folder)
    arguments = ["check", "odd", "--out", "out", "--fail-on", "truncated", "--workers", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", THEN_LIST_MODULES, *arguments],
        cwd=base,
        env=environment(base / "home"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    first_line = process.stdout.readline()
    ended_early = (base / "out" / "manifest.parquet").exists()
    output, errors = process.communicate(timeout=240)
    return SimpleNamespace(
        out=base / "out",
        first=(first_line, ended_early),
        output=output,
        errors=errors,
        returncode=process.returncode,
        unchanged=state_of(odd_folder) == before,
    )


def test_a_finding_to_fail_on_gives_code_3_and_one_line(checked):
    assert (checked.returncode, checked.errors) == (3, "refused: --fail-on found 3 truncated\n")


def test_something_is_said_before_the_work_begins(checked):
    assert checked.first == ("checking odd\n", False)


def test_neither_tensorflow_nor_prefect_nor_dask_is_loaded(checked):
    loaded = set(checked.output.splitlines()[-1].split())
    assert "datasets" in loaded
    assert loaded & {"tensorflow", "keras", "prefect", "distributed", "imgaug", "matplotlib"} == set()


def test_the_folder_stays_as_it_is(checked):
    assert checked.unchanged


def test_only_four_files_are_written(checked):
    names = sorted(path.name for path in checked.out.iterdir())
    assert names == ["findings.csv", "findings.parquet", "manifest.parquet", "report.html"]


def test_every_file_has_a_row_with_its_status(checked):
    manifest = pq.read_table(checked.out / "manifest.parquet", columns=["path", "status", "reason"]).to_pylist()
    rejected = {row["path"]: row["reason"] for row in manifest if row["status"] == "rejected"}
    assert rejected == {path: finding for path, finding in FOUND.items() if path not in NOTED}
    assert {row["path"] for row in manifest if row["status"] == "kept"} == GOOD | NOTED


def test_every_finding_has_a_row(checked):
    findings = pq.read_table(checked.out / "findings.parquet").to_pylist()
    assert {row["path"]: row["finding"] for row in findings} == FOUND
    assert len(findings) == len(FOUND)


def test_the_findings_are_readable_as_text_too(checked):
    with (checked.out / "findings.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = ["path", "sha256", "finding", "severity", "detail"]
    table = pq.read_table(checked.out / "findings.parquet", columns=columns).to_pylist()
    named = [row | {"path": row["path"].replace("-c/1.png", "'-c/1.png")} for row in table]
    assert rows == [{name: value or "" for name, value in row.items()} for row in named]


def test_findings_are_counted_with_examples(checked):
    lines = [[cell.strip() for cell in line.split("│")] for line in checked.output.splitlines() if line.startswith("│")]
    shown = {finding: int(count) for _, _, finding, count, *_ in lines if finding}
    assert shown == Counter(FOUND.values())
    assert [cell for _, severity, _, _, cell, _ in lines][:3] == ["-c/1.png", "b/cut.png", r'b/new\nline, "quoted".png']
    assert f"{len(GOOD) + len(NOTED)} kept, {len(FOUND) - len(NOTED)} rejected" in checked.output.splitlines()


def test_names_of_files_are_no_html(checked):
    report = (checked.out / "report.html").read_text(encoding="utf-8")
    assert "a/&lt;b&gt;.png" in report
    assert "a/<b>.png" not in report


def test_a_clean_folder_gives_code_0(run_command, write_blobs, tmp_path):
    write_blobs(tmp_path / "clean", classes=1, per_class=3)
    done = run_command("check", "clean", "--out", tmp_path / "out", "--fail-on", "any", "--workers", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-6:-4] == ["No findings.", "3 kept"]


def test_a_finding_that_does_not_exist_is_refused(run_command, write_blobs, tmp_path):
    write_blobs(tmp_path / "clean", classes=1, per_class=1)
    done = run_command("check", "clean", "--out", "out", "--fail-on", "blurred")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert done.stderr.startswith("bad input: --fail-on blurred is no finding; allowed are any and alpha_composited, ")
    assert not (tmp_path / "out").exists()


def test_a_folder_in_the_way_of_the_report_is_refused_before_the_work(run_command, write_blobs, tmp_path):
    write_blobs(tmp_path / "clean", classes=1, per_class=1)
    (tmp_path / "out" / "report.html").mkdir(parents=True)
    done = run_command("check", "clean", "--out", "out")
    sentence = "out/report.html is a folder, and a file of that name is to be written; remove it, or choose another"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"bad input: {sentence}\n")


class RoomUntilCurated(SilentObserver):
    """Lets files grow to so many bytes only, once the images are judged: the report is larger."""

    def stage_ended(self, stage, result):
        if stage.name == "curate":
            resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


def test_a_report_that_cannot_be_written_leaves_what_an_earlier_check_wrote(write_blobs, tmp_path):
    write_blobs(tmp_path / "photos", classes=2, per_class=5)
    asked, out = settings_for(str(tmp_path / "photos"), "auto", 1), tmp_path / "out"
    check_location("photos", asked, out, SilentObserver(), lambda sentence: None)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    sentence = f"the report could not be written; {out} is as it was; free the disk, then check again"
    try:
        with pytest.raises(PlaceFailed, match=f"^{re.escape(sentence)}$"):
            check_location("photos", asked, out, RoomUntilCurated(), lambda sentence: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


def test_a_kind_beside_a_settings_file_is_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text("dataset: mine\nsource: {path: images}\n", encoding="utf-8")
    sentence = f"--kind is for a place of images, and {tmp_path}/mine.yaml is a settings file; leave --kind out"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        settings_for(str(tmp_path / "mine.yaml"), "flat_folder", None)


def test_pictures_of_findings_are_the_files_themselves(checked, blob):
    report = (checked.out / "report.html").read_text(encoding="utf-8")
    (payload,) = re.findall(r'<img src="data:image/png;base64,([^"]+)" alt="a/two.png, label_conflict"', report)[:1]
    np.testing.assert_array_equal(decode_image(base64.b64decode(payload)), decode_image(blob(0, 10)))


def test_a_settings_file_stands_for_its_source_and_limits(tmp_path):
    settings = "dataset: mine\nsource: {kind: folder_per_class, path: images}\ncurate: {min_side_px: 500}\n"
    (tmp_path / "mine.yaml").write_text(settings, encoding="utf-8")
    checked = in_scratch(settings_for(str(tmp_path / "mine.yaml"), "auto", 3), tmp_path / "scratch")
    assert checked.source.local_paths == (tmp_path / "images",)
    assert (checked.curate.min_side_px, checked.compute.workers) == (500, 3)
    assert checked.workspace == tmp_path / "scratch" / "workspace"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("a b.png", "a b.png"), ("é日.png", "é日.png"), ("\x1b[31m.png", r"\x1b[31m.png"), ("a\nb", r"a\nb")],
)
def test_a_name_cannot_write_into_the_terminal_what_moves_its_cursor(name, shown):
    assert visible(name) == shown


def test_for_scripts_it_prints_json_alone_and_quiet_it_prints_nothing(write_blobs, run_command, tmp_path):
    folder = write_blobs(tmp_path / "images", classes=2, per_class=3)
    (folder / "a" / "empty.png").write_bytes(b"")
    done = run_command("check", folder, "--out", tmp_path / "out", "--json", "--fail-on", "any")
    assert (done.returncode, done.stderr) == (3, "refused: --fail-on found 1 empty_file\n")
    record = json.loads(done.stdout)
    assert {status: count for status, count in record["images"].items() if count} == {"kept": 6, "rejected": 1}
    assert [entry for entry in record["findings"] if entry["severity"] == "reject"] == [
        {"severity": "reject", "finding": "empty_file", "files": 1, "examples": ["a/empty.png"]}
    ]
    assert record["report"] == str(tmp_path / "out" / "report.html")
    done = run_command("check", folder, "--out", tmp_path / "out", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
