import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from datasets.errors import BadInput, Refused
from tasks.differences import differences
from tasks.parallel import ComputeSettings
from tasks.stage import Place, Stage, decide, run_stage, workspace_lock
from tasks.stage_process import StageFailed

HERE = Path(__file__).parent


@pytest.fixture(scope="module", autouse=True)
def importable_works():
    """Let a child process import stage_works: through PYTHONPATH, as it has no part of pytest."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(HERE)
    sys.path.insert(0, str(HERE))
    yield
    sys.path.remove(str(HERE))
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before


@pytest.fixture(scope="module")
def works(importable_works):
    import stage_works

    return stage_works


@pytest.fixture
def place(tmp_path):
    return Place(
        dataset="tiny",
        seed=7,
        workspace=tmp_path / "workspace",
        published=tmp_path / "published",
        compute=ComputeSettings(mode="synchronous"),
    )


def stage(work, **changes):
    return Stage(**({"name": "note", "title": "a note", "work": work, "section": "note"} | changes))


def test_a_stage_runs_once_and_is_then_skipped(works, place):
    first = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    second = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    assert (first.outcome, first.why) == ("ran", "first run")
    assert (second.outcome, second.why) == ("skipped", "unchanged")
    assert second.digest == first.digest
    assert (second.path / "note.txt").read_text() == "hello 7"


def test_a_changed_setting_is_named(works, place):
    run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    again = run_stage(stage(works.write_note), works.NoteSettings(text="bye"), place, {})
    assert (again.outcome, again.why) == ("ran", "settings changed: text hello → bye")


def test_a_changed_seed_runs_a_seeded_stage_only(works, place):
    other = Place(**({name: getattr(place, name) for name in place.__dataclass_fields__} | {"seed": 8}))
    run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    assert decide(stage(works.write_note), works.NoteSettings(), other, {}).why == "seed changed: 7 → 8"
    unseeded = stage(works.write_note, name="unseeded", seeded=False)
    run_stage(unseeded, works.NoteSettings(), place, {})
    assert decide(unseeded, works.NoteSettings(), other, {}).done is not None


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda folder: (folder / "note.txt").write_text("tampered"), "output note.txt was changed"),
        (lambda folder: (folder / "note.txt").unlink(), "output note.txt is gone"),
        (lambda folder: (folder / "more.txt").write_text("x"), "output more.txt is not of this stage"),
    ],
)
def test_a_damaged_output_is_made_again(works, place, damage, why):
    first = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    damage(first.path)
    again = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    assert (again.outcome, again.why) == ("ran", why)
    assert again.digest == first.digest
    assert sorted(path.name for path in again.path.iterdir()) == ["DONE", "note.txt"]


def test_a_changed_input_runs_the_stage_after_it(works, place):
    note, copy = stage(works.write_note), stage(works.copy_note, name="copy", inputs=("note",))
    first = run_stage(note, works.NoteSettings(), place, {})
    run_stage(copy, works.NoteSettings(), place, {"note": first})
    changed = run_stage(note, works.NoteSettings(text="bye"), place, {})
    decision = decide(copy, works.NoteSettings(), place, {"note": changed})
    assert (decision.done, decision.why) == (None, "output of note changed")


def test_an_input_made_again_with_the_same_content_runs_nothing_after_it(works, place):
    note, copy = stage(works.write_note), stage(works.copy_note, name="copy", inputs=("note",))
    first = run_stage(note, works.NoteSettings(), place, {})
    run_stage(copy, works.NoteSettings(), place, {"note": first})
    again = run_stage(note, works.NoteSettings(), place, {}, force=True)
    assert decide(copy, works.NoteSettings(), place, {"note": again}).why == "unchanged"


def test_what_a_stage_reads_besides_its_inputs_counts(works, place):
    seen = {"files": 1}
    reading = stage(works.write_note, reads=lambda settings, context: dict(seen))
    run_stage(reading, works.NoteSettings(), place, {})
    seen["files"] = 2
    assert decide(reading, works.NoteSettings(), place, {}).why == "source changed"


def test_a_stage_whose_output_became_untrue_runs_again(works, place):
    result = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    doubting = stage(works.write_note, still_true=lambda settings, context, folder: f"{folder.name} is old news")
    assert decide(doubting, works.NoteSettings(), place, {}).why == f"{result.path.name} is old news"


def test_bad_input_of_a_stage_comes_through_and_leaves_nothing_under_the_final_name(works, place):
    with pytest.raises(BadInput, match=r"^got nothing; give something$"):
        run_stage(stage(works.fail_with_bad_input), works.NoteSettings(), place, {})
    assert list((place.shared / "note").glob("*/DONE")) == []
    assert [path.suffix for path in (place.shared / "note").iterdir()] == [".partial"]


def test_a_refusal_comes_through(works, place):
    with pytest.raises(Refused, match=re.escape("coverage 0.1 < 0.7")):
        run_stage(stage(works.fail_with_refusal), works.NoteSettings(), place, {})


def test_a_bug_is_reported_with_the_log_and_is_not_worth_a_retry(works, place):
    with pytest.raises(
        StageFailed, match=r"(?s)fail_with_bug stopped: a bug. Its log is .*ZeroDivisionError: a bug"
    ) as caught:
        run_stage(stage(works.fail_with_bug), works.NoteSettings(), place, {})
    assert caught.value.may_pass is False


def test_a_killed_process_is_reported_and_worth_a_retry(works, place):
    with pytest.raises(StageFailed, match=r"die stopped: its process was ended by SIGKILL") as caught:
        run_stage(stage(works.die), works.NoteSettings(), place, {})
    assert caught.value.may_pass is True


def test_leftovers_of_a_dead_run_are_swept(works, place):
    with pytest.raises(StageFailed):
        run_stage(stage(works.die), works.NoteSettings(), place, {})
    result = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    assert [path.name for path in (place.shared / "note").iterdir()] == [result.path.name]


def test_a_resumable_stage_goes_on_from_what_it_had(works, place):
    counting = stage(works.count_to_three, resumable=True)
    for _ in range(2):
        with pytest.raises(StageFailed):
            run_stage(counting, works.NoteSettings(), place, {})
    result = run_stage(counting, works.NoteSettings(), place, {})
    assert result.outcome == "resumed"
    assert sorted(path.name for path in result.path.glob("step-*")) == ["step-0", "step-1", "step-2"]


def test_a_kill_between_done_and_the_rename_loses_nothing(works, place):
    note = stage(works.write_note, resumable=True)
    first = run_stage(note, works.NoteSettings(), place, {})
    first.path.rename(first.path.with_name(first.path.name + ".partial"))
    again = run_stage(note, works.NoteSettings(), place, {})
    assert (again.outcome, again.digest) == ("resumed", first.digest)
    assert run_stage(note, works.NoteSettings(), place, {}).outcome == "skipped"


def test_a_damaged_output_of_a_resumable_stage_is_gone_on_from(works, place):
    counting = stage(works.count_to_three, resumable=True)
    for _ in range(2):
        with pytest.raises(StageFailed):
            run_stage(counting, works.NoteSettings(), place, {})
    result = run_stage(counting, works.NoteSettings(), place, {})
    (result.path / "step-2").unlink()
    again = run_stage(counting, works.NoteSettings(), place, {})
    assert (again.outcome, again.why) == ("resumed", "output step-2 is gone")


def test_hidden_files_and_scratch_are_no_content(works, place):
    note = stage(works.write_note, scratch=("log",))
    first = run_stage(note, works.NoteSettings(), place, {})
    (first.path / ".DS_Store").write_text("x")
    (first.path / "log.jsonl").write_text("x")
    assert run_stage(note, works.NoteSettings(), place, {}).outcome == "skipped"


def test_what_other_settings_left_unfinished_is_swept(works, place):
    with pytest.raises(StageFailed):
        run_stage(stage(works.die, resumable=True), works.NoteSettings(), place, {})
    result = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    assert [path.name for path in (place.shared / "note").iterdir()] == [result.path.name]


def test_of_interrupted_work_of_a_resumable_stage_the_newest_is_kept(works, place):
    for text in ("old", "new"):
        with pytest.raises(StageFailed):
            run_stage(stage(works.die, resumable=True), works.NoteSettings(text=text), place, {})
    newest = max((place.shared / "note").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    result = run_stage(stage(works.write_note, resumable=True), works.NoteSettings(text="other"), place, {})
    assert {path.name for path in (place.shared / "note").iterdir()} == {result.path.name, newest.name}


def test_what_a_dead_stage_started_dies_with_it(works, place, tmp_path):
    settings = works.NoteSettings(marker=tmp_path / "pid")
    with pytest.raises(StageFailed):
        run_stage(stage(works.die_and_leave_a_child), settings, place, {})
    grandchild = int(settings.marker.read_text())
    assert wait_for(lambda: not is_alive(grandchild))


def test_a_stage_that_takes_too_long_is_stopped(works, place, tmp_path):
    settings = works.NoteSettings(marker=tmp_path / "pid")
    with pytest.raises(StageFailed, match=r"sleep_for_ever stopped: it used up its 3 s") as caught:
        run_stage(stage(works.sleep_for_ever, timeout_s=3.0), settings, place, {})
    assert not is_alive(int(settings.marker.read_text()))
    assert caught.value.may_pass is False


def test_a_stage_whose_native_code_never_comes_back_is_stopped_too(works, place, tmp_path, monkeypatch):
    monkeypatch.setattr("tasks.stage_process.GRACE_S", 0.5)
    settings = works.NoteSettings(marker=tmp_path / "pid")
    with pytest.raises(StageFailed, match=r"sleep_deaf_with_the_lock stopped: it used up its 3 s"):
        run_stage(stage(works.sleep_deaf_with_the_lock, timeout_s=3.0), settings, place, {})
    assert not is_alive(int(settings.marker.read_text()))


def test_a_stage_dies_with_the_process_that_started_it(works, place, tmp_path):
    marker = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(base=str(tmp_path), marker=str(marker))])
    child = int(wait_for(lambda: marker.exists() and marker.read_text()))
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert wait_for(lambda: not is_alive(child))


PARENT = """
from pathlib import Path
from stage_works import NoteSettings, sleep_for_ever
from tasks.parallel import ComputeSettings
from tasks.stage import Place, Stage, run_stage
base = Path({base!r})
place = Place(dataset="d", seed=0, workspace=base / "w", published=base / "p", compute=ComputeSettings())
stage = Stage(name="s", title="t", work=sleep_for_ever, section="x")
run_stage(stage, NoteSettings(marker=Path({marker!r})), place, {{}})
"""


def is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(condition, timeout_s=30.0):
    deadline_s = time.monotonic() + timeout_s
    while time.monotonic() < deadline_s:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {timeout_s} s")


def test_progress_and_usage_come_back(works, place):
    heard = []
    result = run_stage(
        stage(works.write_note),
        works.NoteSettings(),
        place,
        {},
        progress=lambda *args, **more: heard.append((args, more)),
    )
    assert heard == [((1, 1), {"note": "written"})]
    assert 0 < result.usage.cpu_s < 60
    assert 5 < result.usage.peak_rss_mib < 2000


def test_done_says_what_the_fingerprint_is_made_of(works, place):
    result = run_stage(stage(works.write_note, libraries=("numpy",)), works.NoteSettings(), place, {})
    done = json.loads((result.path / "DONE").read_text())
    assert done["parts"]["settings"] == {"text": "hello", "marker": None}
    assert set(done["parts"]) == {"format", "stage", "settings", "code", "libraries", "inputs", "seed"}
    assert set(done["outputs"]) == {"note.txt"}


def test_two_runs_cannot_hold_one_data_set(place):
    code = (
        "import sys\nfrom pathlib import Path\nfrom tasks.stage import Place, workspace_lock\n"
        "from tasks.parallel import ComputeSettings\n"
        "base = Path(sys.argv[1])\n"
        "place = Place(dataset='tiny', seed=7, workspace=base, published=base, compute=ComputeSettings())\n"
        "with workspace_lock(place):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(place.workspace)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout.readline() == "held\n"
    sentence = f"{place.shared} is in use by another run; wait until it ends, or stop it"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"), workspace_lock(place):
        pass
    holder.kill()
    holder.communicate()
    with workspace_lock(place):  # the lock of a dead process is free
        assert (place.shared / ".lock").exists()


def test_differences_names_libraries_and_code():
    old = {"settings": {}, "libraries": {"numpy": "1"}, "code": "a"}
    new = {"settings": {}, "libraries": {"numpy": "2"}, "code": "b"}
    assert differences(old, new) == ["code changed", "library changed: numpy 1 → 2"]


@pytest.mark.parametrize("damaged", [b"\xff\xfe", b"[]", b'{"format": 1}', b'{"format": 1, "par', b""])
def test_a_damaged_done_has_the_stage_run_again(works, place, damaged):
    first = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    (first.path / "DONE").write_bytes(damaged)
    again = run_stage(stage(works.write_note), works.NoteSettings(), place, {})
    assert (again.outcome, again.why) == ("ran", f"{first.path.name}/DONE is damaged")
    assert again.digest == first.digest
