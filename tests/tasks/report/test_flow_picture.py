"""The flow of files as a picture: heights are counts, everything is inside, and words say the same."""

import re

from tasks.report.flow_picture import BAND_PX, MIN_BAND_PX, WIDTH, flow_picture
from tasks.report.tables import CountStep

STEPS = (
    CountStep("files in the source", 1000),
    CountStep("decoded", 900, (("truncated", 60), ("empty_file", 40))),
    CountStep("fit for use", 899, (("flat_black", 1),)),
)
SPLITS = {"train": 700, "validation": 99, "test": 100}


def heights(picture, kind):
    return [node.height for node in picture.nodes if node.kind == kind]


def test_nodes_are_as_high_as_their_counts():
    picture = flow_picture(STEPS, SPLITS)
    assert heights(picture, "used") == [120.0, 108.0, 107.9]
    assert heights(picture, "lost") == [12.0, MIN_BAND_PX]
    assert [heights(picture, name) for name in SPLITS] == [[84.0], [11.9], [12.0]]
    assert BAND_PX == 120.0


def test_every_step_split_and_loss_is_joined_by_a_band():
    bands = [band.title for band in flow_picture(STEPS, SPLITS).bands]
    assert sorted(bands) == sorted(
        ["900 decoded", "100 not used", "899 fit for use", "1 not used", "700 train", "99 validation", "100 test"]
    )


def test_all_of_it_is_inside_the_box():
    picture = flow_picture(STEPS, {f"fold_{number}": 90 for number in range(10)})
    numbers = [
        tuple(map(float, pair.split(","))) for band in picture.bands for pair in re.findall(r"[\d.]+,[\d.]+", band.path)
    ]
    assert all(0 <= x <= WIDTH and 0 <= y <= picture.height for x, y in numbers)
    assert all(node.y + node.height <= picture.height and node.x <= WIDTH for node in picture.nodes)
    assert all(0 < label.y <= picture.height for label in picture.labels)


def test_words_say_what_is_to_be_seen():
    assert flow_picture(STEPS, SPLITS).alt == (
        "Flow of files: 1,000 files in the source, then 900 decoded (without 60 truncated, 40 empty_file), then 899 "
        "fit for use (without 1 flat_black); 700 in train; 99 in validation; 100 in test"
    )


def test_the_most_frequent_reasons_are_named_and_the_others_counted():
    lost = tuple((f"reason_{number}", 10 - number) for number in range(6))
    labels = [label.text for label in flow_picture((CountStep("a", 100), CountStep("b", 55, lost)), {}).labels]
    assert labels[4:] == ["− 10 reason_0", "− 9 reason_1", "− 8 reason_2", "− 7 reason_3", "and 2 more reasons"]


def test_without_files_there_is_no_picture():
    assert flow_picture((), {}) is None
    assert flow_picture((CountStep("files in the source", 0),), {}) is None


def test_a_split_without_images_is_left_out():
    assert "test" not in {node.kind for node in flow_picture(STEPS, {"train": 899, "test": 0}).nodes}
