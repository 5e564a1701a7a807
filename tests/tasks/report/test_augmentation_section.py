"""The report's section on augmentation, on a run whose previews were made by the stage's own function."""

import numpy as np
import pytest

from tasks.augmentation_preview import write_preview
from tasks.imaging.augmentation import AugmentationSettings
from tasks.report.absent import Absent
from tasks.report.augmentation_section import augmentation, described
from tasks.report.build import render
from tasks.report.evidence import Evidence
from tasks.report.pictures import Album

CHOSEN = {
    "augmenters": [{"kind": "rotate", "degrees": [-5, 5]}, {"kind": "hue_saturation"}, {"kind": "blur"}],
    "forbidden": {"shoe": ["rotate"]},
}


@pytest.fixture
def record(workspace, blob_pixels):
    """A run with previews of two augmenters, the third being left out as images are grey."""
    workspace.prepare()
    settings = AugmentationSettings.model_validate(CHOSEN)
    stage = next(stage for stage in workspace.stages if stage["name"] == "augment")
    folder = workspace.shared / "augment" / "0123456789abcdef"
    write_preview(settings, blob_pixels, 7, folder)
    stage["summary"] |= {"left_out_for_grey": ["hue_saturation"], "images_not_varied": 0, "unchanged_copies": 3}
    made = workspace.record()
    made["settings"]["augment"] = settings.model_dump(mode="json")
    return made


@pytest.fixture
def blob_pixels():
    return np.random.default_rng(0).integers(0, 256, (20, 28, 1), dtype=np.uint8)


def content(record):
    evidence = Evidence(record)
    with Album(evidence.shared) as album:
        return augmentation(evidence, album)


def test_each_augmenter_has_a_row_and_all_together_the_last(record):
    rows = content(record)["augmenters"]
    assert [row["name"] for row in rows] == ["rotate", "blur", "all together"]
    assert rows[0]["setting"] == "fill edge, degrees -5 to 5, probability 1"
    assert [row["picture"].alt for row in rows[:1]] == ["rotate: 5 variants of the image"]


def test_what_was_not_done_is_told(record):
    assert content(record)["notes"] == [
        "Left out, as it needs colour and these images are grey: hue_saturation.",
        "Forbidden to the class shoe: rotate.",
        "3 copies equal their image, as no augmenter was drawn for them or none had an effect.",
    ]


def test_the_page_shows_the_variants_with_texts(record):
    page = render(record)
    assert page.count('alt="blur: 5 variants of the image"') == 1
    assert '<th scope="row">rotate</th>' in page


def test_a_run_without_previews_still_shows_copies(whole_run):
    found = content(whole_run)
    assert (found["augmenters"], found["notes"]) == ([], [])
    assert len(found["rows"]) > 0


def test_without_copies_the_section_says_why(workspace):
    assert content(workspace.record()) == Absent("no copies of training images were made in this run")


def test_settings_are_described_in_a_line():
    (step,) = AugmentationSettings.model_validate({"augmenters": [{"kind": "cutout", "share": [0.2, 0.2]}]}).listed
    assert described(step) == "share 0.2, count 1, fill grey, probability 0.3"
