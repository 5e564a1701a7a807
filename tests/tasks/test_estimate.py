from dataclasses import replace

import pytest

from tasks.estimate import DEFAULT_S, Volume, disk_bytes, seconds
from tasks.stages import PREPARE, SYNTHESIZE

VOLUME = Volume(
    images=1000,
    variants_per_image=2,
    synthetic_images=500,
    training_images_seen=10_000_000,
    values_per_image=256,
    encoding="png",
)


def ran(wall_s, **summary):
    return {"outcome": "ran", "summary": summary, "usage": {"wall_s": wall_s}}


def test_without_an_earlier_run_time_comes_from_the_table():
    start_s, per_image_s = DEFAULT_S["scan"]
    assert seconds("scan", VOLUME, {}) == pytest.approx(start_s + 1000 * per_image_s)


@pytest.mark.parametrize(
    ("stage", "last", "times"),
    [
        ("train", {"train": ran(110.0, images_in=60, images_seen=100_000)}, 100),
        ("scan", {"ingest": ran(1.0, images_in=500), "scan": ran(106.0, images_in=500)}, 2),
        ("shard", {"ingest": ran(1.0, images_in=500), "shard": ran(101.5, images_in=900)}, 2),
        ("augment", {"ingest": ran(1.0, images_in=500), "augment": ran(108.0, images_in=300, images_out=300)}, 4),
        ("generate", {"generate": ran(106.0, images_in=0, images_out=250)}, 2),
    ],
)
def test_the_time_of_the_last_run_grows_with_the_work_but_for_its_start(stage, last, times):
    assert seconds(stage, VOLUME, last) == pytest.approx(DEFAULT_S[stage][0] + 100 * times)


def test_a_last_run_that_was_quicker_than_the_usual_start_is_taken_at_its_word():
    last = {"ingest": ran(0.5, images_in=1000)}
    assert seconds("ingest", VOLUME, last) == 0.5


def test_slow_pixel_operations_show_before_the_first_run():
    slow = replace(VOLUME, operations_s=0.15)
    assert seconds("scan", slow, {}) - seconds("scan", VOLUME, {}) == pytest.approx(150)
    assert seconds("augment", slow, {}) == seconds("augment", VOLUME, {})


def test_a_last_run_without_the_slow_operations_is_no_measure_of_them():
    last = {"ingest": ran(1.0, images_in=1000), "scan": ran(DEFAULT_S["scan"][0] + 2, images_in=1000)}
    assert seconds("scan", replace(VOLUME, operations_s=0.15), last) == pytest.approx(DEFAULT_S["scan"][0] + 150)


def test_a_stage_that_was_skipped_says_nothing_of_its_time():
    last = {"train": ran(0.0, images_seen=100) | {"outcome": "skipped"}}
    assert seconds("train", VOLUME, last) == seconds("train", VOLUME, {})


@pytest.mark.parametrize("stages", [PREPARE, SYNTHESIZE], ids=["prepare", "synthesize"])
def test_every_image_lies_in_a_pack_a_shard_and_a_published_shard(stages):
    counts = {PREPARE: 1000 * (1 + 2), SYNTHESIZE: 500}
    manifests = {PREPARE: 5 * 1000 * 1_500, SYNTHESIZE: 0}
    names = [stage.name for stage in stages]
    assert disk_bytes(VOLUME, names) == int(3 * counts[stages] * (0.7 * 256 + 400)) + manifests[stages]


def test_a_stage_that_does_not_run_takes_no_room():
    assert disk_bytes(VOLUME, ["generate", "publish_synthetic"]) == int(2 * 500 * (0.7 * 256 + 400))


def test_jpeg_takes_less_room_than_png():
    assert disk_bytes(replace(VOLUME, encoding="jpeg"), ["scan"]) < disk_bytes(VOLUME, ["scan"])
