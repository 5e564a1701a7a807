import pytest

from gan.schedules import cosine, ema_decay, scheduled
from gan.settings import TrainingSettings


@pytest.mark.parametrize(("seen", "wanted"), [(0, 1.0), (50, 0.6), (100, 0.2), (500, 0.2)])
def test_cosine_passes_start_middle_and_end(seen: int, wanted: float) -> None:
    assert cosine(1.0, 0.2, seen, 100) == pytest.approx(wanted)


def test_half_of_the_average_is_kept_over_the_halflife() -> None:
    decay = ema_decay(images=64, halflife_images=640, images_seen=10**6)
    assert decay**10 == pytest.approx(0.5)


def test_the_halflife_is_in_images_also_where_the_generator_moves_now_and_then() -> None:
    settings = TrainingSettings(loss="wasserstein", batch_size=16, ema_halflife_images=800)
    decay = scheduled(settings, (1.0, 1.0), images_seen=50_000).ema_decay
    assert decay ** (800 / 16 / settings.steps_per_generator_step) == pytest.approx(0.5)


def test_the_average_follows_closely_at_first() -> None:
    assert ema_decay(64, 20_000, images_seen=0) == 0.0
    assert ema_decay(64, 20_000, images_seen=256) == pytest.approx(0.5)
