import json
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets.errors import BadInput
from datasets.image_codec import decode_image
from datasets.manifest import MANIFEST_FILE, read_table
from datasets.pixel_packs import PackReader
from datasets.tfds_layout import read_index
from gan.discriminator import save_discriminator
from gan.extractors.embedded import classifier_extractor, random_conv_extractor, save_extractor
from gan.models.mapping_network import has_styles
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator
from gan.settings import ClassifierSettings
from tasks.gate_synthetic import judges_of
from tasks.generate import (
    KERAS_FILE,
    LENGTHLESS,
    SAMPLING_FILE,
    WITHOUT_DISCRIMINATOR,
    GenerateSettings,
    check_sampling,
    generate,
)
from tasks.parallel import ComputeSettings
from tasks.quotas import shared_out, untrained, wanted_labels
from tasks.shard import ShardSettings
from tasks.shard_synthetic import shard_synthetic
from tasks.stage_context import StageContext
from tasks.validation_halves import validation_halves
from tests.tasks.tiny_versions import tiny


def test_every_class_gets_its_quota_in_order():
    settings = GenerateSettings(images_per_class=2, quotas={"b": 3})
    assert wanted_labels(settings, ("a", "b")).tolist() == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("rule", [{}, {"fill_to": 100}, {"balance": "fill_up"}, {"total": 60}], ids=str)
def test_estimates_are_never_below_what_is_made(rule):
    settings = GenerateSettings(images_per_class=10, quotas={"a": 50}, **rule)
    made = wanted_labels(settings, ("a", "b"), (5, 20))
    assert len(made) <= settings.most_images(images=25, classes=2)


def test_without_classes_the_number_is_that_of_all_images():
    assert wanted_labels(GenerateSettings(images_per_class=4), None).tolist() == [0, 0, 0, 0]


def test_a_quota_of_an_unknown_class_is_bad_input():
    with pytest.raises(BadInput, match=f"^{re.escape('generate.quotas names c; the classes are a, b')}$"):
        wanted_labels(GenerateSettings(quotas={"c": 1}), ("a", "b"))


def test_a_quota_where_there_are_no_classes_is_bad_input():
    sentence = "generate.quotas names b, x, and the data has no classes; leave quotas out"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(quotas={"x": 1, "b": 2}), None, [5])


def test_a_class_without_training_images_is_not_made_whatever_its_quota():
    settings = GenerateSettings(images_per_class=2, quotas={"b": 3})
    assert wanted_labels(settings, ("a", "b", "c"), [5, 0, 1]).tolist() == [0, 0, 2, 2]


def test_classes_without_training_images_are_named():
    assert untrained(("a", "b", "c"), [0, 4, 0]) == ["a", "c"]


def test_no_image_at_all_is_bad_input():
    sentence = (
        "generate.quotas is 0 for every class that has training images, a; at least one needs 1 image or more; "
        "raise a quota, or leave it out to get generate.images_per_class"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(quotas={"a": 0}), ("a", "b"), [3, 0])


def test_validation_halves_are_disjoint_complete_and_even_in_every_class():
    ids = [f"image-{number}" for number in range(101)]
    labels = np.arange(101) % 5
    select, gate = validation_halves(ids, labels)
    assert sorted([*select, *gate]) == list(range(101))
    for label in range(5):
        assert abs(int((labels[select] == label).sum()) - int((labels[gate] == label).sum())) <= 1


def test_validation_halves_do_not_depend_on_the_order_of_the_images():
    ids = [f"image-{number}" for number in range(50)]
    labels = np.arange(50) % 3
    order = np.random.default_rng(0).permutation(50)
    select, _ = validation_halves(ids, labels)
    shuffled, _ = validation_halves([ids[index] for index in order], labels[order])
    assert {ids[index] for index in select} == {ids[order[index]] for index in shuffled}


def test_classes_are_filled_up_to_a_number_with_quotas_going_before():
    settings = GenerateSettings(fill_to=5, quotas={"c": 1})
    assert wanted_labels(settings, ("a", "b", "c"), [3, 9, 4]).tolist() == [0, 0, 2]


def test_without_classes_all_images_together_are_filled_up():
    assert len(wanted_labels(GenerateSettings(fill_to=5), None, [3])) == 2


@pytest.mark.parametrize(("quotas", "which"), [({}, "no class"), ({"a": 0}, "no class without a quota")], ids=str)
def test_where_every_class_is_full_nothing_can_be_made(quotas, which):
    sentence = (
        f"generate.fill_to is 5, and {which} has fewer real training images; raise it, or leave it out to get "
        "generate.images_per_class"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(fill_to=5, quotas=quotas), ("a", "b"), [5, 9])


def counted(settings, *training):
    names = tuple("abcdef"[: len(training)])
    return np.bincount(wanted_labels(settings, names, training), minlength=len(training)).tolist()


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"total": 10}, [4, 3, 3]),
        ({"total": 10, "quotas": {"c": 1}}, [5, 4, 1]),
        ({"total": 100, "balance": "as_real"}, [10, 30, 60]),
        ({"images_per_class": 20, "balance": "as_real"}, [6, 18, 36]),
        ({"balance": "fill_up"}, [50, 30, 0]),
        ({"balance": "fill_up", "quotas": {"c": 5}}, [50, 30, 5]),
    ],
    ids=str,
)
def test_quotas_of_classes_with_10_30_and_60_training_images(changes, wanted):
    assert counted(GenerateSettings(**changes), 10, 30, 60) == wanted


def test_a_class_without_training_images_gets_no_share_of_a_total():
    assert counted(GenerateSettings(total=10), 5, 0, 5) == [5, 0, 5]


def test_a_quota_of_a_class_without_training_images_takes_nothing_from_a_total():
    assert counted(GenerateSettings(total=10, quotas={"a": 3, "b": 5}), 5, 0, 5) == [3, 0, 7]


def test_quotas_of_all_classes_may_be_a_total():
    assert counted(GenerateSettings(total=6, quotas={"a": 3, "b": 3}), 5, 5) == [3, 3]


@pytest.mark.parametrize(
    ("quotas", "training", "asked"),
    [
        ({"a": 3, "b": 3}, (5, 5), "6 images of all classes that have training images, a, b"),
        ({"a": 3, "b": 3}, None, "6 images of all classes that have training images, a, b"),
        ({"a": 3, "b": 5}, (5, 0), "3 images of all classes that have training images, a"),
    ],
    ids=str,
)
def test_a_total_that_quotas_of_all_classes_do_not_reach_is_bad_input(quotas, training, asked):
    sentence = (
        f"generate.total is 10, and generate.quotas asks for {asked}; let them be equal, or leave out the quota of a "
        "class that is to get the rest"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(total=10, quotas=quotas), ("a", "b"), training)


@given(st.integers(0, 10_000), st.lists(st.integers(0, 500), min_size=1, max_size=8))
def test_shares_add_up_and_are_off_by_less_than_one(total, weights):
    shares = shared_out(total, weights)
    assert sum(shares) == (total if sum(weights) else 0)
    assert all(
        abs(share - total * weight / max(1, sum(weights))) < 1 for share, weight in zip(shares, weights, strict=True)
    )


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"fill_to": 5, "balance": "as_real"}, "fill_to and balance as_real both say how many; leave one out"),
        ({"fill_to": 5, "total": 9}, "total and fill_to both say how many; leave one out"),
        ({"balance": "fill_up", "total": 9}, "total and balance fill_up both say how many; leave one out"),
        ({"total": 3, "quotas": {"a": 4}}, "total is 3, and quotas alone ask for 4; raise it, or lower them"),
    ],
    ids=str,
)
def test_settings_that_contradict_each_other_are_refused(changes, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)):
        GenerateSettings(**changes)


@pytest.mark.parametrize(
    ("quotas", "names", "training", "why"),
    [
        ({}, ("a", "b"), (4, 4), "no class has fewer real training images than the largest"),
        ({"b": 0}, ("a", "b"), (4, 2), "no class without a quota has fewer real training images than the largest"),
        ({}, ("a",), (4,), "only one class, a, has real training images"),
        ({}, ("a", "b"), (0, 4), "only one class, b, has real training images"),
        ({}, None, (4,), "the data has no classes"),
    ],
    ids=str,
)
def test_where_no_class_is_smaller_than_the_largest_there_is_nothing_to_fill_up(quotas, names, training, why):
    sentence = f"generate.balance is fill_up, and {why}; take even to get generate.images_per_class"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        wanted_labels(GenerateSettings(balance="fill_up", quotas=quotas), names, training)


NAMES = ("a", "b", "c")


@pytest.fixture
def stage(tmp_path):
    """`stage(**settings)` runs `generate` on an untrained generator of three classes, and gives summary and folder."""
    tiny(name="tiny", height_px=16, width_px=16, channels=1, class_names=NAMES).write(
        tmp_path / "published" / "tiny" / "1.0.0"
    )
    trained = tmp_path / "trained"
    trained.mkdir()
    spec = ModelSpec(resolution_px=16, channels=1, classes=3, latent_size=6, width=4, max_width=16)
    Generator(FAMILIES["conv"].build_generator(spec, 1), spec, NAMES).save(trained)
    save_discriminator(FAMILIES["conv"].build_partner(spec, 2).get_weights(), spec, trained)

    def context(name, **inputs):
        out = tmp_path / "tiny" / name
        out.mkdir(parents=True)
        return StageContext(
            dataset="tiny",
            seed=4,
            inputs={"train": trained, **inputs},
            out=out,
            place=name,
            shared=tmp_path / "tiny",
            published=tmp_path / "published",
            recipe="0" * 64,
            compute=ComputeSettings(mode="synchronous"),
        )

    def run(name="out", **settings):
        at = context(name)
        return generate(GenerateSettings(**settings), at), at.out

    run.context = context
    run.trained, run.shared = trained, tmp_path / "tiny"
    return run


def images_in(stage, out):
    rows = read_table(out / MANIFEST_FILE, ["pack", "offset", "length", "label"]).to_pylist()
    with PackReader(stage.shared) as packs:
        return np.stack([decode_image(packs.read(row["pack"], row["offset"], row["length"])) for row in rows]), rows


def test_truncation_and_seed_are_told_and_every_class_gets_its_images(stage):
    summary, out = stage(images_per_class=7, truncation=0.6)
    images, rows = images_in(stage, out)
    assert images.shape == (21, 16, 16, 1)
    assert Counter(row["label"] for row in rows) == {"a": 7, "b": 7, "c": 7}
    assert summary["sampling"] == json.loads((out / SAMPLING_FILE).read_text()) == {"truncation": 0.6}


def test_chunks_do_not_change_the_images(stage, monkeypatch):
    whole, _ = images_in(stage, stage("whole", images_per_class=30, rejection={"keep_share": 0.5})[1])
    monkeypatch.setattr("tasks.generate.CHUNK_IMAGES", 17)
    parts, _ = images_in(stage, stage("parts", images_per_class=30, rejection={"keep_share": 0.5})[1])
    np.testing.assert_array_equal(parts, whole)


def test_rejection_by_score_is_counted_by_class(stage):
    summary, _ = stage(images_per_class=30, rejection={"keep_share": 0.5, "max_attempts": 60})
    told = summary["sampling"]["rejection"]
    assert {name: by_class["kept"] for name, by_class in told["by_class"].items()} == {"a": 30, "b": 30, "c": 30}
    by_score = sum(by_class["low_score"] for by_class in told["by_class"].values())
    assert summary["rejected"] == {"low_score": by_score}
    assert 30 < by_score < 250
    assert len(told["judges"]["low_score"]["sha256"]) == 64


def test_rejection_by_class_ends_in_a_sentence_where_the_generator_cannot_make_one(stage, blob_image):
    images = np.stack([blob_image(label, number) for label in range(3) for number in range(20)])
    small = ClassifierSettings(width=4, feature_size=8, budget_images=320, batch_size=32)
    judge = classifier_extractor(images, np.repeat(np.arange(3), 20), 3, small, seed=0)
    save_extractor(judge, stage.trained / "extractor.npz")
    sentence = (
        r"generate\.rejection turned down 2 samples for one image of a? ?.*images missing, .* kept; .* other_class\)"
        r".*; raise max_attempts or keep_share, set check_class to false, lower the quota of the class, or train longer"
    )
    with pytest.raises(BadInput, match=sentence):
        stage(images_per_class=30, rejection={"check_class": True, "max_attempts": 2})


def test_without_a_classifier_no_class_can_be_checked(stage):
    save_extractor(random_conv_extractor((16, 16, 1), 0), stage.trained / "extractor.npz")
    sentence = "generate.rejection.check_class needs a generator of two classes or more; set it to false for this one"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        stage(images_per_class=3, rejection={"check_class": True})


def test_the_gate_reads_which_networks_rejected_samples(tmp_path):
    version = tiny(name="tiny_synthetic", kind="synthetic").write(tmp_path / "1.0.0")
    assert judges_of(version) == frozenset()
    index = json.loads((version / "index.json").read_text())
    index["lineage"]["sampling"] = {"truncation": 1.0, "rejection": {"judges": {"other_class": {"sha256": "ab" * 32}}}}
    (version / "index.json").write_text(json.dumps(index))
    assert judges_of(version) == frozenset({"ab" * 32})


def test_a_synthetic_version_names_its_generator_and_how_it_was_sampled(stage):
    summary, made = stage(images_per_class=5, truncation=0.8)
    context = stage.context("shards", generate=made)
    shard_synthetic(ShardSettings(), context)
    lineage = read_index(context.out).lineage
    assert lineage["sampling"] == {"truncation": 0.8}
    assert lineage["generator"] == {"weights_sha256": summary["generator_sha256"], "seed": 4}


def test_a_large_generator_gets_no_keras_file(stage, monkeypatch):
    assert (stage("small", images_per_class=1)[1] / KERAS_FILE).is_file()
    monkeypatch.setattr("tasks.generate.KERAS_MOST_WEIGHTS", 10)
    assert not (stage("large", images_per_class=1)[1] / KERAS_FILE).exists()


def test_a_family_without_a_discriminator_cannot_score_samples():
    assert {name for name, family in FAMILIES.items() if family.kind == "autoencoder"} == set(WITHOUT_DISCRIMINATOR)
    check_sampling(GenerateSettings(), "vae")
    sentence = (
        "generate.rejection.keep_share is 0.5, and train.model vae has no discriminator to score samples with; "
        "set it to 1, or take another family"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_sampling(GenerateSettings(rejection={"keep_share": 0.5}), "vae")


def is_lengthless(name):
    """Whether images follow from the direction of latents alone; styles are truncated themselves."""
    wanted = ModelSpec(family=name, resolution_px=16, channels=1, classes=0, latent_size=4, width=2, max_width=4)
    network = FAMILIES[name].build_generator(wanted, 0)
    latents = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    apart = np.abs(np.asarray(network([latents])) - np.asarray(network([0.5 * latents]))).max()
    return apart < 1e-4 and not has_styles(network)


def test_a_family_without_lengths_cannot_truncate():
    assert {name for name in FAMILIES if is_lengthless(name)} == set(LENGTHLESS)
    check_sampling(GenerateSettings(truncation=0.7), "stylegan2")
    sentence = (
        "generate.truncation is 0.7, and train.model progressive divides latents by their length, which undoes it; "
        "set it to 1, or take another family"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_sampling(GenerateSettings(truncation=0.7), "progressive")
