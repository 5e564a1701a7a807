"""Settings of what the discriminator's images are put through. Imports no TensorFlow."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

PolicyName = Literal["colour", "translation", "cutout", "flip"]
POLICIES: tuple[PolicyName, ...] = ("colour", "translation", "cutout", "flip")
FEW_TRAINING_IMAGES = 10_000  # a fifth of CIFAR-10, under which the gains are large: arXiv:2006.10738, table 2


class DiscriminatorAugmentationSettings(BaseModel):
    """Random changes of real and synthetic images alike, seen by the discriminator alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    policies: Literal["auto", "none"] | tuple[PolicyName, ...] = Field(
        "none", description="none, auto = by kind and number of images, or a list: colour, translation, cutout, flip."
    )
    adaptive: bool = Field(True, description="Raise the probability only as far as the discriminator overfits.")
    probability: float = Field(
        0.0, description="Probability of each policy per image; where adaptive, at the start.", ge=0, lt=1
    )
    probability_max: float = Field(
        0.8, description="Bound of the adaptive probability; near 1, changes leak into samples.", gt=0, lt=1
    )
    target: float = Field(
        0.6, description="Mean sign of scores of real images at which the probability stays.", gt=-1, lt=1
    )
    images_to_full: int = Field(
        50_000, description="Training images over which an adaptive probability may go from 0 to 1.", ge=1
    )

    @field_validator("policies", mode="before")
    @classmethod
    def _known_policies(cls, value: Any) -> Any:
        listed = list(value) if isinstance(value, list | tuple) else None
        if value in ("auto", "none") or (listed and all(name in POLICIES for name in listed)):
            if listed and len(set(listed)) < len(listed):
                raise ValueError(f"{listed} names a policy twice; name each once")
            return value
        raise ValueError(f"{value!r} is not allowed; write auto, none or a list of {', '.join(POLICIES)}")

    @model_validator(mode="after")
    def _sensible(self) -> Self:
        if self.policies == "none":
            return self
        if self.adaptive and self.probability > self.probability_max:
            raise ValueError(
                f"probability is {self.probability:g}, over probability_max {self.probability_max:g}; "
                "lower it, or raise probability_max"
            )
        if not self.adaptive and self.probability == 0:
            raise ValueError(
                "policies are never applied, because probability is 0 and adaptive false; "
                "raise probability (0.3 is mild), or set adaptive to true"
            )
        return self


def chosen_policies(
    settings: DiscriminatorAugmentationSettings,
    training_images: int,
    channels: int,
    class_names: Sequence[str] | None,
) -> tuple[PolicyName, ...]:
    """What is applied to so many training images with 1 or 3 channels and these classes.

    `auto` does nothing with many images; colours are left alone in gray images, and nothing is flipped unless it has
    colours and class names that are neither numbers nor single letters: what can be read must not be mirrored.
    """
    if settings.policies == "none":
        return ()
    if settings.policies != "auto":
        return tuple(settings.policies)
    if training_images >= FEW_TRAINING_IMAGES:
        return ()
    if channels == 1:
        return ("translation", "cutout")
    flips = class_names is not None and all(len(name) > 1 and not name.isdigit() for name in class_names)
    return ("colour", "translation", "cutout", "flip") if flips else ("colour", "translation", "cutout")
