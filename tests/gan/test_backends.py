"""TensorFlow and JAX: the same step from the same weights, one's training continued by the other."""

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gan.backends import BACKENDS
from gan.backends.interface import Backend
from gan.sampling import load_generator
from gan.training_log import read_log

Images = tuple[np.ndarray, np.ndarray]
Results = dict[str, dict[str, np.ndarray]]
ROOT = Path(__file__).parents[2]
RUN = Path(__file__).with_name("backend_run.py")
CASES = ("conv", "exact penalties and augmentation", "dcgan", "spectral", "vae")
CASES += ("r3gan", "stylegan2", "progressive", "float16")
pytestmark = pytest.mark.timeout(900)  # the first test waits for both processes
FUNCTIONS = [name for name in vars(Backend) if not name.startswith("_")]


def in_process(name: str, arguments: list[str], cache: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        **os.environ,
        "KERAS_BACKEND": name,
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # small networks take longer to compile than to run
    }
    return subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, stripes: Images, few_stripes: Images) -> Path:
    """A folder in which both backends did what backend_run.py says, TensorFlow first."""
    folder = tmp_path_factory.mktemp("backends")
    np.savez(folder / "data.npz", x=stripes[0], y=stripes[1], sx=few_stripes[0], sy=few_stripes[1])
    for name in BACKENDS:
        done = in_process(name, [str(RUN), str(folder)], folder / "cache")
        assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def results(ran: Path) -> Results:
    def read(name: str) -> dict[str, np.ndarray]:
        with np.load(ran / f"{name}.npz") as archive:
            return dict(archive)

    return {name: read(name) for name in BACKENDS}


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """Of two arrays, over the length of the second; of short ones, as it is."""
    there = wanted.astype(np.float64)
    return float(np.linalg.norm(found.astype(np.float64) - there) / max(1.0, np.linalg.norm(there)))


@pytest.mark.parametrize("case", [case for case in CASES if case != "float16"])
def test_the_same_weights_and_batch_give_the_same_losses_and_gradients(case: str, results: Results) -> None:
    of_case = {
        name: {key: value for key, value in result.items() if key.startswith(f"{case}/") and "resumes" not in key}
        for name, result in results.items()
    }
    assert of_case["jax"].keys() == of_case["tensorflow"].keys()
    apart = {key: distance(of_case["jax"][key], wanted) for key, wanted in of_case["tensorflow"].items()}
    assert {key: found for key, found in apart.items() if found > 1e-4} == {}


def test_losses_in_float16_are_about_the_same(results: Results) -> None:
    numbers = [results[name]["float16/numbers"] for name in BACKENDS]
    np.testing.assert_allclose(numbers[1], numbers[0], rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", BACKENDS)
def test_a_step_from_restored_arrays_gives_the_same_bits(name: str, case: str, results: Results) -> None:
    assert results[name][f"{case}/resumes"]


@pytest.mark.parametrize("name", BACKENDS)
def test_a_resumed_run_ends_with_the_same_bits(name: str, results: Results) -> None:
    assert results[name]["resumes"]


def test_a_whole_run_on_jax_imports_no_tensorflow(results: Results) -> None:
    """Not the other way round: TensorFlow imports JAX by itself, where it is installed."""
    assert results["jax"]["imports"].tolist() == ["jax"]


def test_jax_continues_what_tensorflow_began(ran: Path) -> None:
    log = read_log(ran / "tensorflow continued by jax")
    assert [entry["images_seen"] for entry in log if entry["event"] == "checkpoint"] == [0, 160, 320]
    assert log[-1]["event"] == "end"


def test_tensorflow_continues_what_jax_began(ran: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from pathlib import Path; import numpy as np\n"
        "from backend_run import half_of, trained\n"
        "folder = Path(sys.argv[2])\n"
        "trained(dict(np.load(folder / 'data.npz')), half_of(folder / 'jax', Path(sys.argv[3])))\n"
    )
    other = tmp_path / "continued"
    done = in_process("tensorflow", ["-c", code, str(RUN.parent), str(ran), str(other)], tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert read_log(other)[-1]["event"] == "end"


def test_both_sample_the_same_images_from_the_same_weights(results: Results) -> None:
    images = [results[name]["samples"].astype(int) for name in BACKENDS]
    assert np.abs(images[0] - images[1]).max() <= 1


def test_a_generator_trained_with_jax_samples_here(ran: Path) -> None:
    images = load_generator(ran / "jax").sample(np.arange(6) % 3, seed=0)
    assert images.shape == (6, 16, 16, 1)


def test_an_unknown_backend_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    done = in_process("numpy", ["-c", "import gan.backends"], tmp_path)
    sentence = "KERAS_BACKEND is numpy; networks are trained and run with tensorflow or jax"
    assert re.search(f"BadInput: {re.escape(sentence)}$", done.stderr.strip())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_backend_has_every_function_with_the_same_arguments(function: str) -> None:
    wanted = list(inspect.signature(getattr(Backend, function)).parameters)[1:]
    text = {name: (ROOT / "gan" / "backends" / f"{name}_backend.py").read_text() for name in BACKENDS}
    given = {name: re.search(rf"^def {function}\((.*?)\)( ->|:)", code, re.S | re.M) for name, code in text.items()}
    for match in given.values():
        assert match is not None
        assert re.findall(r"(?:^|,\s*|\n\s*)(\w+):", match[1]) == wanted
