"""The picture of a gate."""

import numpy as np

from datasets.gate_file import Gate
from datasets.image_codec import decode_image
from tasks.synthetic_gate.limits import Limit, apply_limit
from tasks.synthetic_gate.metric_table import measured, unmeasurable
from tasks.synthetic_gate.picture import draw_gate


def gate_of(*metrics):
    return Gate(gate="synthetic", metrics=metrics, decided_on="test")


def drawn(path, *metrics):
    draw_gate(gate_of(*metrics), path)
    return decode_image(path.read_bytes())


def test_every_metric_with_a_value_has_a_row(tmp_path):
    one = apply_limit(measured("coverage", 0.9, floor=0.95, interval=(0.8, 0.97)), Limit(limit=0.6), 30)
    (gone,) = unmeasurable(["recall"], "too few images")
    low, high = (drawn(tmp_path / "gate.png", *metrics) for metrics in ([one, gone], [one, one, gone]))
    assert high.shape[0] > low.shape[0] and high.shape[1] == low.shape[1]


def test_colours_of_outcomes_are_in_the_picture(tmp_path):
    metrics = [apply_limit(measured("coverage", value), Limit(limit=0.6), 30) for value in (0.9, 0.1)]
    pixels = {tuple(pixel) for pixel in np.unique(drawn(tmp_path / "gate.png", *metrics).reshape(-1, 3), axis=0)}
    assert {(0x00, 0x72, 0xB2), (0xD5, 0x5E, 0x00)} <= pixels


def test_a_gate_that_measured_nothing_is_drawn_too(tmp_path):
    assert drawn(tmp_path / "gate.png", *unmeasurable(["coverage"], "too few images")).ndim == 3
