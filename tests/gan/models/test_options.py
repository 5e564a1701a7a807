"""What is asked of a family that has no use for it is refused in a sentence."""

import re
from typing import Any

import pytest
from pydantic import ValidationError

from datasets.errors import BadInput
from gan.models.options import check_groups, has_batch_statistics
from gan.models.spec import ModelSpec, check_attention
from gan.settings import TrainingSettings


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"model": "vae", "spectral_normalisation": True},
            "spectral_normalisation is of a discriminator, and model vae has none; "
            "set it to false, or choose another model",
        ),
        (
            {"model": "r3gan", "spectral_normalisation": True},
            "spectral_normalisation divides by the size of kernels, and model r3gan has some that begin at zero; "
            "set it to false, or choose another model",
        ),
        (
            {"model": "r3gan", "normalisation": "layer"},
            "normalisation is layer, but model r3gan is built without any to choose; "
            "set it to auto, or choose model dcgan",
        ),
        (
            {"model": "mlp", "attention_px": 8},
            "attention_px is 8, but model mlp is built without attention; "
            "set it to null, or choose model conv or dcgan",
        ),
    ],
)
def test_it_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"Value error, {sentence} [")):
        TrainingSettings(**changes)


@pytest.mark.parametrize("model", ["conv", "mlp", "r3gan", "vae"])
def test_no_normalisation_may_be_asked_of_families_without_any(model: str) -> None:
    assert TrainingSettings(model=model, normalisation="none").normalisation == "none"


@pytest.mark.parametrize(
    ("model", "normalisation", "spectral", "wanted"),
    [
        ("dcgan", "auto", False, True),
        ("dcgan", "batch", False, True),
        ("dcgan", "layer", False, False),
        ("dcgan", "auto", True, False),
        ("conv", "auto", False, False),
    ],
)
def test_batch_statistics_are_those_of_batch_normalisation(
    model: str, normalisation: Any, spectral: bool, wanted: bool
) -> None:
    assert has_batch_statistics(model, normalisation, spectral) is wanted


def test_a_gradient_penalty_goes_with_spectral_normalisation() -> None:
    changes = {"spectral_normalisation": True, "penalty": {"kind": "gradient_penalty"}}
    assert TrainingSettings(model="dcgan", **changes).penalty_kind == "gradient_penalty"


@pytest.mark.parametrize("model", ["progressive", "stylegan2"])
def test_a_batch_that_makes_no_groups_is_refused(model: str) -> None:
    sentence = f"Value error, batch_size is 7, but model {model} compares images in equal groups of 2 to 4; take 8 ["
    with pytest.raises(ValidationError, match=re.escape(sentence)):
        TrainingSettings(model=model, batch_size=7)
    assert TrainingSettings(model=model, batch_size=9).batch_size == 9


def test_the_share_of_a_device_has_to_make_groups() -> None:
    with pytest.raises(ValueError, match=r"^batch_size is 10 on 2 devices, but .* 2 to 4; take 12$"):
        check_groups("stylegan2", 10, 2)


def spec(resolution_px: int, attention_px: int | None) -> ModelSpec:
    return ModelSpec(
        resolution_px=resolution_px, channels=1, classes=0, latent_size=4, width=4, max_width=4,
        attention_px=attention_px,
    )  # fmt: skip


@pytest.mark.parametrize(("resolution_px", "attention_px"), [(32, None), (32, 4), (32, 16), (28, 7), (28, 14)])
def test_attention_is_where_features_are(resolution_px: int, attention_px: int | None) -> None:
    check_attention(spec(resolution_px, attention_px))


@pytest.mark.parametrize(("resolution_px", "attention_px", "sides"), [(32, 32, "4, 8, 16"), (28, 8, "7, 14")])
def test_attention_elsewhere_is_refused(resolution_px: int, attention_px: int, sides: str) -> None:
    sentence = (
        f"attention_px is {attention_px}, but in networks for {resolution_px} px features have sides of {sides} px; "
        "set it to one of these, or to null"
    )
    with pytest.raises(BadInput, match=f"^{re.escape(sentence)}$"):
        check_attention(spec(resolution_px, attention_px))
