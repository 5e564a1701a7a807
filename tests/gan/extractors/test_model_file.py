"""The user's own network, as Keras and as ONNX write it. Both are opened through the one class."""

import hashlib
import json
import re
import warnings
import zipfile

import keras
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from datasets.errors import BadInput
from gan.extractors.model_file import ModelFileExtractor, in_range
from gan.extractors.resizing import resized
from gan.extractors.settings import ExtractorSettings

KERNEL = np.random.default_rng(4).normal(size=(3, 3, 3, 5)).astype(np.float32)  # height, width, in, out


def opened(path, **values):
    return ModelFileExtractor(path, ExtractorSettings(kind="file", path=path, weights_sha256="0" * 64, **values))


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def expected_maps(values):
    """A valid convolution of float32 [N, H, W, 3] with KERNEL."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (3, 3), axis=(1, 2))
    return np.einsum("nyxcij,ijco->nyxo", windows, KERNEL)


@pytest.fixture
def keras_path(tmp_path):
    """A convolution named `maps`, its mean over places, and two class scores."""
    convolution = keras.layers.Conv2D(5, 3, use_bias=False, name="maps")
    path = tmp_path / "net.keras"
    layers = [convolution, keras.layers.GlobalAveragePooling2D(name="mean"), keras.layers.Dense(2)]
    network = keras.Sequential([keras.Input((16, 20, 3)), *layers])
    convolution.set_weights([KERNEL])
    save_without_warnings(network, path)
    return path


def save_without_warnings(network, path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras warns of itself under NumPy 2
        network.save(path)


def onnx_model(shape, outputs=("maps",), dtype=TensorProto.FLOAT, cast=False):
    """A valid convolution with KERNEL, channels first."""
    given = [helper.make_tensor_value_info("images", dtype, shape)]
    nodes = [helper.make_node("Cast", ["images"], ["values"], to=TensorProto.FLOAT)] if cast else []
    nodes.append(helper.make_node("Conv", ["values" if cast else "images", "kernel"], ["maps"]))
    nodes.append(helper.make_node("ReduceMean", ["maps"], ["means"], axes=[2, 3], keepdims=0))
    nodes.append(helper.make_node("Flatten", ["maps"], ["flat"], axis=0))
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    kernel = numpy_helper.from_array(np.ascontiguousarray(KERNEL.transpose(3, 2, 0, 1)), "kernel")
    graph = helper.make_graph(nodes, "net", given, results, [kernel])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


@pytest.fixture
def write_onnx(tmp_path):
    """`write_onnx(shape, ...)` -> path."""

    def write(*arguments, **options):
        path = tmp_path / "net.onnx"
        onnx.save(onnx_model(*arguments, **options), path)
        return path

    return write


# Values.


@pytest.mark.parametrize(
    ("value_range", "expected"),
    [
        ("bytes", [0, 127.5, 255]),
        ("unit", [0, 0.5, 1]),
        ("symmetric", [-1, 0, 1]),
        ("imagenet", [-0.485 / 0.229, (0.5 - 0.456) / 0.224, (1 - 0.406) / 0.225]),
    ],
)
def test_values_are_what_the_setting_says(value_range, expected):
    values = np.array([0, 127.5, 255], np.float32)[None, None, None]
    np.testing.assert_allclose(in_range(values, value_range).ravel(), expected, rtol=1e-6)


def test_the_means_of_imagenet_are_for_colour():
    sentence = "extractor.value_range imagenet is for 3 channels, the network reads 1"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        in_range(np.zeros((1, 2, 2, 1), np.float32), "imagenet")


# Keras.


def test_a_layer_of_a_keras_file_gives_the_features(keras_path, pictures):
    extractor = opened(keras_path, layer="mean", value_range="unit")
    values = resized(pictures, 16, 20, "clean") / 255
    np.testing.assert_allclose(extractor.features(pictures), expected_maps(values).mean(axis=(1, 2)), rtol=1e-4)
    assert extractor.identity == f"file sha256:{sha256(keras_path)[:12]} range:unit layer:mean resize:clean"
    assert (extractor.name, extractor.standardise, extractor.probabilities(pictures)) == ("file", True, None)


def test_maps_are_averaged_over_places(keras_path, pictures):
    means, maps = (opened(keras_path, layer=layer).features(pictures) for layer in ("mean", "maps"))
    np.testing.assert_allclose(maps, means, rtol=1e-4)


def test_without_a_layer_the_output_is_taken(keras_path, pictures):
    assert opened(keras_path).features(pictures).shape == (5, 2)


def test_a_network_for_any_size_sees_images_as_they_are(tmp_path, pictures):
    path = tmp_path / "any.keras"
    layers = [keras.layers.Conv2D(4, 3), keras.layers.GlobalMaxPooling2D()]
    save_without_warnings(keras.Sequential([keras.Input((None, None, 1)), *layers]), path)
    extractor = opened(path)
    assert extractor.identity.endswith("resize:none")
    assert extractor.features(pictures[..., :1]).shape == (5, 4)


def test_an_unknown_layer_is_refused(keras_path):
    sentence = f"{keras_path} has no layer 'pool'; its last ones are maps, mean, dense"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(keras_path, layer="pool")


def test_a_network_that_reads_no_images_is_refused(tmp_path):
    path = tmp_path / "table.keras"
    save_without_warnings(keras.Sequential([keras.Input((7,)), keras.layers.Dense(2)]), path)
    sentence = f"{path} has inputs of shape (None, 7); an extractor reads one, [N, H, W, 1] or [N, H, W, 3]"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path)


def test_features_that_are_no_vectors_are_refused(tmp_path, pictures):
    path = tmp_path / "tokens.keras"
    layers = [keras.layers.Reshape((16 * 20, 3))]
    save_without_warnings(keras.Sequential([keras.Input((16, 20, 3)), *layers]), path)
    sentence = (
        f"the network in {path} gives features of shape (5, 320, 3) for 5 images; name a layer in extractor.layer "
        "that gives one vector, or one map of channels, per image"
    )
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path).features(pictures)


def test_a_lambda_is_refused_and_not_run(tmp_path):
    path = tmp_path / "lambda.keras"
    network = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Lambda(lambda values: values * 2)])
    save_without_warnings(network, path)
    sentence = f"{path} has a Lambda, which may run any code; save the model without it"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path)


def edited(path, old, new):
    """The same file with another text in its description."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members["config.json"] = json.dumps(json.loads(members["config.json"])).replace(old, new).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, payload in members.items():
            archive.writestr(name, payload)


def test_code_of_another_module_is_refused_and_not_imported(keras_path):
    edited(keras_path, '"module": "keras.layers", "class_name": "Conv2D"', '"module": "os", "class_name": "system"')
    sentence = f"{keras_path} has a system of os, code that is not Keras' own; save the model without it"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(keras_path)


def test_a_layer_that_reads_files_is_refused(keras_path):
    edited(keras_path, '"class_name": "Conv2D"', '"class_name": "StringLookup"')
    sentence = f"{keras_path} has a StringLookup, which may read other files; save the model without it"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(keras_path)


def test_what_keras_does_not_know_is_refused(keras_path):
    edited(keras_path, '"class_name": "Conv2D"', '"class_name": "Conv9D"')
    with pytest.raises(BadInput, match=re.escape(f"{keras_path} cannot be loaded by Keras (")):
        opened(keras_path)


@pytest.mark.parametrize(
    "payload", [b"", b"no archive", b"PK\x05\x06" + bytes(18)], ids=["empty", "text", "no members"]
)
def test_what_is_no_keras_file_is_refused(tmp_path, payload):
    path = tmp_path / "net.keras"
    path.write_bytes(payload)
    with pytest.raises(BadInput, match=re.escape(f"{path} is no readable .keras file (")):
        opened(path)


# ONNX.


def test_an_onnx_file_with_channels_first(write_onnx, pictures):
    path = write_onnx(["N", 3, 16, 20])
    values = resized(pictures, 16, 20, "legacy") / 127.5 - 1
    extractor = opened(path, resize="legacy")
    found = extractor.features(pictures)
    np.testing.assert_allclose(found, expected_maps(values).mean(axis=(1, 2)), rtol=1e-3, atol=1e-5)
    assert extractor.identity == f"file sha256:{sha256(path)[:12]} range:symmetric layer:last resize:legacy"


def test_an_onnx_file_with_channels_last(tmp_path, keras_path, pictures):
    onnx_path = tmp_path / "last.onnx"
    means = helper.make_node("ReduceMean", ["images"], ["means"], axes=[1, 2], keepdims=0)
    graph = helper.make_graph(
        [means],
        "net",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("means", TensorProto.FLOAT, ["N", 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), onnx_path)
    extractor = opened(onnx_path, value_range="bytes")
    np.testing.assert_allclose(extractor.features(pictures), pictures.mean(axis=(1, 2)), rtol=1e-4)
    assert extractor.identity.endswith("resize:none")


def test_an_onnx_file_that_reads_one_image_at_a_time(write_onnx, pictures):
    path = write_onnx([1, 3, 16, 20])
    assert opened(path).features(pictures).shape == (5, 5)


def test_an_onnx_file_that_reads_bytes(write_onnx, pictures):
    path = write_onnx(["N", 3, 40, 32], dtype=TensorProto.UINT8, cast=True)
    expected = expected_maps(pictures.astype(np.float32)).mean(axis=(1, 2))
    np.testing.assert_allclose(opened(path, value_range="bytes").features(pictures), expected, rtol=1e-3, atol=1e-2)


def test_bytes_have_no_other_range(write_onnx):
    path = write_onnx(["N", 3, 40, 32], dtype=TensorProto.UINT8, cast=True)
    sentence = f"{path} reads whole numbers of 0 to 255; set extractor.value_range to bytes"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path)


def test_an_output_of_an_onnx_file_is_chosen_by_name(write_onnx, pictures):
    path = write_onnx(["N", 3, 16, 20], outputs=("maps", "means"))
    sentence = f"{path} has the outputs maps, means; name the one with the features in extractor.layer"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path)
    maps, means = (opened(path, layer=name).features(pictures) for name in ("maps", "means"))
    np.testing.assert_allclose(maps, means, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        (["N", 4, 16, 20], "has an input of shape ['N', 4, 16, 20]; its channels must be 1 or 3, second or last"),
        (["N", 3, 16], "has inputs of shape ['N', 3, 16]; an extractor reads one, of images"),
        ([8, 3, 16, 20], "reads 8 images at once; export it with a free number of images"),
    ],
)
def test_inputs_that_are_no_images_are_refused(tmp_path, shape, sentence):
    path = tmp_path / "net.onnx"
    given = helper.make_tensor_value_info("images", TensorProto.FLOAT, shape)
    result = helper.make_tensor_value_info("same", TensorProto.FLOAT, shape)
    graph = helper.make_graph([helper.make_node("Identity", ["images"], ["same"])], "net", [given], [result])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    with pytest.raises(BadInput, match=re.escape(f"{path} {sentence}")):
        opened(path)


def test_weights_in_another_file_are_refused(tmp_path):
    path = tmp_path / "net.onnx"
    onnx.save(onnx_model(["N", 3, 16, 20]), path, save_as_external_data=True, size_threshold=0, location="weights.bin")
    sentence = f"{path} keeps its weights in another file; export it as one file"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        opened(path)


@pytest.mark.parametrize("payload", [b"\xff\xff no protobuf", b""], ids=["text", "empty"])
def test_what_is_no_onnx_file_is_refused(tmp_path, payload):
    path = tmp_path / "net.onnx"
    path.write_bytes(payload)
    with pytest.raises(BadInput, match=rf"^{re.escape(str(path))} (is no readable ONNX file|cannot be run by ONNX)"):
        opened(path)
