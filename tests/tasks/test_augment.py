import re

import numpy as np
import pytest

from datasets.errors import BadInput
from datasets.image_codec import decode_image, encoding_of
from datasets.manifest import MANIFEST_FILE, key_text, read_table
from datasets.pixel_packs import PackReader
from tasks.augment import augment
from tasks.augmentation_preview import VARIANTS_SHOWN
from tasks.imaging.augmentation import AugmentationSettings
from tasks.imaging.augmentation.augmenters import Brightness, FlipVertical, HueSaturation, Rotate
from tasks.imaging.operations.resize import ResizeSettings
from tasks.parallel import ComputeSettings
from tasks.scanning.file import ScanSettings
from tasks.stage_context import StageContext

SETTINGS = AugmentationSettings(preset="digits", variants_per_image=2)
TURNED = AugmentationSettings(augmenters=(Rotate(degrees=(180, 180)),))


def copies(workbench):
    return read_table(workbench.outputs["augment"] / MANIFEST_FILE).to_pylist()


def training_rows(workbench):
    split = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    return [row for row in split if row["split"] == "train"]


def payload(workbench, row):
    with PackReader(workbench.shared) as packs:
        return packs.read(row["pack"], row["offset"], row["length"])


def pixels(workbench, row):
    return decode_image(payload(workbench, row))


def run(workbench, settings=SETTINGS, seed=0):
    return workbench.run("augment", augment, settings, "split", seed=seed)


def test_only_training_images_have_copies_and_each_has_so_many(workbench, class_folders):
    workbench.prepare(class_folders)
    run(workbench)
    train = [key_text(row) for row in training_rows(workbench)]
    parents = [row["derived_from"] for row in copies(workbench)]
    assert parents == [name for name in train for _ in range(2)]
    assert {row["split"] for row in copies(workbench)} == {"train_augmented"}
    assert {(row["kind"], row["status"]) for row in copies(workbench)} == {("augmented", "kept")}


def test_copies_keep_shape_label_and_licence_and_differ_from_each_other(workbench, class_folders):
    workbench.prepare(class_folders)
    run(workbench)
    first, second = copies(workbench)[:2]
    assert first["derived_from"] == second["derived_from"]
    assert (first["label"], first["class_id"], first["licence"]) == ("left", 0, "CC0-1.0")
    assert first["member"].endswith("@augmented-0")
    assert second["member"].endswith("@augmented-1")
    assert pixels(workbench, first).shape == (16, 16, 1)
    assert not np.array_equal(pixels(workbench, first), pixels(workbench, second))


def test_the_same_seed_gives_the_same_copies_and_another_seed_others(workbench, class_folders):
    workbench.prepare(class_folders)
    found = []
    for seed in (0, 0, 1):
        run(workbench, seed=seed)
        found.append([row["sha256"] for row in copies(workbench)])
    assert found[0] == found[1]
    assert found[0] != found[2]


def test_more_variants_leave_those_there_were(workbench, class_folders):
    workbench.prepare(class_folders)
    found = []
    for variants in (2, 3):
        run(workbench, SETTINGS.model_copy(update={"variants_per_image": variants}))
        found.append({row["member"]: row["sha256"] for row in copies(workbench)})
    assert found[0].items() <= found[1].items()


def with_compute(context, **changes):
    values = {name: getattr(context, name) for name in StageContext.__dataclass_fields__}
    return StageContext(**values | {"compute": ComputeSettings(**changes)})


@pytest.mark.parametrize(
    "compute",
    [
        {"mode": "synchronous", "partition_size": 3},
        {"mode": "threads", "partition_size": 2, "workers": 3},
        {"mode": "processes", "partition_size": 5, "workers": 2},
    ],
)
def test_neither_partitions_nor_workers_change_a_copy(workbench, class_folders, compute):
    workbench.prepare(class_folders)
    found = []
    for changes in ({"mode": "synchronous"}, compute):
        context = with_compute(workbench.context("augment", "split"), **changes)
        augment(AugmentationSettings(preset="heavy"), context)
        rows = read_table(context.out / MANIFEST_FILE).to_pylist()
        found.append([(row["member"], row["sha256"]) for row in rows])
    assert found[0] == found[1]


@pytest.mark.parametrize("settings", [{"preset": "none"}, {"variants_per_image": 0}, {"augmenters": ()}])
def test_no_augmentation_gives_an_empty_manifest(workbench, class_folders, settings):
    workbench.prepare(class_folders)
    summary = run(workbench, AugmentationSettings(**settings))
    assert (summary["images_out"], copies(workbench)) == (0, [])


def test_images_without_labels_have_copies_without(workbench, write_images, blob_image):
    workbench.prepare(write_images({f"{number}.png": blob_image(0, number) for number in range(20)}))
    summary = run(workbench)
    assert summary["images_out"] == 2 * len(training_rows(workbench)) > 0
    assert {(row["label"], row["class_id"]) for row in copies(workbench)} == {(None, None)}


def test_grey_images_are_spared_what_needs_colour_and_the_summary_says_so(workbench, class_folders):
    workbench.prepare(class_folders)
    summary = run(workbench, AugmentationSettings(augmenters=(HueSaturation(), Rotate(degrees=(180, 180)))))
    assert summary["left_out_for_grey"] == ["hue_saturation"]
    turned = run(workbench, TURNED) and [row["sha256"] for row in copies(workbench)]
    assert summary["images_out"] == len(turned)


def test_grey_images_with_nothing_but_colour_changes_have_no_copies(workbench, class_folders):
    workbench.prepare(class_folders)
    summary = run(workbench, AugmentationSettings(augmenters=(HueSaturation(),)))
    assert (summary["images_out"], summary["images_not_varied"]) == (0, summary["images_in"])


def test_colour_images_get_all(workbench, class_folders):
    scan = ScanSettings(channels=3, resize=ResizeSettings(width_px=16, height_px=16))
    workbench.prepare(class_folders, scan=scan)
    summary = run(workbench, AugmentationSettings(preset="photographs"))
    assert (summary["left_out_for_grey"], pixels(workbench, copies(workbench)[0]).shape) == ([], (16, 16, 3))


def test_what_is_forbidden_to_a_class_is_done_to_the_others(workbench, class_folders):
    workbench.prepare(class_folders)
    listed = (FlipVertical(probability=1), Brightness(factor=(0, 0)))
    run(workbench, AugmentationSettings(augmenters=listed, forbidden={"left": ("brightness",)}))
    brightest = {row["label"]: pixels(workbench, row).max() for row in copies(workbench)}
    assert brightest["left"] > 0 == brightest["right"]


def test_a_class_to_which_all_is_forbidden_has_no_copies(workbench, class_folders):
    workbench.prepare(class_folders)
    summary = run(workbench, TURNED.model_copy(update={"forbidden": {"left": ("rotate",)}}))
    assert {row["label"] for row in copies(workbench)} == {"right"}
    assert summary["images_not_varied"] == sum(row["label"] == "left" for row in training_rows(workbench))


def test_forbidding_to_an_unknown_class_is_refused(workbench, class_folders):
    workbench.prepare(class_folders)
    sentence = "augment.forbidden names the class up; the data set's classes are left, right"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        run(workbench, SETTINGS.model_copy(update={"forbidden": {"up": ("rotate",)}}))


def test_forbidding_to_a_class_of_images_without_labels_is_refused(workbench, write_images, blob_image):
    workbench.prepare(write_images({f"{number}.png": blob_image(0, number) for number in range(20)}))
    sentence = "augment.forbidden names the class up, but the images have no labels; remove it"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        run(workbench, SETTINGS.model_copy(update={"forbidden": {"up": ("rotate",)}}))


def test_copies_that_equal_their_image_are_counted(workbench, class_folders):
    workbench.prepare(class_folders)
    summary = run(workbench, AugmentationSettings(augmenters=(Rotate(degrees=(0, 0)),)))
    assert summary["unchanged_copies"] == summary["images_out"] > 0


@pytest.mark.parametrize("encoding", ["png", "jpeg", "raw"])
def test_copies_are_encoded_as_their_images_are(workbench, class_folders, encoding):
    scan = ScanSettings(channels=3, resize=ResizeSettings(width_px=16, height_px=16), encoding=encoding)
    workbench.prepare(class_folders, scan=scan)
    run(workbench)
    assert {encoding_of(payload(workbench, row)) for row in copies(workbench)} == {encoding}


def test_each_augmenter_is_previewed_on_one_training_image(workbench, class_folders):
    workbench.prepare(class_folders)
    run(workbench, AugmentationSettings(augmenters=(Rotate(degrees=(180, 180)), FlipVertical(probability=0.01))))
    folder = workbench.outputs["augment"] / "preview"
    shown = {path.stem: decode_image(path.read_bytes()) for path in folder.iterdir()}
    assert sorted(shown) == ["00-rotate", "01-flip_vertical", "original", "together"]
    original = shown["original"]
    assert any(np.array_equal(original, pixels(workbench, row)) for row in training_rows(workbench))
    flipped = np.concatenate([original[::-1]] * VARIANTS_SHOWN, axis=1)
    np.testing.assert_array_equal(shown["01-flip_vertical"], flipped)


def test_nothing_but_packs_manifest_and_preview_is_left(workbench, class_folders):
    workbench.prepare(class_folders)
    run(workbench)
    left = sorted(path.name for path in workbench.outputs["augment"].iterdir())
    assert left == [MANIFEST_FILE, "packs", "preview"]


def test_images_that_are_called_like_copies_are_refused(workbench, class_folders):
    for path in (class_folders / "left").iterdir():
        path.rename(f"{path}@augmented-0")
    workbench.prepare(class_folders)
    odd = [row["member"] for row in training_rows(workbench) if row["label"] == "left"]
    sentence = (
        f"{len(odd)} images are called like augmented copies, such as {odd[0]}; rename them, or set augment.preset to "
        "none"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        workbench.run("augment", augment, SETTINGS, "split")
