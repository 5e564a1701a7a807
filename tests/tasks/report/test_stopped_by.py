from typing import get_args

from gan.training_run import StoppedBy
from tasks.report.model_sections import STOPPED_BY


def test_every_reason_for_which_training_ends_has_words():
    assert set(STOPPED_BY) == set(get_args(StoppedBy))
