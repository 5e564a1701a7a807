"""Which compiled step a family is trained with, what its three numbers are called, and what its weight follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gan.autoencoder_step import NUMBERS, make_autoencoder_step
from gan.devices import Devices
from gan.discriminator_augmentation_settings import PolicyName
from gan.models.registry import family_of
from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings
from gan.step_numbers import StepNumbers
from gan.training_state import TrainingState
from gan.training_step import StepFunction, make_step


@dataclass(frozen=True, slots=True)
class StepKind:
    """`make` a step; `numbers` name what it returns; `weights` are the first and last value of its fourth argument."""

    make: Callable[[TrainingState, TrainingSettings, int, Sequence[PolicyName], Devices], StepFunction]
    numbers: tuple[str, ...]
    weights: Callable[[TrainingSettings], tuple[float, float]]


STEP_KINDS = {
    "adversarial": StepKind(
        make_step,
        StepNumbers._fields,
        lambda settings: (settings.gamma_start, settings.gamma_end),
    ),
    "autoencoder": StepKind(
        lambda state, settings, seed, policies, devices: make_autoencoder_step(state, settings, seed, devices),
        NUMBERS,
        lambda settings: (settings.autoencoder.beta_start, settings.autoencoder.beta_end),
    ),
}


def step_kind(spec: ModelSpec) -> StepKind:
    """Of the spec's family."""
    return STEP_KINDS[family_of(spec).kind]
