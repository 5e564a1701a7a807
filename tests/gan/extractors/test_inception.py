"""The frozen graph, by one that has its nodes and old operations; the real one where its path is given."""

import hashlib
import os
import re
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from datasets.errors import BadInput
from gan.extractors.inception import InceptionExtractor
from gan.extractors.settings import ExtractorSettings

REAL = "AUGMENT_DATASET_INCEPTION"
MEMBER = "classify_image_graph_def.pb"


def opened(path, sha256, **values):
    return InceptionExtractor(
        path, ExtractorSettings(kind="inception-2015", path=path, weights_sha256=sha256, **values)
    )


def run_alone(payload, fetch, image):
    """What the graph itself gives for one image, from its own first node on."""
    definition = tf.compat.v1.GraphDef.FromString(payload)
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        return session.run(fetch, {"DecodeJpeg:0": image})


def test_legacy_features_are_what_the_graph_gives_for_each_image_alone(write, graph, pictures):
    found = opened(*write("graph.pb", graph), resize="legacy").features(pictures)
    alone = [run_alone(graph, "pool_3:0", picture).ravel() for picture in pictures]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(alone), rtol=1e-5)


def test_clean_is_another_resize_rule_with_another_identity(write, graph, pictures):
    path, sha256 = write("graph.pb", graph)
    clean, legacy = (opened(path, sha256, resize=rule) for rule in ("clean", "legacy"))
    assert clean.identity == f"inception-2015 sha256:{sha256[:12]} resize:clean"
    assert legacy.identity == f"inception-2015 sha256:{sha256[:12]} resize:legacy"
    assert np.abs(clean.features(pictures) - legacy.features(pictures)).max() > 1e-4


def test_images_of_the_size_need_no_rule(write, graph, pictures):
    path, sha256 = write("graph.pb", graph)
    large = np.random.default_rng(0).integers(0, 256, (1, 299, 299, 3)).astype(np.uint8)
    expected = run_alone(graph, "pool_3:0", large[0]).ravel()
    np.testing.assert_allclose(opened(path, sha256).features(large)[0], expected, rtol=1e-5)


def test_the_archive_and_the_bare_graph_are_the_same_extractor(write, graph, packed, pictures):
    bare = opened(*write("graph.pb", graph))
    archive = opened(*write("inception.tgz", packed({"./README": b"read me", f"./{MEMBER}": graph})))
    assert archive.identity == bare.identity
    np.testing.assert_array_equal(archive.features(pictures), bare.features(pictures))


def test_probabilities_are_the_softmax_without_a_bias(write, graph, pictures):
    extractor = opened(*write("graph.pb", graph), resize="legacy")
    found = extractor.probabilities(pictures)
    alone = [run_alone(graph, "softmax:0", picture)[0] for picture in pictures]
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, np.stack(alone), rtol=1e-4)


def test_a_graph_without_classes_gives_no_probabilities(write, frozen_graph, pictures):
    assert opened(*write("graph.pb", frozen_graph(classes=False))).probabilities(pictures) is None


def test_gray_images_are_seen_as_three_equal_channels(write, graph, pictures):
    extractor = opened(*write("graph.pb", graph))
    gray = pictures[..., :1]
    np.testing.assert_array_equal(extractor.features(gray), extractor.features(np.repeat(gray, 3, axis=3)))


def test_the_number_of_images_at_once_does_not_matter(write, graph, pictures):
    path, sha256 = write("graph.pb", graph)
    one, all_ = (opened(path, sha256, batch_images=count).features(pictures) for count in (2, 32))
    np.testing.assert_allclose(one, all_, rtol=1e-5)


def test_features_of_some_images_are_kept_and_not_taken_for_those_of_others(write, graph, pictures):
    extractor = opened(*write("graph.pb", graph))
    before = extractor.features(pictures)
    np.testing.assert_allclose(extractor.features(pictures[::-1]), before[::-1], rtol=1e-5)
    assert extractor.features(pictures.copy()) is before
    for count in range(1, 5):
        extractor.features(pictures[:count])
    assert extractor.features(pictures) is not before


def test_no_images_give_no_features(write, graph, pictures):
    assert opened(*write("graph.pb", graph)).features(pictures[:0]).shape == (0, 6)


def test_what_is_no_graph_is_refused(write):
    path, sha256 = write("graph.pb", b"no graph at all")
    sentence = f"{path} is no TensorFlow graph; give {MEMBER}, or the .tgz that holds it"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path, sha256)


def test_a_graph_of_something_else_is_refused(write):
    with tf.Graph().as_default() as other:
        tf.constant(1.0, name="pool_3")
    path, sha256 = write("graph.pb", other.as_graph_def().SerializeToString())
    sentence = f"{path} is a graph without the nodes ExpandDims; give the unchanged {MEMBER} of 2015"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path, sha256)


def test_a_graph_that_says_it_is_of_a_later_version_is_refused(write, frozen_graph):
    path, sha256 = write("graph.pb", frozen_graph(producer=1000))
    sentence = (
        f"{path} is a graph of version 1000 that TensorFlow cannot run; give the unchanged {MEMBER} of 2015, "
        "whose version is below 9"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path, sha256)


def test_an_archive_without_the_graph_is_refused(write, packed):
    path, sha256 = write("inception.tgz", packed({"LICENSE": b""}))
    sentence = f"{path} holds no {MEMBER}; give the archive of the Inception network of 2015"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path, sha256)


def test_a_truncated_archive_is_refused(write, packed, graph):
    payload = packed({MEMBER: graph})
    path, sha256 = write("inception.tgz", payload[: len(payload) // 2])
    with pytest.raises(BadInput, match=re.escape(f"{path} cannot be read (")):
        opened(path, sha256)


@pytest.mark.skipif(REAL not in os.environ, reason=f"{REAL} does not name the real graph of 2015")
def test_the_real_graph_has_2048_features_and_1008_classes(pictures):
    path = Path(os.environ[REAL])
    with path.open("rb") as file:
        extractor = opened(path, hashlib.file_digest(file, "sha256").hexdigest())
    features, probabilities = extractor.features(pictures), extractor.probabilities(pictures)
    assert (features.shape, probabilities.shape) == ((5, 2048), (5, 1008))
    assert np.isfinite(features).all()
    assert features.std(axis=0).max() > 0.01
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
