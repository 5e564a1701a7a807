import pytest

from gan.schedules import cosine, ema_decay


@pytest.mark.parametrize(("seen", "wanted"), [(0, 1.0), (50, 0.6), (100, 0.2), (500, 0.2)])
def test_cosine_passes_start_middle_and_end(seen: int, wanted: float) -> None:
    assert cosine(1.0, 0.2, seen, 100) == pytest.approx(wanted)


def test_half_of_the_average_is_kept_over_the_halflife() -> None:
    decay = ema_decay(batch_size=64, halflife_images=640, images_seen=10**6)
    assert decay**10 == pytest.approx(0.5)


def test_the_average_follows_closely_at_first() -> None:
    assert ema_decay(64, 20_000, images_seen=0) == 0.0
    assert ema_decay(64, 20_000, images_seen=256) == pytest.approx(0.5)
