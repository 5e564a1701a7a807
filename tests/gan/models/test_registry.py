"""Families are found by their files, and known by name without Keras."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from datasets.errors import BadInput
from gan.models import families
from gan.models.family import Family
from gan.models.registry import FAMILIES, family_of
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")


def test_settings_allow_the_families_that_are_registered() -> None:
    assert set(get_args(TrainingSettings.model_fields["model"].annotation)) == set(FAMILIES)
    assert {"conv", "dcgan", "mlp", "r3gan", "vae"} <= set(FAMILIES)


def test_names_are_known_without_keras() -> None:
    code = "import sys, gan.settings, gan.models.families as f; print(f.FAMILY_NAMES, 'keras' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split(") ") == [str(families.FAMILY_NAMES)[:-1], "False\n"]


@pytest.mark.parametrize("name", FAMILIES)
def test_the_defaults_of_a_family_are_valid_settings(name: str) -> None:
    TrainingSettings.model_validate({"model": name, **FAMILIES[name].defaults})


def test_an_unknown_family_is_refused() -> None:
    spec = ModelSpec(family="biggan", resolution_px=16, channels=1, classes=0, latent_size=4, width=4, max_width=4)
    sentence = f"the model is of family 'biggan'; this code has {', '.join(FAMILIES)}"
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        family_of(spec)


@pytest.mark.parametrize("both", [False, True])
def test_a_family_has_either_a_discriminator_or_an_encoder(both: bool) -> None:
    build = FAMILIES["conv"].build_generator
    partners = {"build_discriminator": build, "build_encoder": build} if both else {}
    with pytest.raises(TypeError, match=r"^family odd: give build_discriminator or build_encoder, and not both$"):
        Family(name="odd", title="", when_to_use="", paper="", build_generator=build, **partners)  # type: ignore[arg-type]


TRAIN = """
import numpy as np
from pathlib import Path
from gan.settings import ClassifierSettings, TrainingSettings
from gan.training import train
from gan.sampling import load_generator

rng = np.random.default_rng(0)
images, labels = rng.integers(0, 256, (40, 16, 16, 1), dtype=np.uint8), np.arange(40, dtype=np.int32) % 2
few = ClassifierSettings(width=4, feature_size=8, budget_images=64, batch_size=32)
settings = TrainingSettings(
    model="resize_conv", width=4, latent_size=4, batch_size=8, budget_images=40, evaluation_samples=16, extractor=few,
    evaluate_every_images=40, health={"on_collapse": "continue"},
)
train(images, labels, ("a", "b"), images[:16], labels[:16], settings, 0, Path("out"))
print(load_generator(Path("out")).sample(np.array([0, 1]), seed=0).shape)
"""


def test_the_family_of_the_page_trains_as_soon_as_its_file_is_there(tmp_path: Path) -> None:
    """In a copy of the packages: nothing but the file is added, as the page says."""
    for package in ("gan", "datasets"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    (tmp_path / "gan" / "models" / "families" / "resize_conv.py").write_text(code)
    done = subprocess.run([sys.executable, "-c", TRAIN], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "(2, 16, 16, 1)\n"), done.stderr[-2000:]
