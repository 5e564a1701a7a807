from dataclasses import replace

from gan.evaluation import Evaluation
from gan.health import alarms
from gan.settings import TrainingSettings

SETTINGS = TrainingSettings(budget_images=100, alarm_after_share=0.5, recall_floor=0.2, coverage_floor=0.2)
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
    (alarm,) = alarms(history("recall", [0.5, 0.1, 0.05]), SETTINGS)
    assert (alarm.images_seen, alarm.measure, alarm.floor, alarm.values) == (80, "recall", 0.2, (0.1, 0.05))
    assert alarm.sentence == (
        "collapse: recall was 0.100 and 0.050 after 70 and 80 images, under its floor of 0.2; "
        "look at the sample grids, and raise gamma_end or lower learning_rate_start"
    )


def test_once_under_the_floor_raises_nothing() -> None:
    assert alarms(history("coverage", [0.1, 0.5, 0.1]), SETTINGS) == ()


def test_early_evaluations_do_not_count() -> None:
    assert alarms(history("recall", [0.0, 0.0, 0.0, 0.9], first_images=20), SETTINGS) == ()


def test_every_measure_raises_its_own() -> None:
    collapsed = [replace(each, coverage=0.0, diversity=0.0) for each in history("recall", [0.0, 0.0])]
    assert [alarm.measure for alarm in alarms(collapsed, SETTINGS)] == ["recall", "coverage", "diversity"]


def test_an_alarm_is_raised_once() -> None:
    assert len(alarms(history("recall", [0.0] * 5), SETTINGS)) == 1
