"""What docs/splits.md shows is real: its settings are read, its folds are published and its Python is run."""

import re
from pathlib import Path

import pytest
import yaml

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.sources import source_settings
from datasets.splits import augmented_split, fold_names
from datasets.tfds_layout import read_index
from tasks.augment import augment
from tasks.gate_data import DataGateSettings, gate_data
from tasks.imaging.augmentation import AugmentationSettings
from tasks.publish import PublishSettings, publish_real
from tasks.shard import ShardSettings, shard_real
from tasks.split import split
from tasks.splitting.settings import SplitSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "splits.md").read_text(encoding="utf-8")
SETTINGS = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)]
FOLDS = next(record["split"] for record in SETTINGS if "folds" in record.get("split", {}))


@pytest.fixture
def published(workbench, class_folders):
    """The page's folds of two classes with 20 images each, published with augmented copies; its folder."""
    workbench.prepare(class_folders, split=SplitSettings(**FOLDS))
    workbench.run("augment", augment, AugmentationSettings(preset="light", variants_per_image=1), "split")
    workbench.run("shard", shard_real, ShardSettings(), "split", "augment")
    assert workbench.run("gate_data", gate_data, DataGateSettings(), "curate", "split", "shard")["verdict"] == "passed"
    workbench.run("publish_data", publish_real, PublishSettings(), "shard", "gate_data")
    return workbench.published / "tiny"


def test_folds_are_published_with_their_copies_and_the_python_of_the_page_validates_across_them(published, capsys):
    index = read_index(published / "1.0.0")
    copies = [augmented_split(name) for name in fold_names(5)]
    assert [index.records(name) for name in fold_names(5)] == [7, 7, 7, 7, 6]
    assert [index.records(name) for name in copies] == [7, 7, 7, 7, 6]
    assert set(index.splits) == {*fold_names(5), "test", *copies}
    for copy in read_table(published / "1.0.0" / MANIFEST_FILE).to_pylist():
        assert (copy["kind"] == "augmented") == (copy["split"] in copies)
    code = re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1]
    names = {}
    exec(code.replace("published/photos", str(published)), names)
    assert len(names["accuracies"]) == 5
    assert capsys.readouterr().out.endswith("on average of 5 folds\n")


def test_the_number_of_folds_never_changes_once_published(published, workbench):
    with pytest.raises(BadInput) as caught:
        workbench.run("split", split, SplitSettings(), "curate")
    assert str(caught.value) == (
        "split.folds is 0, but tiny was published with 5 folds, and no image ever moves: set split.folds to 5, or give "
        "the data set another name (dataset)"
    )
    assert workbench.run("split", split, SplitSettings(**FOLDS | {"test": 0.3}), "curate")["splits"]["fold_0"] == 7


def test_words_of_a_column_decide_and_rows_without_one_go_by_shares(workbench, write_images, blob_image):
    """The page's table, with words of its own, known words, and rows without any."""
    words = ["holdout"] * 8 + ["dev"] * 8 + ["train"] * 20 + ["extra"] * 2 + [""] * 2
    folder = write_images({f"{number:02d}.png": blob_image(number % 2, number) for number in range(40)}, "pictures")
    lines = [f"{number:02d}.png,{'ab'[number % 2]},{word}" for number, word in enumerate(words)]
    (folder / "labels.csv").write_text("file,label,part\n" + "\n".join(lines) + "\n")
    told = next(record["source"] for record in SETTINGS if "source" in record)
    source = source_settings(**told | {"path": folder, "table": str(folder / "labels.csv"), "licence": "CC0-1.0"})
    workbench.prepare(folder, source=source)
    rows = read_table(workbench.outputs["split"] / MANIFEST_FILE).to_pylist()
    of_word = {word: {row["split"] for row, said in zip(rows, words, strict=False) if said == word} for word in words}
    assert of_word["holdout"] == {"test"}
    assert of_word["dev"] == {"validation"}
    assert of_word["train"] == {"train"}
    assert of_word["extra"] | of_word[""] <= {"train", "validation", "test"}
