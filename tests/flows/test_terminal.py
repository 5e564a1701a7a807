"""What a bar and a log line say of a run that was resumed."""

import pytest
from rich.console import Console
from rich.progress import Progress

from flows.terminal import TerminalObserver
from gan.progress import time_left
from tasks.run_log import progress_line
from tasks.stages import SYNTHESIZE

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
