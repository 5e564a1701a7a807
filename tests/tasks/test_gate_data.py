import numpy as np
import pytest

from datasets.gate_file import read_gate
from datasets.manifest import in_use, table_of
from tasks.augment import augment
from tasks.data_gate.measures import of_images
from tasks.data_gate.version_changes import (
    classes_without,
    drifts,
    gone_images,
    moved_images,
    population_stability,
    share_stability,
)
from tasks.gate_data import RULES, DataGateSettings, DataGateSeverity, gate_data, measure_data
from tasks.shard import ShardSettings, shard_real


def used(*rows):
    base = {"source": "s", "frame": 0, "kind": "real", "status": "kept"}
    return table_of([base | {"member": str(number)} | row for number, row in enumerate(rows)])


@pytest.mark.parametrize("key", ["sha256", "pixel_sha256"])
def test_an_image_in_another_split_than_before_has_moved(key):
    old = used({key: "a", "split": "train"}, {key: "b", "split": "test"})
    assert moved_images(used({key: "a", "split": "test"}, {key: "b", "split": "test"}), old) == 1
    assert moved_images(old, old) == 0


def test_population_stability_is_zero_for_equal_samples_and_large_for_a_shift():
    values = [float(number % 97) for number in range(1000)]
    values = np.array(values)
    assert population_stability(values, values) == pytest.approx(0.0, abs=1e-9)
    assert population_stability(values, values + 50) > 0.25


def measured(settings, *rows, **given):
    """Metrics by name of a manifest of such rows."""
    base = {"split": "train", "label": "a", "licence": "CC0-1.0", "mean": 100.0}
    base |= {"std": 50.0, "entropy_bits": 6.0, "sharpness": 500.0, "width_px": 10, "height_px": 10}
    table = used(*[base | {"sha256": str(number)} | row for number, row in enumerate(rows)])
    return {metric.name: metric for metric in measure_data(settings, table, None, **given)}


ROWS = [{}] * 3 + [{"label": "b"}]
GONE = {"status": "rejected", "reason": "duplicate_near", "split": None}


@pytest.mark.parametrize(
    ("name", "limit", "rows", "given", "value"),
    [
        ("reject_rate", {"max_reject_rate": 0.1}, [*ROWS, {"status": "rejected", "reason": "flat"}], {}, 0.2),
        ("duplicates", {"max_duplicate_share": 0.1}, [*ROWS, GONE], {}, 0.2),
        ("duplicates", {"max_duplicate_share": 0.1}, [{"duplicate_group": "g"}] * 2 + ROWS[:2], {}, 0.25),
        ("unlicensed", {"max_unlicensed_share": 0.1}, [*ROWS[:3], {"licence": " "}], {}, 0.25),
        ("leaks", {}, [{"group": "g"}, {"group": "g", "split": "test"}], {}, 1),
        ("empty_classes", {}, ROWS, {"empty_classes": ["c", "d"]}, 2),
        ("imbalance", {"max_imbalance": 2}, ROWS, {}, 3),
        ("effective_images", {"min_effective_images": 9}, ROWS, {"effective": {"a": 30.0, "b": 8.0}}, 8),
    ],
)
@pytest.mark.parametrize(("severity", "outcome"), [("block", "refused"), ("warn", "warned")])
def test_a_limit_that_is_passed_blocks_or_warns_as_the_settings_say(name, limit, rows, given, value, severity, outcome):
    settings = DataGateSettings(**limit, severity={name: severity})
    metric = measured(settings, *rows, **given)[name]
    assert (metric.value, metric.outcome) == (pytest.approx(value), outcome)


def test_without_a_limit_a_metric_is_only_reported():
    settings = DataGateSettings(max_duplicate_share=None, max_imbalance=None, min_effective_images=None)
    found = measured(settings, *ROWS, GONE, effective={"a": 1.0})
    assert {found[name].outcome for name in ("duplicates", "imbalance", "effective_images", "unlicensed")} == {
        "reported"
    }


def test_a_metric_names_what_it_is_about():
    found = measured(DataGateSettings(), *ROWS, effective={"a": 99.0, "b": 8.0}, empty_classes=["c"])
    assert (found["effective_images"].note, found["empty_classes"].note) == ("b 8", "c")


def test_a_first_version_is_compared_with_nothing():
    found = measured(DataGateSettings(), *ROWS)
    compared = {name: metric for name, metric in found.items() if metric.outcome == "not applicable"}
    assert {"shrink", "moved", "vanished_classes", "new_classes", "drift_brightness", "drift_classes"} <= set(compared)
    assert {metric.note for name, metric in compared.items() if name.startswith("drift")} == {
        "there is no earlier version"
    }


def test_every_rule_has_its_settings():
    assert {rule.limit for rule in RULES.values()} - {None} == set(DataGateSettings.model_fields) - {"severity"}
    assert {rule.severity for rule in RULES.values()} == set(DataGateSeverity.model_fields)


def test_new_and_vanished_classes_are_told_apart():
    old, new = used({"label": "a"}, {"label": "b"}), used({"label": "b"}, {"label": "c"}, {"label": None})
    assert (classes_without(old, new), classes_without(new, old)) == (["a"], ["c"])


def test_images_that_the_balance_leaves_out_are_not_gone():
    old = used({"sha256": "a"}, {"sha256": "b"}, {"sha256": "c"})
    unselected = {"sha256": "b", "status": "unselected", "reason": "over_class_size"}
    now = used({"sha256": "a"}, unselected)
    assert gone_images(in_use(now), now, old) == 1


@pytest.mark.parametrize(
    ("now", "gone"),
    [
        ({"sha256": "x", "pixel_sha256": "p"}, 0),
        ({"sha256": "a", "pixel_sha256": "p", "status": "rejected", "reason": "duplicate_near"}, 0),
        ({"sha256": "a", "pixel_sha256": "p", "status": "rejected", "reason": "too_small"}, 1),
        ({"sha256": "x", "pixel_sha256": "y"}, 1),
    ],
    ids=["encoded anew", "another copy is used", "unfit now", "another"],
)
def test_an_image_is_gone_where_nothing_stands_for_it(now, gone):
    old = used({"sha256": "a", "pixel_sha256": "p"}, {"sha256": "b", "pixel_sha256": None})
    table = used(now, {"sha256": "b", "pixel_sha256": None}, {"sha256": "c", "pixel_sha256": None})
    assert gone_images(in_use(table), table, old) == gone


def test_copies_that_were_left_out_are_not_counted_as_unfit():
    copies = [{"status": "rejected", "reason": "duplicate_exact"}] * 8
    table = used({}, {"status": "rejected", "reason": "flat"}, *copies)
    assert of_images(table, in_use(table), [])["reject_rate"].value == 0.5


@pytest.mark.parametrize("old, now", [([24], [48]), ([28], [28, 5000]), ([24, 64], [24, 4096]), ([24], [12])])
def test_other_sizes_than_the_one_that_all_had_are_a_drift(old, now):
    assert population_stability(np.repeat(old, 100), np.repeat(old, 100)) == 0
    assert population_stability(np.repeat(old, 100), np.repeat(now, 100)) > 0.25


def test_a_shift_of_one_measure_shows_in_its_drift_alone():
    def manifest(mean):
        sizes = {"width_px": 10, "height_px": 10}
        return used(
            *[
                {"mean": mean + number % 50, "std": 1.0 * (number % 7), "label": "ab"[number % 2]} | sizes
                for number in range(500)
            ]
        )

    found = {name: value for name, value, _ in drifts(manifest(100.0), manifest(20.0))}
    assert found.pop("drift_brightness") > 1
    assert set(found.values()) <= {0.0} or max(v for v in found.values() if v == v) < 1e-9


def test_other_shares_of_the_classes_are_a_drift():
    assert share_stability({"a": 50, "b": 50}, {"a": 50, "b": 50}) == 0
    assert share_stability({"a": 50, "b": 50}, {"a": 90, "b": 10}) > 0.25
    assert share_stability({"a": 50}, {"b": 50}) == 0


def test_what_chance_alone_gives_stands_beside_a_drift():
    rng = np.random.default_rng(0)
    found = [population_stability(rng.normal(size=200), rng.normal(size=300)) for _ in range(200)]
    assert np.mean(found) == pytest.approx(9 * (1 / 200 + 1 / 300), rel=0.2)


def test_a_gate_measures_the_diversity_of_training_images(workbench, class_folders, no_augmentation):
    workbench.prepare(class_folders)
    workbench.run("augment", augment, no_augmentation, "split")
    workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
    summary = workbench.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")
    gate = {metric.name: metric for metric in read_gate(workbench.outputs["gate_data"]).metrics}
    assert set(summary["effective_images"]) == {"left", "right"}
    assert 1 < min(summary["effective_images"].values()) <= 14
    assert gate["effective_images"].outcome == "warned"
    assert summary["verdict"] == "passed"
