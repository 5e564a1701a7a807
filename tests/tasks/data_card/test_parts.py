"""Parts of a card on their own."""

import numpy as np
import pytest

from datasets.manifest import table_of
from datasets.tfds_layout import Index, Normalise, ShardEntry, ShardFeatures
from tasks.data_card.class_measures import MeasureTable, real_measures
from tasks.data_card.counting import balance_sentence, class_table, source_rows
from tasks.data_card.grids import CELL_SIDE_PX, COLUMNS, grid
from tasks.data_card.header import header, size_category
from tasks.data_card.told_settings import told_settings
from tasks.lineage.stage_facts import StageFacts


def index(class_names=("a", "b"), records=1, **lineage):
    return Index(
        name="tiny",
        version="1.0.0",
        content_digest="0",
        features=ShardFeatures(8, 8, 3, "png", class_names),
        normalise=Normalise((0.5,), (0.5,)),
        splits={"train": (ShardEntry("f", records, 1, "0"),)},
        lineage=lineage,
    )


def row(member, **values):
    first = {"source": "s", "member": member, "frame": 0, "kind": "real", "status": "kept", "split": "train"}
    return first | values


@pytest.mark.parametrize(
    ("count", "category"),
    [(0, "n<1K"), (999, "n<1K"), (1_000, "1K<n<10K"), (70_000, "10K<n<100K"), (10**9, "n>1B")],
)
def test_size_categories(count, category):
    assert size_category(count) == category


@pytest.mark.parametrize(
    ("licences", "lines"),
    [
        (["MIT"], ["license: mit"]),
        (["CC-BY-4.0", "CC0-1.0"], ["license:", "- cc-by-4.0", "- cc0-1.0"]),
        (["House rules"], ["license: other", "license_name: House rules"]),
        ([], ["license: unknown"]),
    ],
)
def test_licences_by_the_names_of_huggingface(licences, lines):
    assert set(lines) <= set(header(index(), licences).splitlines())


def test_without_labels_the_task_is_another():
    assert "- unconditional-image-generation\n" in header(index(class_names=None), [])


def test_images_without_a_licence_are_counted():
    table = table_of([row("1", licence="MIT"), row("2"), row("3", status="rejected", reason="truncated")])
    (found,) = source_rows(table)
    assert (found.images, found.licences) == (2, "MIT, none given for 1")


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("aaab", "The largest class, a, has 3 times as many training images as the smallest, b (3 and 1)."),
        ("aa", "Class b has no training image; the largest, a, has 2."),
        ("ab", "All 2 classes have 1 training images each."),
    ],
)
def test_balance_of_classes(labels, sentence):
    table = table_of([row(str(number), label=label) for number, label in enumerate(labels)])
    assert balance_sentence(class_table(table, ("a", "b"))) == sentence


def test_validation_and_augmented_copies_do_not_count_for_the_balance():
    rows = [row("1", label="a"), row("2", label="b"), row("3", label="b", split="validation")]
    rows.append(row("4", label="b", split="train_augmented", kind="augmented"))
    assert balance_sentence(class_table(table_of(rows), ("a", "b"))) == "All 2 classes have 1 training images each."


def test_measures_of_classes_that_do_not_differ_name_none(tmp_path):
    from datasets.manifest import MANIFEST_FILE, write_table

    measures = {"std": 1.0, "sharpness": 2.0, "width_px": 8, "height_px": 8}
    rows = [row(f"{label}{n}", label=label, mean=float(n), **measures) for label in "ab" for n in range(6)]
    write_table(table_of(rows), tmp_path / MANIFEST_FILE)
    found = real_measures(tmp_path, ("a", "b"))
    assert found == MeasureTable(
        ("brightness", "contrast", "sharpness", "width, px", "height, px"),
        (("a", (2.5, 1.0, 2.0, 8.0, 8.0)), ("b", (2.5, 1.0, 2.0, 8.0, 8.0))),
        (),
    )


@pytest.mark.parametrize("shape", [(16, 16, 1), (48, 48, 3), (200, 90, 3), (7, 300, 1), (1, 1, 3)])
def test_a_grid_is_bounded_whatever_the_images(shape):
    image = np.full(shape, 255, np.uint8)
    picture = grid([("a name that is far longer than there is room for", [image] * COLUMNS), ("b", [image])])
    assert picture.dtype == np.uint8
    assert picture.shape[0] == 2 * (CELL_SIDE_PX + 2) + 2
    assert 8 * (CELL_SIDE_PX + 2) < picture.shape[1] < 8 * (CELL_SIDE_PX + 2) + 140


def test_only_settings_that_are_not_the_default_are_told():
    parts = {"settings": {"images_per_class": 7, "truncation": 1.0, "rejection": {"keep_share": 0.5}}}
    facts = StageFacts(fingerprint="", digest="", parts=parts, outputs={}, summary={})
    assert told_settings({"generate": facts}) == [
        ("generate.images_per_class", "7", "500"),
        ("generate.rejection.keep_share", "0.5", "1.0"),
    ]
