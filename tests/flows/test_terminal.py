"""What a bar and a log line say of a run that was resumed."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from flows.terminal import JsonObserver, TerminalObserver, show_run
from gan.progress import time_left
from tasks.parallel import ComputeSettings
from tasks.report.build import build_report
from tasks.run import Run
from tasks.run_log import progress_line
from tasks.stage import Place
from tasks.stages import SYNTHESIZE
from tests.tasks.report.conftest import Workspace

TRAIN = SYNTHESIZE[0]


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


def test_the_time_left_of_a_resumed_run_does_not_count_what_was_done_before():
    clock = Clock()
    bars = Progress(console=Console(force_terminal=True, width=150), get_time=clock, auto_refresh=False)
    watching = TerminalObserver(bars)
    watching.stage_started(TRAIN)
    watching.progress(TRAIN, 90_000, 100_000)
    for second in range(1, 11):
        clock.now_s = float(second)
        watching.progress(TRAIN, 90_000 + 100 * second, 100_000, generator_loss=0.5, time_left="90 s")
    (task,) = bars.tasks
    assert task.speed == pytest.approx(100)
    assert task.time_remaining == 90
    assert task.fields["numbers"] == "G 0.5"


def test_a_line_of_a_log_says_how_much_time_is_left():
    line = progress_line("train", 91_000, 100_000, images_per_second=100.0, time_left=time_left(9_000, 100.0))
    assert line == "train: 91000 of 100000, images_per_second 100, time_left 2 min"


@pytest.mark.parametrize(
    ("images", "speed", "text"),
    [(100, 10, "10 s"), (0, 10, "0 s"), (720, 1, "12 min"), (12_000, 1, "3 h 20 min"), (5, 0, "")],
)
def test_time_left_is_told_in_words(images, speed, text):
    assert time_left(images, speed) == text


def printed(record, width=80):
    """Lines of the tables at the end of a run."""
    out = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    show_run(record, Path("/runs/r.html"), out)
    return out.file.getvalue().splitlines()


@pytest.fixture
def whole_run(tmp_path):
    """The record of a run of all stages, with files rejected for two reasons, and a gate."""
    workspace = Workspace(tmp_path)
    workspace.prepare()
    workspace.synthesize()
    workspace.stages[1]["summary"] |= {"images_in": 1_234_567, "images_out": 1_234_566}  # and still they fit
    return workspace.record()


def test_tables_fit_80_columns_and_lose_nothing(whole_run):
    lines = printed(whole_run)
    assert max(map(len, lines)) <= 80
    assert "…" not in "".join(lines)
    for stage in whole_run["stages"]:
        assert any(line.startswith(f"{stage['name']} ") for line in lines)


def test_rejected_files_are_told_by_stage_and_reason_with_what_it_means(whole_run):
    lines = [" ".join(line.split()) for line in printed(whole_run)]
    assert "scan truncated 1 an image that ends too early" in lines
    assert any(line.startswith("curate duplicate_exact 1 the same bytes or pixels as") for line in lines)


def test_where_nothing_is_rejected_there_is_no_table_of_it(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.folder("ingest", images_in=3, images_out=3)
    assert "Rejected" not in "".join(printed(workspace.record()))


def test_a_run_whose_report_cannot_be_written_claims_none(capsys, tmp_path):
    place = Place(dataset="tiny", seed=0, workspace=tmp_path, published=tmp_path, compute=ComputeSettings())
    run = Run(flow="prepare-dataset", settings=ComputeSettings(), place=place)
    run.report_path.mkdir()
    record = run.finish(None)
    assert not build_report(record, run.report_path)
    JsonObserver().run_ended(record, run.report)
    assert json.loads(capsys.readouterr().out)["report"] is None
