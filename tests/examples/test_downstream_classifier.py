"""The example for users with nothing but TensorFlow, run in miniature where nothing of this project can be imported."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.tasks.tiny_versions import CLASSES, tiny

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "downstream_classifier.py"
INTERVAL = r"[+-]\d\.\d{3} \(95 % interval [+-]\d\.\d{3} to [+-]\d\.\d{3}\)"


@pytest.fixture
def run(tmp_path, bare_python):
    """run(real, synthetic, ...) -> the finished process; warnings of other libraries are theirs."""

    def run(*arguments):
        command = [bare_python, "-I", SCRIPT, *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture
def real(tmp_path):
    return tiny().write(tmp_path / "tiny" / "1.0.0").parent


def test_both_arms_the_difference_and_every_class_are_shown(run, real, tmp_path):
    synthetic = tiny(name="tiny_synthetic", kind="synthetic", splits={"train": 10}).write(tmp_path / "made" / "1.0.0")
    done = run(real, synthetic, "--steps", "3", "--seeds", "2", "--batch-size", "8")
    assert done.returncode == 0, done.stderr[-2000:]
    arms, rest = done.stdout.splitlines()[:2], done.stdout.splitlines()[2:]
    means = [re.fullmatch(r"([a-z ]+?) +accuracy (\d\.\d{3}) \(\d\.\d{3} \d\.\d{3}\)", line).groups() for line in arms]
    assert [name for name, _ in means] == ["real alone", "with synthetic"]
    assert re.fullmatch(rf"difference +{INTERVAL}, 2 seeds, 3 test images", rest[0])
    assert float(rest[0].split()[1]) == pytest.approx(float(means[1][1]) - float(means[0][1]), abs=2e-3)
    assert [line.split(":")[0] for line in rest[1:]] == [f"  {name}" for name in CLASSES]
    assert all(re.search(rf"difference {INTERVAL}, 1 images$", line) for line in rest[1:])


def test_synthetic_images_of_other_classes_are_refused(run, real, tmp_path):
    other = tiny(name="other", kind="synthetic", class_names=("dog", "cat", "eel")).write(tmp_path / "other" / "1.0.0")
    done = run(real, other)
    assert (done.returncode, done.stdout) == (1, "")
    sentence = "the synthetic images are of another shape or of other classes than the real ones"
    assert done.stderr.splitlines()[-1] == sentence


def test_shards_that_it_cannot_read_are_refused(run, real, tmp_path):
    raw = tiny(encoding="raw").write(tmp_path / "raw" / "1.0.0")
    done = run(real, raw)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == f"{raw}: its images are not encoded as png or jpeg, or have no labels"


def test_it_imports_nothing_that_a_deployment_has_not(bare_python):
    code = "import sys; sys.modules['tensorflow_datasets'] = None; import runpy; runpy.run_path(sys.argv[1])"
    assert subprocess.run([bare_python, "-I", "-c", code, SCRIPT], timeout=300).returncode == 0
