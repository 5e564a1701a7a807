"""The benchmark of rare classes: who sees which images, its intervals, and a study in miniature that goes on."""

import json
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmarks.rare_class_data import digits
from benchmarks.rare_class_tables import estimate, tables
from benchmarks.rare_classes import MADE, run
from gan.settings import ClassifierSettings

SMALL = {
    "preset": "small",
    "width": 2,
    "latent_size": 4,
    "batch_size": 8,
    "budget_images": 80,
    "evaluate_every_images": 40,
    "checkpoint_every_images": 40,
    "evaluation_samples": 20,
    "film": {"format": "none"},
    "extractor": {"width": 4, "feature_size": 8, "budget_images": 320},
}


def test_no_image_has_two_uses():
    found = digits().images
    parts = [found.train, found.select, found.for_oracle, found.unseen, found.test]
    assert [np.bincount(labels).tolist() for _, labels in parts[:4]] == [[count] * 10 for count in (10, 3, 50, 40)]
    everything = np.concatenate([images for images, _ in parts])
    assert len(everything) == len({image.tobytes() for image in everything}) == 1_797


def test_an_interval_over_seeds_alone_is_that_of_students_t():
    shares = np.array([0.7, 0.8, 0.6, 0.75, 0.7])
    found = estimate(np.repeat(shares[None, :, None], 4, axis=2))
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 4, shares.mean(), stats.sem(shares)))


def test_an_interval_covers_its_mean_in_95_of_100_experiments():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(400):
        values = rng.normal(0, 0.3, (3, 1, 1)) + rng.normal(0, 0.2, (1, 5, 1)) + rng.normal(0, 1, (1, 1, 200))
        found = estimate(values + rng.normal(0, 0.2, (3, 5, 200)))
        inside += found.low <= 0 <= found.high
    assert 0.92 <= inside / 400 <= 0.995


def test_generators_that_differ_widen_an_interval():
    rng = np.random.default_rng(0)
    alike = rng.normal(0, 0.1, (3, 5, 50))
    apart = alike + np.array([-1.0, 0.0, 1.0])[:, None, None]
    assert estimate(apart).high > 3 * estimate(alike).high


def test_a_study_goes_on_where_it_was_and_its_table_has_every_arm(tmp_path):
    small = ClassifierSettings(width=4, feature_size=8, budget_images=128)
    study = replace(digits(), classifier=small, training=SMALL, filled_to=14)
    run(study, tmp_path / "digits", ["default"], range(1), range(1))
    cells = {path: path.read_bytes() for path in (tmp_path / "digits").glob("judge-*.json")}
    assert len(cells) == len(study.arms) + len(MADE)
    lost = min(cells)
    lost.unlink()
    run(study, tmp_path / "digits", ["default"], range(1), range(1))
    assert json.loads(lost.read_text())["predicted"] == json.loads(cells[lost])["predicted"]
    assert {path: path.read_bytes() for path in cells if path != lost} == {p: b for p, b in cells.items() if p != lost}
    text = "\n".join(tables(tmp_path))
    for arm in (*study.arms, *(f"{arm}:default" for arm in MADE)):
        assert f"| {arm} |" in text
