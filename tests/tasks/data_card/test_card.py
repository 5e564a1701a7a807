"""The card of a real and of a synthetic version: what it says, and that what it says works."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gan.sample_grid import read_picture
from tasks.digests import file_digests
from tests.tasks.published_pair import published_pair

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return published_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture(scope="module")
def cards(pair):
    """Text of both cards, by data set."""
    return {name: (pair.published / name / "1.0.0" / "README.md").read_text() for name in ("tiny", "tiny_synthetic")}


def head_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def rows_of(card, section):
    """Cells of the lines of a section's tables, without their heads."""
    lines = card.split(f"\n## {section}\n")[1].split("\n## ")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines if line.startswith("| ")][1:]


def test_the_header_is_what_huggingface_reads(cards):
    assert head_of(cards["tiny"]) == {
        "pretty_name": "tiny 1.0.0",
        "license": "cc0-1.0",
        "task_categories": ["image-classification"],
        "size_categories": ["n<1K"],
        "tags": ["image", "tfrecord", "tensorflow-datasets", "augment-dataset", "augmented"],
    }


def test_synthetic_images_are_called_so_in_header_and_text(cards):
    assert {"synthetic", "gan"} <= set(head_of(cards["tiny_synthetic"])["tags"])
    assert "\n**Every image in this data set is synthetic.**" in cards["tiny_synthetic"]
    assert "synthetic" not in cards["tiny"]


def test_counts_are_those_of_the_index(cards, pair):
    splits = pair.index("tiny")["splits"]
    total = rows_of(cards["tiny"], "Counts")[-1]
    names = ("train", "validation", "test", "train_augmented")
    assert total == ["**all**", *(str(splits[name]["records"]) for name in names)]
    assert rows_of(cards["tiny_synthetic"], "Counts") == [["left", "8"], ["right", "8"], ["**all**", "16"]]


def test_rejects_are_named_with_their_reason(cards):
    assert rows_of(cards["tiny"], "What was left out") == [
        ["not_an_image", "1", "a file that begins like no image format"]
    ]


def test_sources_and_licences_are_named(cards):
    for card in cards.values():
        assert rows_of(card, "Sources and licences") == [["images", "40", "CC0-1.0"]]


def test_a_class_that_is_brighter_is_named_as_a_bias(cards):
    biases = cards["tiny"].split("\n## Biases seen\n")[1].split("\n## ")[0]
    assert re.search(r"\n- right: brightness [\d.]+, [\d.]+ standard deviations above the mean of all ", biases)
    assert "All 2 classes have" in biases


def test_the_settings_are_those_that_are_not_the_defaults_without_paths(cards, pair):
    told = {row[0]: row[1] for row in rows_of(cards["tiny"], "Settings")}
    assert told["scan.channels"] == "1"
    assert "source.path" not in told
    assert all(str(pair.base) not in card for card in cards.values())


def test_what_was_measured_on_test_is_said_to_decide_nothing(cards):
    gate = cards["tiny_synthetic"].split("\n## Quality gate\n")[1]
    before, _, reported = gate.partition("Reported only; none of these decided anything")
    assert "value on test" not in before
    assert "| value on test | 0.5 |" in reported
    assert cards["tiny_synthetic"].count("value on test") == 1


def test_it_says_how_synthetic_images_were_made(cards, pair):
    made = cards["tiny_synthetic"].split("\n## How the images were made\n")[1].split("\n## ")[0]
    weights = pair.index("tiny_synthetic")["lineage"]["generator"]["weights_sha256"]
    assert "of the family conv, trained on the split `train` of tiny 1.0.0 alone" in made
    assert f"sha256 `{weights}`" in made
    assert "Sampling: seed 3, truncation 1.0." in made


def test_every_picture_is_there_and_small(cards, pair):
    for name, card in cards.items():
        files = re.findall(r"!\[[^]]*\]\(([^)]+)\)", card)
        assert files
        for file in files:
            picture = read_picture(pair.published / name / "1.0.0" / file)
            assert picture.shape[0] <= 102
            assert picture.shape[1] <= 530


def test_the_same_images_and_settings_in_another_place_give_the_same_files(pair, tmp_path):
    again = published_pair(tmp_path)
    by_place = {"lineage.json", "index.json"}  # fingerprints of stages, which know the folder of the source
    for name in ("tiny", "tiny_synthetic"):
        first, second = (file_digests(found.published / name / "1.0.0", by_place) for found in (pair, again))
        assert {"README.md", "samples/train.png"} <= first.keys()
        assert first == second


def test_the_code_of_the_card_runs_in_its_folder(cards, pair, tmp_path):
    """In that of a synthetic version, which has sub-folders: TFDS opens it all the same."""
    version = shutil.copytree(pair.published / "tiny_synthetic" / "1.0.0", tmp_path / "1.0.0")
    code, other = ("\n".join(re.findall(r"```python\n(.*?)```", card, flags=re.DOTALL)) for card in cards.values())
    assert code == other
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=version,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    first, second, last = done.stdout.splitlines()
    assert first.startswith("(16, 16, 1) "), done.stderr[-2000:]
    assert second.startswith("(16, 16, 1) ")
    assert last.endswith("16, 16, 1) uint8")
