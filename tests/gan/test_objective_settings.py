"""What settings of the loss leave open, and what they must not say."""

import re
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from gan.losses import ADVERSARIAL
from gan.objective_settings import LOSS_DEFAULTS, LossName
from gan.settings import TrainingSettings


@pytest.mark.parametrize(
    ("changes", "penalty", "steps"),
    [
        ({}, "r1_r2", 1),
        ({"loss": "non_saturating"}, "r1", 1),
        ({"loss": "hinge"}, "r1", 1),
        ({"loss": "wasserstein"}, "gradient_penalty", 5),
        ({"loss": "wasserstein", "discriminator_steps": 2}, "gradient_penalty", 2),
        ({"loss": "wasserstein", "penalty": {"kind": "r1"}}, "r1", 5),
        ({"loss": "non_saturating", "model": "dcgan"}, "none", 1),
        ({"loss": "non_saturating", "model": "dcgan", "penalty": {"kind": "r1"}}, "r1", 1),
        ({"loss": "non_saturating", "model": "dcgan", "normalisation": "instance"}, "none", 1),
        ({"loss": "non_saturating", "model": "dcgan", "normalisation": "none"}, "r1", 1),
        ({"loss": "wasserstein", "model": "dcgan", "normalisation": "layer"}, "gradient_penalty", 5),
    ],
)
def test_a_loss_brings_its_penalty_and_steps(changes: dict[str, Any], penalty: str, steps: int) -> None:
    settings = TrainingSettings(**changes)
    assert (settings.penalty_kind, settings.steps_per_generator_step) == (penalty, steps)


def test_names_of_losses_are_the_same_in_settings_and_in_code() -> None:
    assert set(get_args(LossName)) == set(ADVERSARIAL) == set(LOSS_DEFAULTS)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"real_label": 0.9},
            "real_label is 0.9, but loss relativistic has no labels to smooth; "
            "set it to 1, or use one of non_saturating, minimax",
        ),
        (
            {"loss": "wasserstein", "penalty": {"kind": "none"}},
            "loss wasserstein without a penalty has no bound on its scores; set penalty.kind to gradient_penalty",
        ),
        (
            {"loss": "wasserstein", "penalty": {"order": "first"}},
            "penalty.order is first, but gradient_penalty needs the gradient itself; "
            "set penalty.order to exact or auto",
        ),
        (
            {"model": "dcgan", "loss": "wasserstein"},
            "gradient_penalty is of single images, and scores of model dcgan depend on the whole batch; "
            "choose another penalty.kind, normalisation or model",
        ),
        (
            {"penalty": {"kind": "none", "every_steps": 4}},
            "penalty.every_steps is 4, but there is no penalty; set it to 1, or choose a penalty.kind",
        ),
        (
            {"discriminator_augmentation": {"policies": ["colour", "blur"]}},
            "['colour', 'blur'] is not allowed; write auto, none or a list of colour, translation, cutout, flip",
        ),
        (
            {"discriminator_augmentation": {"policies": ["flip", "flip"]}},
            "['flip', 'flip'] names a policy twice; name each once",
        ),
        (
            {"discriminator_augmentation": {"policies": "auto", "probability": 0.9}},
            "probability is 0.9, over probability_max 0.8; lower it, or raise probability_max",
        ),
        (
            {"discriminator_augmentation": {"policies": ["flip"], "adaptive": False}},
            "policies are never applied, because probability is 0 and adaptive false; raise probability (0.3 is mild), "
            "or set adaptive to true",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(f"Value error, {sentence} [")):
        TrainingSettings(**changes)
