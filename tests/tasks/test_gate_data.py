import pytest

from datasets.manifest import table_of
from tasks.gate_data import leaks, moved_images, population_stability


def used(*rows):
    base = {"source": "s", "frame": 0, "kind": "real", "status": "kept"}
    return table_of([base | {"member": str(number)} | row for number, row in enumerate(rows)])


def test_clean_splits_leak_nothing():
    assert leaks(used({"sha256": "a", "split": "train"}, {"sha256": "b", "split": "test"})) == 0


@pytest.mark.parametrize("key", ["sha256", "pixel_sha256", "duplicate_group", "group"])
def test_anything_shared_between_splits_is_a_leak(key):
    rows = [{"sha256": "a", "split": "train"}, {"sha256": "b", "split": "test"}]
    assert leaks(used(*[row | {key: "same"} for row in rows])) == 1


def test_a_pair_of_near_copies_in_two_splits_is_a_leak():
    table = used({"sha256": "a", "split": "train"}, {"sha256": "b", "split": "test"}, {"sha256": "c", "split": "test"})
    assert leaks(table, [("a", "b")]) == 1
    assert leaks(table, [("b", "c")]) == 0


@pytest.mark.parametrize("key", ["sha256", "pixel_sha256"])
def test_an_image_in_another_split_than_before_has_moved(key):
    old = used({key: "a", "split": "train"}, {key: "b", "split": "test"})
    assert moved_images(used({key: "a", "split": "test"}, {key: "b", "split": "test"}), old) == 1
    assert moved_images(old, old) == 0


def test_population_stability_is_zero_for_equal_samples_and_large_for_a_shift():
    values = [float(number % 97) for number in range(1000)]
    assert population_stability(values, values) == pytest.approx(0.0, abs=1e-9)
    assert population_stability(values, [value + 50 for value in values]) > 0.25
