import numpy as np

from datasets.image_codec import decode_image
from datasets.manifest import MANIFEST_FILE, key_text, read_table
from datasets.pixel_packs import PackReader
from tasks.augment import augment
from tasks.imaging.augmentation import AugmentationSettings

SETTINGS = AugmentationSettings(preset="digits", variants_per_image=2)


def copies(workbench):
    return read_table(workbench.outputs["augment"] / MANIFEST_FILE).to_pylist()


def pixels(workbench, row):
    with PackReader(workbench.shared) as packs:
        return decode_image(packs.read(row["pack"], row["offset"], row["length"]))


def test_only_training_images_have_copies_and_each_has_so_many(workbench, class_folders):
    workbench.prepare(class_folders)
    workbench.run("augment", augment, SETTINGS, "split")
    split = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    train = [key_text(row) for row in split if row["split"] == "train"]
    parents = [row["derived_from"] for row in copies(workbench)]
    assert sorted(parents) == sorted(train * 2)
    assert {row["split"] for row in copies(workbench)} == {"train_augmented"}
    assert {row["kind"] for row in copies(workbench)} == {"augmented"}


def test_copies_keep_shape_label_and_licence_and_differ_from_each_other(workbench, class_folders):
    workbench.prepare(class_folders)
    workbench.run("augment", augment, SETTINGS, "split")
    first, second = copies(workbench)[:2]
    assert first["derived_from"] == second["derived_from"]
    assert (first["label"], first["class_id"], first["licence"]) == ("left", 0, "CC0-1.0")
    assert pixels(workbench, first).shape == (16, 16, 1)
    assert not np.array_equal(pixels(workbench, first), pixels(workbench, second))


def test_the_same_seed_gives_the_same_copies_and_another_seed_others(workbench, class_folders):
    workbench.prepare(class_folders)
    found = []
    for seed in (0, 0, 1):
        workbench.run("augment", augment, SETTINGS, "split", seed=seed)
        found.append([row["sha256"] for row in copies(workbench)])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_no_augmentation_gives_an_empty_manifest(workbench, class_folders, no_augmentation):
    workbench.prepare(class_folders)
    summary = workbench.run("augment", augment, no_augmentation, "split")
    assert (summary["images_out"], copies(workbench)) == (0, [])
