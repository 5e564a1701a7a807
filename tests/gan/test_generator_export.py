"""Exports are read by processes whose path has no project."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from datasets.errors import BadInput
from gan.generator_export import MOST_DIFFERENCE, ONNX_PACKAGES, export_generator
from gan.models.registry import FAMILIES
from gan.models.spec import ModelSpec
from gan.sampling import Generator

READ_KERAS = """
import pathlib, sys
assert not [path for path in sys.path if (pathlib.Path(path) / "gan").exists()]
import keras, numpy
for folder in map(pathlib.Path, sys.argv[1:]):
    given = numpy.load(folder / "given.npz")
    made = keras.models.load_model(folder / "out/generator.keras")([given["latents"], given["labels"]])
    difference = abs(numpy.asarray(made) - given["images"]).max()
    assert difference <= 1e-6, (folder.name, difference)
"""


def generator_of(family: str, classes: int = 3, side_px: int = 16) -> Generator:
    spec = ModelSpec(
        family=family,
        resolution_px=side_px,
        channels=1 if classes else 3,
        classes=classes,
        latent_size=6,
        width=4,
        max_width=16,
    )
    return Generator(FAMILIES[family].build_generator(spec, 1), spec, ("a", "b", "c") if classes else None)


def inputs_of(generator: Generator, count: int) -> dict[str, np.ndarray]:
    inputs = {"latents": np.stack([generator.latent(3, number) for number in range(count)])}
    return inputs | ({"labels": np.arange(count, dtype=np.int32) % 3} if generator.spec.classes else {})


def test_keras_files_of_every_family_load_without_this_project(tmp_path: Path, bare_python: Path) -> None:
    for family in FAMILIES:
        generator, folder = generator_of(family), tmp_path / family
        folder.mkdir()
        generator.save(folder)
        export_generator(folder, "keras", folder / "out")
        inputs = inputs_of(generator, 5)
        images = np.asarray(generator.network(list(inputs.values()), training=False))
        np.savez(folder / "given.npz", **inputs, images=images)
    done = subprocess.run(
        [bare_python, "-I", "-c", READ_KERAS, *(tmp_path / family for family in FAMILIES)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("classes", [3, 0], ids=["classes", "no classes"])
@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_an_onnx_file_gives_the_same_images(tmp_path: Path, family: str, classes: int) -> None:
    for package in ONNX_PACKAGES:
        pytest.importorskip(package, reason=f"{package} is not installed: it comes with the extra [onnx]")
    import onnxruntime

    generator = generator_of(family, classes, side_px=28)
    generator.save(tmp_path)
    record = export_generator(tmp_path, "onnx", tmp_path / "out")
    session = onnxruntime.InferenceSession(str(tmp_path / "out" / "generator.onnx"))
    inputs = inputs_of(generator, 7)
    (made,) = session.run(["images"], inputs)
    wanted = np.asarray(generator.network(list(inputs.values()), training=False))
    assert np.abs(made - wanted).max() <= MOST_DIFFERENCE
    assert record["max_abs_difference"] <= MOST_DIFFERENCE
    assert [value.shape[0] for value in (*session.get_inputs(), *session.get_outputs())] == ["N"] * (len(inputs) + 1)


def test_the_record_beside_it_is_complete(tmp_path: Path) -> None:
    generator = generator_of("conv")
    generator.save(tmp_path)
    export_generator(tmp_path, "keras", tmp_path / "out")
    record = json.loads((tmp_path / "out" / "generator.json").read_text())
    assert record["class_names"] == ["a", "b", "c"]
    assert record["weights_sha256"] == generator.weights_sha256
    assert record["spec"]["latent_size"] == 6
    assert record["file"] == "generator.keras"
    assert record["how_to_use"].keys() >= {"inputs", "latents_of_image_i", "output", "to_uint8"}
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["generator.json", "generator.keras"]


def test_an_unknown_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=re.escape("--format is pb; a generator is exported as keras or onnx")):
        export_generator(tmp_path, "pb", tmp_path / "out")


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("mine")
    sentence = f"{tmp_path} holds something already; name a folder that does not exist yet"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        export_generator(tmp_path, "keras", tmp_path)


def test_without_the_packages_for_onnx_the_sentence_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan.generator_export.find_spec", lambda name: None)
    sentence = "--format onnx needs onnx, onnxruntime, tf2onnx; install them, e.g. with the extra [onnx]"
    with pytest.raises(BadInput, match=re.escape(sentence)):
        export_generator(tmp_path, "onnx", tmp_path / "out")


def test_a_failed_export_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no generator here"):
        export_generator(tmp_path / "nowhere", "keras", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
