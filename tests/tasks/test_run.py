import logging
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

from datasets.errors import BadInput, FormatError, Refused
from tasks.parallel import ComputeSettings
from tasks.run import Run, latest_run, message_of, read_run, run_order, stages_by_name, verdict_of
from tasks.run_log import LogObserver, ended_line, progress_line
from tasks.stage import Place, Stage, StageResult
from tasks.stage_process import ChildUsage, StageFailed


class TinySettings(BaseModel):
    one: int = 1


@pytest.fixture
def place(tmp_path):
    return Place(dataset="tiny", seed=0, workspace=tmp_path / "w", published=tmp_path / "p", compute=ComputeSettings())


def result_of(stage, **changes):
    values = {"stage": stage.name, "outcome": "ran", "why": "first run", "path": Path("x"), "digest": "d"}
    return StageResult(**(values | {"summary": {"images_in": 3, "images_out": 2}} | changes))


STAGES = tuple(Stage(name=name, title=name, work=print, section="one") for name in ("first", "second"))


def run(place, runner, **changes):
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return Run(flow="f", settings=TinySettings(), place=place, runner=runner, clock=lambda: started, **changes)


def test_a_run_keeps_a_record_that_can_be_read_back(place):
    one = run(place, lambda stage: lambda *args, **more: result_of(stage))
    one.run_stages(STAGES)
    record = one.finish(None)
    assert one.name == "20260102T030405Z"
    assert read_run(latest_run(place.shared)) == record
    assert (record["verdict"], record["exit_code"]) == ("done", 0)
    assert list(stages_by_name(record)) == ["first", "second"]


def test_two_runs_of_one_second_have_two_names(place):
    names = []
    for _ in range(2):
        one = run(place, lambda stage: lambda *args, **more: result_of(stage))
        one.finish(None)
        names.append(one.name)
    assert names == ["20260102T030405Z", "20260102T030405Z-2"]


def test_the_tenth_run_of_a_second_comes_after_the_ninth():
    names = ["20260102T030405Z-10", "20260102T030406Z", "20260102T030405Z-9", "20260102T030405Z"]
    assert sorted(names, key=run_order) == [names[3], names[2], names[0], names[1]]


def test_the_newest_of_two_runs_of_one_second_is_the_second(place):
    for _ in range(2):
        run(place, lambda stage: lambda *args, **more: result_of(stage)).finish(None)
    assert latest_run(place.shared).stem == "20260102T030405Z-2"


def test_stages_after_a_failure_do_not_run(place):
    def runner(stage):
        def fail(*args, **more):
            raise Refused("no")

        return fail if stage.name == "first" else None

    one = run(place, runner)
    with pytest.raises(Refused, match=r"^no$") as caught:
        one.run_stages(STAGES)
    record = one.finish(caught.value)
    assert (record["verdict"], record["exit_code"], record["message"], record["stages"]) == ("refused", 3, "no", [])
    assert record["stopped_stage"] == "first"


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(None, "done"), (BadInput("x"), "bad input"), (Refused("x"), "refused"), (StageFailed("x"), "failed")],
)
def test_the_verdict_follows_the_error(error, verdict):
    assert verdict_of(error) == verdict


def test_a_record_of_another_version_is_refused_by_name(place, tmp_path):
    path = tmp_path / "run.json"
    path.write_text('{"format_version": 9}')
    with pytest.raises(FormatError, match=f"^{re.escape(f'{path}: run version 9, this code reads 1')}$"):
        read_run(path)


def test_no_run_yet_is_bad_input(place):
    with pytest.raises(BadInput, match=re.escape("holds no runs; run `augment-dataset run` first")):
        latest_run(place.shared)


def test_a_log_gets_one_line_per_stage_and_some_in_between(caplog):
    times = iter([0.0, 5.0, 20.0, 20.0, 21.0])
    observer = LogObserver(logging.getLogger("test"), clock=lambda: next(times))
    with caplog.at_level(logging.INFO, logger="test"):
        observer.stage_started(STAGES[0])
        observer.progress(STAGES[0], 1, 10)
        observer.progress(STAGES[0], 2, 10, loss=0.5)
        observer.stage_ended(STAGES[0], result_of(STAGES[0], usage=ChildUsage(wall_s=1.25)))
    assert caplog.messages == [
        "first: 2 of 10, loss 0.5",
        "first: ran in 1.2 s, because: first run (3 in, 2 out)",
    ]


def test_lines_say_what_was_skipped():
    skipped = result_of(STAGES[0], outcome="skipped", why="unchanged")
    assert ended_line(skipped) == "first: skipped, unchanged (3 in, 2 out)"
    assert progress_line("train", 1, 2, doing="value") == "train: 1 of 2, doing value"


def test_the_record_of_an_interrupted_run_says_so():
    assert message_of(KeyboardInterrupt()) == "it was interrupted"
