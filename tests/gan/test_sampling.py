import json
import re
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput, FormatError
from gan.models.families.conv import build_generator
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator, load_generator
from gan.weight_files import read_arrays, write_arrays


def make(classes: int = 3, names: tuple[str, ...] | None = ("a", "b", "c")) -> Generator:
    spec = ModelSpec(resolution_px=16, channels=3, classes=classes, latent_size=6, width=4, max_width=16)
    return Generator(build_generator(spec, seed=1), spec, names)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return make()


LABELS = np.arange(230) % 3


def test_images_are_uint8_and_use_the_range(generator: Generator) -> None:
    images = generator.sample(LABELS, seed=5)
    assert (images.shape, images.dtype) == ((230, 16, 16, 3), np.uint8)
    assert images.std() > 20


@pytest.mark.parametrize(("first", "count"), [(0, 1), (0, 99), (37, 150), (229, 1)], ids=str)
def test_any_part_made_apart_is_the_same(generator: Generator, first: int, count: int) -> None:
    whole = generator.sample(LABELS, seed=5)
    part = generator.sample(LABELS[first : first + count], seed=5, first=first)
    np.testing.assert_array_equal(part, whole[first : first + count])


def test_an_image_does_not_depend_on_its_neighbours(generator: Generator) -> None:
    others = np.where(np.arange(230) == 40, LABELS, 0)
    np.testing.assert_array_equal(generator.sample(others, seed=5)[40], generator.sample(LABELS, seed=5)[40])


def test_seeds_and_labels_matter(generator: Generator) -> None:
    zero, one = np.zeros(1, int), np.ones(1, int)
    assert not np.array_equal(generator.sample(zero, seed=1), generator.sample(zero, seed=2))
    assert not np.array_equal(generator.sample(zero, seed=1), generator.sample(one, seed=1))


def test_a_larger_latent_scale_varies_the_images_of_a_class_more() -> None:
    spreads = []
    for scale in (0.5, 1.0):
        spec = make().spec.model_copy(update={"latent_scale": scale})
        images = Generator(build_generator(spec, seed=1), spec, ("a", "b", "c")).sample(np.zeros(50, int), seed=5)
        spreads.append(images.std(axis=0).mean())
    assert spreads[0] < 0.8 * spreads[1]


def test_no_labels_give_no_images(generator: Generator) -> None:
    assert generator.sample(np.empty(0, int), seed=0).shape == (0, 16, 16, 3)


def test_an_unconditional_generator_takes_a_count() -> None:
    assert make(classes=0, names=None).sample(7, seed=0).shape == (7, 16, 16, 3)


def test_a_generator_of_one_class_takes_labels_and_counts() -> None:
    generator = make(classes=0, names=("only",))
    np.testing.assert_array_equal(generator.sample(np.zeros(7, int), seed=0), generator.sample(7, seed=0))


def test_a_count_is_refused_where_labels_are_needed(generator: Generator) -> None:
    sentence = "a count of 5 for a generator of 3 classes; give one label per image"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        generator.sample(5, seed=0)


def test_labels_are_refused_where_there_are_none() -> None:
    sentence = "2 labels for a generator that knows no classes; give a count"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        make(classes=0, names=None).sample(np.zeros(2, int), seed=0)


def test_unknown_labels_are_refused(generator: Generator) -> None:
    with pytest.raises(BadInput, match=re.escape("labels span 0..3; this generator knows 0..2")):
        generator.sample(np.array([0, 3]), seed=0)


def test_a_saved_generator_makes_the_same_images(generator: Generator, tmp_path: Path) -> None:
    generator.save(tmp_path)
    loaded = load_generator(tmp_path)
    assert (loaded.spec, loaded.class_names) == (generator.spec, generator.class_names)
    assert loaded.weights_sha256 == generator.weights_sha256
    np.testing.assert_array_equal(loaded.sample(LABELS, seed=5), generator.sample(LABELS, seed=5))


def test_an_empty_folder_holds_no_generator(tmp_path: Path) -> None:
    sentence = f"{tmp_path}: no generator here (no generator.json); train one first"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        load_generator(tmp_path)


def test_another_version_is_refused(generator: Generator, tmp_path: Path) -> None:
    generator.save(tmp_path)
    path = tmp_path / "generator.json"
    path.write_text(path.read_text().replace('"format_version": 1', '"format_version": 2'))
    sentence = f"{path}: generator version 2, this code reads 1; train again"
    with pytest.raises(FormatError, match=re.escape(sentence)):
        load_generator(tmp_path)


def test_weights_of_another_generator_are_refused(generator: Generator, tmp_path: Path) -> None:
    generator.save(tmp_path)
    arrays, record = read_arrays(tmp_path / "generator.weights.npz")
    write_arrays(tmp_path / "generator.weights.npz", {**arrays, "000": arrays["000"] + 1}, record)
    sentence = f"{tmp_path}: generator.weights.npz and generator.json are of different generators; train again"
    with pytest.raises(FormatError, match=re.escape(sentence)):
        load_generator(tmp_path)


def test_truncation_scales_the_latents() -> None:
    half = make().spec.model_copy(update={"latent_scale": 0.5})
    scaled = Generator(FAMILIES["conv"].build_generator(half, 1), half, ("a", "b", "c")).sample(LABELS, seed=5)
    np.testing.assert_array_equal(make().sample(LABELS, seed=5, truncation=0.5), scaled)


def test_another_attempt_is_another_image_of_the_same_class(generator: Generator) -> None:
    first, second = (generator.sample(LABELS, seed=5, attempt=attempt) for attempt in (0, 1))
    assert not (first == second).all(axis=(1, 2, 3)).any()


def test_the_saved_rules_give_the_images_without_this_project(generator: Generator, tmp_path: Path) -> None:
    generator.save(tmp_path)
    rules = json.loads((tmp_path / "generator.json").read_text())["how_to_use"]
    seed, i = 5, 2
    latents = eval(rules["latents_of_image_i"], {"numpy": np, "seed": seed, "i": i})
    images = np.asarray(generator.network([latents[None].astype("float32"), np.array([2], np.int32)]))
    made = eval(rules["to_uint8"], {"numpy": np, "images": images})
    difference = made[0].astype(int) - generator.sample(np.array([2]), seed=seed, first=i)[0].astype(int)
    assert np.abs(difference).max() <= 1
