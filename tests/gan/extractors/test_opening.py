"""The door, with kinds that need a file; the others are tested with the networks that they make."""

import re

import numpy as np
import pytest
from onnx import TensorProto, helper

from datasets.errors import BadInput
from gan.extractors.opening import open_extractor
from gan.extractors.settings import ExtractorSettings
from gan.settings import ClassifierSettings


def opened(pictures, kind, path, sha256, **values):
    settings = ExtractorSettings(kind=kind, path=path, weights_sha256=sha256, **values)
    return open_extractor(settings, pictures, None, 0, ClassifierSettings(), seed=0)


def test_the_frozen_graph_is_opened_from_the_users_file(write, graph, pictures):
    path, sha256 = write("graph.pb", graph)
    extractor = opened(pictures, "inception-2015", path, sha256, resize="legacy")
    assert (extractor.name, extractor.standardise) == ("inception-2015", False)
    assert extractor.identity == f"inception-2015 sha256:{sha256[:12]} resize:legacy"
    assert extractor.features(pictures).shape == (5, 6)


def test_a_network_of_the_user_is_opened_from_its_file(write, pictures):
    mean = helper.make_node("ReduceMean", ["images"], ["means"], axes=[2, 3], keepdims=0)
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, "H", "W"])
    means = helper.make_tensor_value_info("means", TensorProto.FLOAT, ["N", 3])
    net = helper.make_graph([mean], "net", [images], [means])
    model = helper.make_model(net, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path, sha256 = write("net.onnx", model.SerializeToString())
    extractor = opened(pictures, "file", path, sha256, value_range="bytes")
    np.testing.assert_allclose(extractor.features(pictures), pictures.mean(axis=(1, 2)), rtol=1e-4)


def test_a_file_with_another_digest_is_not_opened(write, graph, pictures):
    path, sha256 = write("graph.pb", graph)
    sentence = f"extractor.path {path} has SHA-256 {sha256}, extractor.weights_sha256 is {'0' * 64}; "
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(pictures, "inception-2015", path, "0" * 64)
