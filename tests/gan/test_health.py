from dataclasses import replace

import numpy as np
import pytest

from gan.evaluation import Evaluation
from gan.health import Window, alarms, divergence, saturation
from gan.health_settings import HealthSettings
from gan.settings import TrainingSettings

SETTINGS = TrainingSettings(budget_images=100, alarm_after_share=0.5, recall_floor=0.2, coverage_floor=0.2)
TWICE = SETTINGS.model_copy(update={"health": HealthSettings(evaluations_in_a_row=2)})
HEALTHY = Evaluation(
    images_seen=0,
    extractor="classifier sha256:0 resize:none",
    n_synthetic=100,
    n_real=100,
    frechet_distance=3.0,
    precision=0.9,
    recall=0.8,
    density=1.0,
    coverage=0.9,
    diversity=0.9,
)


def history(measure: str, values: list[float], first_images: int = 60) -> list[Evaluation]:
    return [
        replace(HEALTHY, images_seen=first_images + 10 * index, **{measure: value})
        for index, value in enumerate(values)
    ]


def test_a_healthy_run_raises_nothing() -> None:
    assert alarms(history("recall", [0.8, 0.9, 0.7]), SETTINGS) == ()


def test_twice_under_the_floor_raises_with_the_evidence() -> None:
    (alarm,) = alarms(history("recall", [0.5, 0.1, 0.05]), TWICE)
    assert (alarm.images_seen, alarm.measure, alarm.floor, alarm.values) == (80, "recall", 0.2, (0.1, 0.05))
    assert alarm.sentence == (
        "collapse: recall was 0.100 and 0.050 after 70 and 80 images, under its floor of 0.2; "
        "look at the sample grids, and raise gamma_end or lower learning_rate_start"
    )


def test_once_under_the_floor_raises_nothing_where_twice_is_asked_for() -> None:
    assert alarms(history("coverage", [0.1, 0.3, 0.1]), TWICE) == ()


def test_once_under_the_floor_is_enough_by_default() -> None:
    (alarm,) = alarms(history("coverage", [0.3, 0.1]), SETTINGS)
    assert (alarm.images_seen, alarm.values) == (70, (0.1,))


def test_a_fall_from_well_above_the_floor_counts_at_once() -> None:
    (alarm,) = alarms(history("recall", [0.1, 0.6, 0.1], first_images=10), SETTINGS)
    assert (alarm.images_seen, alarm.values) == (30, (0.1,))


def test_a_discriminator_that_tells_all_pairs_apart_raises_its_alarm() -> None:
    alarm = saturation(Window(images_seen=60, real_above_fake=0.999), SETTINGS)
    assert alarm is not None
    assert alarm.sentence == (
        "collapse: the discriminator scored 99.90% of real images above synthetic ones before 60 images, over its "
        "ceiling of 99.50%; raise gamma_end or lower learning_rate_start"
    )


@pytest.mark.parametrize(
    ("images_seen", "share"), [(60, 0.9), (20, 1.0), (60, float("nan"))], ids=["a contest", "early", "not told"]
)
def test_no_saturation_without_evidence(images_seen: int, share: float) -> None:
    assert saturation(Window(images_seen=images_seen, real_above_fake=share), SETTINGS) is None


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1.0, -3.0], None),
        ([1.0, np.nan], "losses or weights were not finite"),
        ([1.0, -2e4], "generator loss was 2e+04, over health.loss_limit 10000,"),
    ],
    ids=["sound", "nan", "exploding"],
)
def test_divergence_is_more_than_nan(values: list[float], sentence: str | None) -> None:
    assert divergence({"generator_loss": np.array(values, np.float32)}, SETTINGS) == sentence


def test_early_evaluations_do_not_count() -> None:
    assert alarms(history("recall", [0.0, 0.0, 0.0, 0.9], first_images=20), SETTINGS) == ()


def test_every_measure_raises_its_own() -> None:
    collapsed = [replace(each, coverage=0.0, diversity=0.0) for each in history("recall", [0.0, 0.0])]
    assert [alarm.measure for alarm in alarms(collapsed, SETTINGS)] == ["recall", "coverage", "diversity"]


def test_an_alarm_is_raised_once() -> None:
    assert len(alarms(history("recall", [0.0] * 5), SETTINGS)) == 1
