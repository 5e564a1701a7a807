"""What is known before a run: whether the images are enough, where folders lie, and room for what would run."""

import json

import pytest

from datasets.errors import BadInput
from datasets.example_proto import encode_example
from datasets.tfds_layout import (
    DATASET_INFO_FILE,
    LATEST_FILE,
    Index,
    Normalise,
    ShardEntry,
    ShardFeatures,
    write_index,
)
from datasets.tfrecord import write_tfrecord
from flows.preflight import preflight
from flows.settings import validate
from tasks.stage import run_stage
from tasks.stages import FLOWS
from tasks.state import State, write_state

EVERYTHING, PREPARE = FLOWS["augment-dataset"], FLOWS["prepare-dataset"]


@pytest.fixture
def settings(tmp_path, write_blobs):
    """settings(per_class, **sections) -> settings of a folder with three classes of so many images."""

    def make(per_class=20, **sections):
        write_blobs(tmp_path / "blobs", per_class=per_class)
        record = {
            "dataset": "tiny",
            "workspace": tmp_path / "workspace",
            "published": tmp_path / "published",
            "source": {"path": tmp_path / "blobs"},
            "scan": {"channels": 1, "resize": {"width_px": 16, "height_px": 16}},
        }
        return validate(record | sections, "test")

    return make


@pytest.fixture
def refusal(tmp_path):
    def refused(settings, stages=EVERYTHING):
        with pytest.raises(BadInput) as caught:
            preflight(settings, stages)
        return str(caught.value).replace(str(tmp_path), "HERE")

    return refused


def test_too_small_a_gate_half_is_refused(settings, refusal):
    few = settings(split={"validation": 0.3}, synthetic_gate={"min_gate_images": 10})
    expected = (
        "HERE/blobs holds 60 files, which give at most 18 validation images, 9 of them for the synthetic gate; "
        "synthetic_gate.min_gate_images is 10; raise split.validation, add images, or run `prepare` alone"
    )
    assert refusal(few) == expected


def test_too_small_a_training_share_is_refused(settings, refusal):
    few = settings(split={"validation": 0.5, "test": 0.3})
    expected = (
        "HERE/blobs holds 60 files, which give at most 15 training images; at least 16 are needed; lower "
        "split.validation or split.test, add images, or run `prepare` alone"
    )
    assert refusal(few) == expected


def test_just_enough_is_let_through(settings):
    preflight(settings(split={"validation": 0.3}, synthetic_gate={"min_gate_images": 9}), EVERYTHING)


def test_to_prepare_few_images_are_enough(settings):
    preflight(settings(per_class=1), PREPARE)


def test_copies_that_are_kept_may_make_validation_larger_than_its_share(settings):
    preflight(settings(curate={"near_duplicates": "keep_all"}, synthetic_gate={"min_gate_images": 29}), EVERYTHING)


@pytest.mark.parametrize("what", ["workspace", "published"])
def test_a_folder_among_the_images_is_refused(settings, refusal, tmp_path, what):
    expected = (
        f"{what} HERE/blobs/in lies in the folder of images HERE/blobs, where it would be read as images; "
        "choose a place outside it"
    )
    assert refusal(settings(**{what: tmp_path / "blobs" / "in"}), PREPARE) == expected


@pytest.mark.parametrize("what", ["workspace", "published"])
def test_images_in_a_folder_of_runs_are_refused(settings, refusal, tmp_path, what):
    expected = (
        f"source.path HERE/blobs lies in {what} HERE, where runs write and remove files; "
        f"choose another folder for {what}"
    )
    assert refusal(settings(**{what: tmp_path}), PREPARE) == expected


@pytest.fixture
def publish(tmp_path):
    """publish(train, validation) writes the files that say how many images a published version has."""

    def write(train, validation):
        folder = tmp_path / "published" / "tiny" / "1.0.0"
        folder.mkdir(parents=True)
        counts = {"train": train, "validation": validation, "test": 9}
        index = Index(
            name="tiny",
            version="1.0.0",
            content_digest="0" * 64,
            features=ShardFeatures(16, 16, 1, "png", ("a", "b")),
            normalise=Normalise((0.5,), (0.5,)),
            splits={name: (ShardEntry(name, count, 1, "0" * 64),) for name, count in counts.items()},
        )
        write_index(folder, index)
        (folder / DATASET_INFO_FILE).write_text("{}")
        (folder.parent / LATEST_FILE).write_text("1.0.0")

    return write


ADVICE = "add images, of which split.validation takes its share, and run `prepare` again"


def test_a_published_version_with_too_small_a_gate_half_is_refused(settings, refusal, publish):
    publish(train=100, validation=59)
    expected = (
        "HERE/published/tiny/1.0.0 has 59 validation images, 29 of them for the synthetic gate; "
        f"synthetic_gate.min_gate_images is 30; {ADVICE}"
    )
    assert refusal(settings(), FLOWS["synthesize-dataset"]) == expected


def test_the_gate_asks_nothing_of_training_alone(settings, publish):
    publish(train=100, validation=11)
    preflight(settings(), FLOWS["train-gan"])


def test_a_published_version_with_too_few_to_select_by_is_refused(settings, refusal, publish):
    publish(train=100, validation=10)
    expected = (
        "HERE/published/tiny/1.0.0 has 10 validation images, 5 of them to select the snapshot with; "
        f"at least 6 are needed; {ADVICE}"
    )
    assert refusal(settings(), FLOWS["train-gan"]) == expected


def test_published_images_stay_in_their_split_whatever_the_shares(settings, publish):
    publish(train=30, validation=22)
    preflight(settings(synthetic_gate={"min_gate_images": 11}), EVERYTHING)


@pytest.mark.parametrize("kind", ["auto", "tfds"])
def test_a_published_version_may_be_a_source_however_it_is_named(settings, tmp_path, blob, kind):
    version = tmp_path / "published" / "other" / "1.0.0"
    version.mkdir(parents=True)
    features = "tensorflow_datasets.core.features"
    image = {"pythonClassName": f"{features}.image_feature.Image", "image": {"dtype": "uint8"}}
    (version / "features.json").write_text(json.dumps({"featuresDict": {"features": {"image": image}}}))
    splits = [{"name": "train", "shardLengths": ["5"]}]
    (version / "dataset_info.json").write_text(json.dumps({"name": "other", "version": "1.0.0", "splits": splits}))
    records = (encode_example({"image": blob(0, number)}) for number in range(5))
    write_tfrecord(version / "other-train.tfrecord-00000-of-00001", records)
    assert preflight(settings(source={"kind": kind, "path": version}), PREPARE).members == 5


def test_a_full_disk_stops_only_what_would_run(settings, refusal, monkeypatch):
    monkeypatch.setattr("flows.preflight.MIN_FREE_BYTES", 2**70)
    ready, ingest = settings(), PREPARE[0]
    assert refusal(ready, [ingest]).startswith("the disk of workspace HERE/workspace has ")
    run_stage(ingest, ready.source, ready.place, {})
    preflight(ready, [ingest])


def test_folds_are_not_for_training_a_generator(settings, refusal):
    assert refusal(settings(split={"folds": 3})) == (
        "split.folds is 3, and a generator learns from train and is judged by validation, which folds do not have; set "
        "split.folds to 0, or run `prepare` alone"
    )


def test_folds_of_a_data_set_that_was_published_without_are_refused_before_any_work(settings, refusal):
    tuned = settings(split={"folds": 3})
    tuned.place.shared.mkdir(parents=True)
    write_state(tuned.place.shared, State(splits={"image": "train"}))
    assert refusal(tuned, PREPARE) == (
        "split.folds is 3, but tiny was published with train and validation, and no image ever moves: set split.folds "
        "to 0, or give the data set another name (dataset)"
    )


def test_more_folds_than_files_are_refused(settings, refusal):
    assert refusal(settings(per_class=1, split={"folds": 3}), PREPARE) == (
        "HERE/blobs holds 3 files, too few to split; at least 4 images are needed, one each for 3 folds and test; add "
        "images"
    )


def test_missing_weights_of_the_gate_are_refused_before_training(settings, refusal, tmp_path):
    extractor = {"kind": "inception-2015", "path": tmp_path / "none.pb", "weights_sha256": "0" * 64}
    sentence = refusal(settings(per_class=100, synthetic_gate={"extractor": extractor}))
    assert sentence.startswith("synthetic_gate.extractor: ") and "HERE/none.pb" in sentence


def test_without_a_gate_its_weights_may_be_missing(settings, tmp_path):
    extractor = {"kind": "inception-2015", "path": tmp_path / "none.pb", "weights_sha256": "0" * 64}
    preflight(settings(synthetic_gate={"extractor": extractor}), PREPARE)


def test_a_workspace_that_is_a_file_is_bad_input(run_command, settings_file, blobs, tmp_path):
    (tmp_path / "file").write_text("x")
    done = run_command("prepare", settings_file("dataset: d\nsource: {path: blobs}\nworkspace: file\n"), "--dry-run")
    sentence = f"bad input: workspace {tmp_path / 'file'} cannot be written; choose another folder\n"
    assert (done.returncode, done.stderr) == (2, sentence)
