"""Runs that are made to collapse: batch normalisation, no penalty, and a learning rate that no training survives."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from datasets.errors import Refused
from gan.checkpoints import newest_checkpoint
from gan.settings import TrainingSettings
from gan.training import TrainingResult, train
from gan.training_log import read_log

Images = tuple[np.ndarray, np.ndarray]
NAMES = ("flat", "rising", "falling")


@pytest.fixture
def collapsing(stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path) -> Any:
    """Trains 40 steps with an evaluation every 10, and a policy."""

    def run(**health: Any) -> TrainingResult:
        record = small_training.model_dump() | {
            "model": "dcgan",
            "loss": "hinge",
            "penalty": {"kind": "none"},
            "learning_rate_start": 1.0,
            "learning_rate_end": 1.0,
            "rollback_learning_rate_factor": 1.0,
            "budget_images": 640,
            "evaluate_every_images": 160,
            "checkpoint_every_images": 160,
            "alarm_after_share": 0.0,
            "health": health,
        }
        settings = TrainingSettings.model_validate(record)
        return train(*stripes, NAMES, *few_stripes, settings, 0, tmp_path)

    return run


def events(folder: Path, name: str) -> list[dict[str, Any]]:
    return [line for line in read_log(folder) if line["event"] == name]


def test_the_alarm_comes_with_the_first_evaluation_and_training_goes_on(collapsing: Any) -> None:
    result = collapsing(on_collapse="continue")
    assert {alarm.images_seen for alarm in result.alarms if alarm.measure in ("recall", "coverage")} == {160}
    assert (result.images_seen, result.rollbacks) == (640, 0)


def test_stop_refuses_with_the_evidence(collapsing: Any, tmp_path: Path) -> None:
    sentence = re.escape("collapse: recall was ") + r"0\.\d+" + re.escape(" after 160 images, under its floor of 0.2")
    picture = tmp_path / "samples" / "000000160.png"
    with pytest.raises(Refused, match=f"^{sentence}.*{re.escape(f'the images are in {picture}')}"):
        collapsing(on_collapse="stop")
    assert picture.is_file()
    assert [line["images_seen"] for line in events(tmp_path, "stopped")] == [160]


def test_roll_back_returns_to_health_a_bounded_number_of_times(collapsing: Any, tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"^2 returns to a healthy checkpoint did not help; collapse: "):
        collapsing(on_collapse="roll_back", collapse_returns_allowed=2)
    assert [line["back_to_images"] for line in events(tmp_path, "rollback")] == [0, 0]
    found = newest_checkpoint(tmp_path / "checkpoints").checkpoint
    assert found is not None
    position = found.record["position"]
    assert (position["step"], position["rollbacks"], position["collapses"]) == (0, 2, 2)


def test_a_budget_without_time_for_a_step_gives_no_generator(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    settings = small_training.model_copy(update={"budget_minutes": 1e-9})
    sentence = "the 1e-09 minutes of train.budget_minutes are over, and no step was made; raise them"
    with pytest.raises(Refused, match=f"^{re.escape(sentence)}$"):
        train(*stripes, NAMES, *few_stripes, settings, 0, tmp_path)
    assert not (tmp_path / "generator.json").exists()


def test_a_return_to_the_beginning_with_no_time_left_publishes_nothing(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    """One step is all that there is time for, and no generator is as varied as the alarm asks for."""
    update = {
        "budget_minutes": 0.01,  # less than it takes to trace a step
        "alarm_after_share": 0.0,
        "recall_floor": 1.0,
        "health": {"on_collapse": "roll_back"},
    }
    settings = TrainingSettings.model_validate(small_training.model_dump() | update)
    ending = re.escape(
        "; training went back to where it began, and the 0.01 minutes of train.budget_minutes are over; "
        "raise them, lower train.learning_rate_start, or raise train.gamma_end"
    )
    with pytest.raises(Refused, match=rf"^collapse: recall was .*{ending}$"):
        train(*stripes, NAMES, *few_stripes, settings, 0, tmp_path)
    assert not (tmp_path / "generator.json").exists()


def test_roll_back_with_a_much_lower_learning_rate_saves_the_run(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    """The learning rate grows until the generator falls from what it had learned."""
    record = small_training.model_dump() | {
        "model": "dcgan",
        "loss": "hinge",
        "penalty": {"kind": "none"},
        "learning_rate_start": 2e-3,
        "learning_rate_end": 1.0,
        "rollback_learning_rate_factor": 1e-2,
        "alarm_after_share": 0.5,
        "recall_floor": 0.0,
        "coverage_floor": 0.0,
        "diversity_floor": 0.05,
        "evaluate_every_images": 160,
        "health": {"on_collapse": "roll_back", "saturation_ceiling": 1.0, "loss_limit": 1e30},
    }
    settings = TrainingSettings.model_validate(record)
    result = train(*stripes, NAMES, *few_stripes, settings, 0, tmp_path)
    assert (result.images_seen, result.rollbacks) == (1600, 1)
    (event,) = events(tmp_path, "rollback")
    assert 0 <= event["back_to_images"] < event["images_seen"]
    assert result.evaluations[-1].diversity >= 0.05


def test_training_stops_early_where_nothing_gets_better(
    stripes: Images, few_stripes: Images, small_training: TrainingSettings, tmp_path: Path
) -> None:
    frozen = {"learning_rate_start": 1e-12, "learning_rate_end": 1e-12, "evaluate_every_images": 160}
    record = small_training.model_dump() | frozen | {"early_stop_evaluations": 2}
    result = train(*stripes, NAMES, *few_stripes, TrainingSettings.model_validate(record), 0, tmp_path)
    assert result.stopped_by == "early_stop_evaluations"
    assert result.images_seen < 1600
