"""The generator beside its images, and what is made with it again."""

import json
import re
import shutil

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from datasets.readers import load_numpy
from gan.discriminator import save_discriminator
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sample_grid import read_picture
from gan.sampling import load_generator
from tasks.generate import GenerateSettings
from tasks.published_generator import sample_as_published, sample_new
from tests.tasks.published_pair import SEED, Pair, published_pair

NUMBERS = {"left": range(3), "right": range(3, 6)}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return published_pair(tmp_path_factory.mktemp("pair"))


@pytest.fixture
def version(pair, tmp_path):
    shutil.copytree(pair.published / "tiny_synthetic", tmp_path / "tiny_synthetic")
    return tmp_path / "tiny_synthetic" / "1.0.0"


def test_the_published_bytes_come_again_from_the_published_folder_alone(version, tmp_path):
    made = sample_as_published(version, tmp_path / "again")
    assert (made.images, made.same, made.seed) == (16, 16, SEED)
    published = load_numpy(version, "train")
    by_id = dict(zip(published.ids, published.images, strict=True))
    for path in (tmp_path / "again").rglob("*.png"):
        key = f"tiny_generator/{path.parent.name}/{path.stem}#0"
        np.testing.assert_array_equal(read_picture(path), by_id[key])


def test_rejected_samples_are_skipped_again_without_the_judges(pair, tmp_path):
    other = Pair(tmp_path / "rejecting")
    shutil.copytree(pair.published, other.published)
    other.outputs |= pair.outputs
    spec = ModelSpec(resolution_px=16, channels=1, classes=2, latent_size=6, width=4, max_width=16)
    trained = shutil.copytree(pair.outputs["train"], tmp_path / "trained")
    save_discriminator(FAMILIES["conv"].build_partner(spec, 2).get_weights(), spec, trained)
    other.outputs["train"] = trained
    rejection = {"keep_share": 0.3, "max_attempts": 100}
    other.publish_synthetic(GenerateSettings(images_per_class=12, rejection=rejection))
    version = other.published / "tiny_synthetic" / "1.1.0"
    assert np.load(version / "generator" / "attempts.npy").max() > 0
    made = sample_as_published(version, tmp_path / "again")
    assert made.same == made.images == 24


def test_new_images_depend_on_the_seed_alone(version, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        made = sample_new(version.parent, per_class=3, seed=seed, out=tmp_path / name)
        assert (made.images, made.same, made.version) == (6, None, "1.0.0")
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.png"))
    left, right = ([f"{name}/{number:07d}.png" for number in numbers] for name, numbers in NUMBERS.items())
    assert [path.as_posix() for path in files] == [*left, *right]
    first, again, other = ([(tmp_path / name / file).read_bytes() for file in files] for name in "abc")
    assert first == again != other


def test_the_folder_says_what_made_the_images(version, tmp_path):
    made = sample_new(version, per_class=1, seed=5, out=tmp_path / "more")
    assert json.loads((tmp_path / "more" / "sample.json").read_text()) == {
        "kind": "synthetic",
        "made_by": "the generator of tiny_synthetic 1.0.0",
        "name": "tiny_synthetic",
        "version": "1.0.0",
        "weights_sha256": made.weights_sha256,
        "seed": 5,
        "truncation": 1.0,
        "images": 2,
        "folders": {"left": "left", "right": "right"},
    }


@pytest.mark.parametrize("as_published", [False, True])
def test_a_class_that_is_no_folder_name_gets_a_folder_of_its_own(version, tmp_path, as_published):
    index = json.loads((version / "index.json").read_text())
    index["class_names"] = ["(other)", "class_0", "class_0_"]  # the generator knows two; a third came later
    (version / "index.json").write_text(json.dumps(index))
    out = tmp_path / "made"
    made = sample_as_published(version, out) if as_published else sample_new(version, 8, 1, out)
    counts = {folder.name: len(list(folder.iterdir())) for folder in out.iterdir() if folder.is_dir()}
    assert counts == {"class_0__": 8, "class_0": 8}
    assert made.images == 16
    assert json.loads((out / "sample.json").read_text())["folders"] == {"class_0__": "(other)", "class_0": "class_0"}


def test_the_keras_file_has_the_same_bytes_each_time_and_the_weights_of_the_generator(pair, version):
    import keras

    path = version / "generator" / "generator.keras"
    assert path.read_bytes() == (pair.outputs["generate"] / "generator.keras").read_bytes()
    weights = keras.models.load_model(path).get_weights()
    expected = load_generator(version / "generator").network.get_weights()
    assert all(np.array_equal(mine, other) for mine, other in zip(weights, expected, strict=True))


@pytest.mark.parametrize(
    ("which", "files"),
    [("none", set()), ("weights", {"generator.json", "generator.weights.npz"})],
)
def test_what_of_the_generator_is_published_is_a_setting(pair, tmp_path, which, files):
    other = Pair(tmp_path / "other")
    shutil.copytree(pair.published / "tiny", other.published / "tiny")
    other.outputs |= pair.outputs
    other.publish_synthetic(generator=which)
    folder = other.published / "tiny_synthetic" / "1.0.0" / "generator"
    assert {path.name for path in folder.glob("*")} == files


def test_a_real_version_has_no_generator(pair, tmp_path):
    version = pair.published / "tiny" / "1.0.0"
    sentence = (
        f"{version} holds no generator (no generator/generator.json); name a synthetic version that was published with "
        "publish.generator weights or keras"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        sample_new(version, 1, 1, tmp_path / "more")


def test_a_folder_that_holds_something_is_refused(version, tmp_path):
    sentence = f"{tmp_path} holds something already; name a folder that does not exist yet"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        sample_new(version, 1, 1, tmp_path)


def test_attempts_of_another_number_of_images_are_refused(version, tmp_path):
    path = version / "generator" / "attempts.npy"
    np.save(path, np.zeros(3, np.uint16))
    sentence = f"{path}: is uint16 of shape (3,), not a number for each of 16 images; copy the version again"
    with pytest.raises(FormatError, match=f"^{re.escape(sentence)}$"):
        sample_as_published(version, tmp_path / "again")
