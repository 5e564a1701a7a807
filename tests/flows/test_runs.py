"""`runs`, `status`, `gc` and `diff` of runs, on a workspace that real runs of a few stages have filled."""

import json
import os
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from datasets.errors import BadInput, FormatError, PlaceFailed
from flows.command_line import app
from flows.settings import load_settings
from tasks.done_file import DONE_FILE
from tasks.run import Run
from tasks.run_position import Position, position_path, read_position, write_position
from tasks.stage import workspace_lock
from tasks.stages import PREPARE

STAGES = PREPARE[:3]  # ingest, scan, curate
SETTINGS = """\
dataset: tiny
source: {path: blobs}
scan: {channels: 1, resize: {width_px: 16, height_px: 16}}
compute: {mode: synchronous}
"""


def run_of(bench, hour, **changes):
    """A whole run of the three stages, begun at that hour."""
    bench.file.write_text(SETTINGS.replace("width_px: 16", f"width_px: {changes.get('width_px', 16)}"))
    settings = load_settings(bench.file, {})
    one = Run(flow="prepare-dataset", settings=settings, place=settings.place, clock=lambda: at(hour))
    one.run_stages(STAGES)
    one.finish(None)
    return one


def at(hour):
    return datetime(2026, 1, 2, hour, tzinfo=UTC)


@pytest.fixture(scope="module")
def ran(tmp_path_factory, write_blobs):
    """A workspace after a run, and one with other settings."""
    folder = tmp_path_factory.mktemp("runs")
    write_blobs(folder / "blobs", per_class=3)
    bench = SimpleNamespace(file=folder / "tiny.yaml", shared=folder / "workspace" / "tiny")
    run_of(bench, 3)
    run_of(bench, 4, width_px=12)
    shutil.copytree(bench.shared, folder / "as it was")
    return bench


@pytest.fixture
def bench(ran):
    """It again for each test, at the same place: where a source lies counts."""
    shutil.rmtree(ran.shared)
    shutil.copytree(ran.file.parent / "as it was", ran.shared)
    return ran


@pytest.fixture
def ended_process():
    """Number of a process of this machine that has ended, and when it began."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def invoke(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def shown_json(*arguments):
    return json.loads(invoke(*arguments, "--json").stdout)


def unfinished(bench, **changes):
    started = {
        "run": "20260102T050000Z",
        "flow": "prepare-dataset",
        "dataset": "tiny",
        "started_at": "2026-01-02T05:00:00+00:00",
    }
    write_position(bench.shared / "runs", Position(**started | {"stage": "scan"} | changes))


def folders(bench, stage):
    return sorted(path.name for path in (bench.shared / stage).iterdir())


def test_runs_are_listed_newest_first(bench):
    newest, first = shown_json("runs", bench.file)
    assert (newest["run"], newest["verdict"], newest["ran"], newest["skipped"]) == ("20260102T040000Z", "done", 2, 1)
    assert (first["run"], first["flow"], first["ran"], first["skipped"]) == (
        "20260102T030000Z",
        "prepare-dataset",
        3,
        0,
    )


def test_no_more_runs_are_listed_than_asked_for(bench):
    assert [run["run"] for run in shown_json("runs", bench.file, "--last", 1)] == ["20260102T040000Z"]


def test_the_table_of_runs_names_each(bench):
    shown = invoke("runs", bench.file).stdout
    assert [name for name in ("20260102T030000Z", "20260102T040000Z") if name not in shown] == []


def test_a_workspace_without_runs_is_refused(bench):
    result = invoke("runs", bench.file, "--dataset", "other")
    expected = f"{bench.shared.parent / 'other'} holds no runs; run `augment-dataset run` first"
    assert isinstance(result.exception, BadInput)
    assert str(result.exception) == expected


def test_a_run_leaves_no_position_once_it_has_its_record(bench):
    assert list((bench.shared / "runs").glob("*.unfinished")) == []


def test_the_position_says_the_stage_and_how_far_it_is(bench):
    settings = load_settings(bench.file, {})
    seen = []

    def runner(stage):
        def work(*args, progress, **more):
            run._position_written_s -= 60  # as if a minute had passed
            progress(3, 9, rejected=1)
            seen.append(read_position(position_path(bench.shared / "runs", run.name)))
            raise KeyboardInterrupt

        return work

    run = Run(flow="prepare-dataset", settings=settings, place=settings.place, clock=lambda: at(5), runner=runner)
    with pytest.raises(KeyboardInterrupt):
        run.run_stages(STAGES)
    (position,) = seen
    assert (position.stage, position.done, position.total, position.numbers) == ("ingest", 3, 9, {"rejected": 1})
    assert (position.pid, position.state()) == (os.getpid(), "running")


def test_the_status_of_a_running_run_says_how_far_it_is(bench):
    unfinished(bench, done=200, total=800)
    result = invoke("status", bench.file)
    assert result.exit_code == 0
    assert re.fullmatch(
        r"20260102T050000Z \(prepare-dataset\) is running in scan after [\d.]+ minutes: scan: 200 of 800\n",
        result.stdout,
    )


def test_a_killed_run_is_known_with_the_stage_that_it_was_in(bench, ended_process):
    unfinished(bench, pid=ended_process)
    result = invoke("status", bench.file)
    assert (result.exit_code, result.stdout) == (1, "20260102T050000Z (prepare-dataset) was killed in scan\n")
    assert shown_json("runs", bench.file)[0]["verdict"] == "killed"


def test_another_process_with_the_number_of_a_dead_run_is_not_that_run(bench):
    unfinished(bench, process="another boot/1")
    assert shown_json("status", bench.file)["verdict"] == "killed"


def test_a_run_of_another_machine_is_not_called_dead(bench):
    unfinished(bench, host="elsewhere")
    result = invoke("status", bench.file)
    assert (result.exit_code, result.stdout) == (
        0,
        "20260102T050000Z (prepare-dataset) has no record in scan: on elsewhere\n",
    )


def test_the_status_of_an_ended_run_shows_its_tables(bench):
    result = invoke("status", bench.file, "--run", "20260102T030000Z")
    assert result.exit_code == 0
    assert result.stdout.startswith("20260102T030000Z (prepare-dataset) ended: done after 0.0 minutes\n\nStages")


def test_the_status_of_an_unknown_run_is_refused(bench):
    result = invoke("status", bench.file, "--run", "yesterday")
    assert str(result.exception) == f"{bench.shared} holds no run yesterday; `augment-dataset runs` lists them"


@pytest.mark.parametrize("command", ["status", "report"])
@pytest.mark.parametrize("name", ["../../x", ""])
def test_a_name_that_no_run_can_have_is_refused(bench, command, name):
    result = invoke(command, bench.file, "--run", name)
    assert str(result.exception) == f"--run is {name!r}, no name of a run; `augment-dataset runs` lists them"


def test_a_report_of_a_run_that_has_no_record_yet_is_refused(bench):
    unfinished(bench)
    result = invoke("report", bench.file, "--run", "20260102T050000Z")
    assert str(result.exception) == (
        "run 20260102T050000Z has no record: it runs, or was killed; `augment-dataset status` says which"
    )


def test_a_report_that_cannot_be_written_is_a_failure(bench):
    page = bench.shared / "runs" / "20260102T030000Z.html"
    page.mkdir()
    result = invoke("report", bench.file, "--run", "20260102T030000Z")
    assert isinstance(result.exception, PlaceFailed)
    assert str(result.exception) == f"{page} could not be written; free the place and the disk, then run this again"
    assert result.stdout == ""


@pytest.mark.parametrize(("made", "told"), [(True, "report: {}"), (False, "no report was written")])
def test_the_status_names_a_report_only_where_there_is_one(bench, made, told):
    page = bench.shared / "runs" / "20260102T030000Z.html"
    if made:
        page.write_text("")
    shown = invoke("status", bench.file, "--run", "20260102T030000Z").stdout.splitlines()
    assert shown[-1] == told.format(page)


def test_a_damaged_record_is_listed_as_such(bench):
    (bench.shared / "runs" / "20260102T060000Z.json").write_text("{")
    assert shown_json("runs", bench.file)[0]["verdict"] == "damaged"


def test_the_difference_of_two_runs_names_settings_and_outputs(bench):
    runs = bench.shared / "runs"
    result = invoke("diff", runs / "20260102T030000Z.json", runs / "20260102T040000Z.json")
    lines = result.stdout.splitlines()
    assert lines[:2] == ["20260102T030000Z → 20260102T040000Z", "setting scan.resize.width_px 16 → 12"]
    assert [line.partition(":")[0] for line in lines[2:]] == ["scan", "curate"]


def test_a_run_is_the_same_as_itself(bench):
    record = bench.shared / "runs" / "20260102T030000Z.json"
    assert invoke("diff", record, record).stdout == "20260102T030000Z → 20260102T030000Z: the same\n"


def test_the_difference_to_what_is_no_record_is_refused(bench, tmp_path):
    (tmp_path / "other.json").write_text("{}")
    result = invoke("diff", tmp_path / "other.json", tmp_path / "other.json")
    assert isinstance(result.exception, FormatError)
    assert str(result.exception) == f"{tmp_path / 'other.json'}: run version None, this code reads 1"


def test_outputs_that_the_last_runs_used_stay(bench):
    result = invoke("gc", bench.file, "--keep-runs", 2, "--yes")
    assert (result.exit_code, result.stdout) == (0, "Nothing was removed.\n")


def test_outputs_and_packs_of_old_settings_go(bench):
    result = invoke("gc", bench.file, "--keep-runs", 1, "--yes")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("3 folders and files were removed, ")
    assert [len(folders(bench, name)) for name in ("ingest", "scan", "curate", "pixels")] == [1, 1, 1, 1]
    again = run_of(bench, 6, width_px=12)
    assert [stage.outcome for stage in again.results.values()] == ["skipped"] * 3


def test_a_run_with_the_settings_whose_outputs_went_makes_them_again(bench):
    invoke("gc", bench.file, "--keep-runs", 1, "--yes")
    again = run_of(bench, 6)
    assert [stage.outcome for stage in again.results.values()] == ["skipped", "ran", "ran"]


def test_a_rehearsal_removes_nothing(bench):
    result = invoke("gc", bench.file, "--keep-runs", 1, "--dry-run")
    assert result.stdout.splitlines()[-1] == "Nothing was removed."
    assert len(folders(bench, "scan")) == 2


def test_a_rehearsal_makes_no_workspace_for_a_name_that_is_none(bench):
    result = invoke("gc", bench.file, "--dataset", "typo", "--dry-run")
    other = bench.shared.parent / "typo"
    assert str(result.exception) == f"{other} holds no runs; run `augment-dataset run` first"
    assert not other.exists()


def test_without_anybody_to_ask_nothing_is_removed(bench):
    result = invoke("gc", bench.file, "--keep-runs", 1)
    assert str(result.exception).endswith(" Nobody is there to answer; add --yes to remove without asking")
    assert len(folders(bench, "scan")) == 2


def test_what_a_dead_run_left_goes_but_an_interrupted_training_stays(bench, ended_process):
    for name in ("scan/0123.partial", "train/4567.partial", "train/older.partial"):
        (bench.shared / name).mkdir(parents=True)
    os.utime(bench.shared / "train" / "older.partial", (0, 0))
    unfinished(bench, run="20260102T033000Z", pid=ended_process)
    unfinished(bench, pid=ended_process)
    invoke("gc", bench.file, "--keep-runs", 2, "--yes")
    assert "0123.partial" not in folders(bench, "scan")
    assert folders(bench, "train") == ["4567.partial"]
    assert [path.name for path in (bench.shared / "runs").glob("*.unfinished")] == ["20260102T050000Z.unfinished"]


def test_nothing_is_removed_while_a_run_holds_the_workspace(bench):
    place = load_settings(bench.file, {}).place
    script = (
        "from filelock import FileLock; import sys; lock = FileLock(sys.argv[1]).acquire(); print(flush=True); input()"
    )
    command = [sys.executable, "-c", script, str(place.shared / ".lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        result = invoke("gc", bench.file, "--keep-runs", 1, "--yes")
        other.communicate("\n")
    expected = f"{place.shared} is in use by another run; wait until it ends, or stop it"
    assert str(result.exception) == expected
    with workspace_lock(place):
        assert len(folders(bench, "scan")) == 2


def test_without_a_record_nothing_is_called_garbage(bench):
    for record in (bench.shared / "runs").glob("*.json"):
        record.unlink()
    result = invoke("gc", bench.file, "--yes")
    expected = f"{bench.shared} holds no run that has ended, so nobody knows what is needed; nothing can go"
    assert str(result.exception) == expected


def test_an_output_loses_its_mark_before_its_files(bench, monkeypatch):
    seen = []
    monkeypatch.setattr("tasks.workspace_garbage.shutil.rmtree", lambda path: seen.append((path / DONE_FILE).exists()))
    invoke("gc", bench.file, "--keep-runs", 1, "--yes")
    assert seen == [False, False, False]
