"""Which copies are made of training images."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from tasks.imaging.augmentation.augmenters import KINDS, AnyAugmenter, Augmenter
from tasks.imaging.augmentation.presets import PRESETS, Preset


class AugmentationSettings(BaseModel):
    """How training images are varied. Validation and test images never are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset | None = Field("light", description=f"{', '.join(PRESETS)}; or null beside augmenters")
    augmenters: tuple[Augmenter, ...] | None = Field(
        None, description="instead of a preset, applied in this order; docs/augmentation.md has a table"
    )
    variants_per_image: int = Field(1, description="Augmented copies made of each training image.", ge=0, le=100)
    forbidden: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="kinds of augmenters never applied to a class, {class: [kind, ...]}"
    )

    @model_validator(mode="before")
    @classmethod
    def _either_preset_or_augmenters(cls, given: Any) -> Any:
        """A list alone means no preset. Raises where both are given, or both are null."""
        if not isinstance(given, Mapping):
            return given
        listed, preset = given.get("augmenters") is not None, given.get("preset", "light")
        if listed and given.get("preset") is not None:
            raise ValueError(f"got both preset {preset} and augmenters; keep one, a preset is a list of augmenters too")
        if not listed and preset is None:
            raise ValueError("got neither preset nor augmenters; write preset: none for no copies")
        return {**given, "preset": None} if listed else given

    @field_validator("forbidden")
    @classmethod
    def _known_kinds(cls, forbidden: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, kinds in forbidden.items():
            for kind in kinds:
                if kind not in KINDS:
                    raise ValueError(f"class {name} forbids {kind!r}; kinds are {', '.join(KINDS)}")
        return forbidden

    @property
    def listed(self) -> tuple[AnyAugmenter, ...]:
        """The augmenters, of the preset or as given."""
        return PRESETS[self.preset] if self.preset is not None else self.augmenters or ()

    @property
    def copies_per_image(self) -> int:
        """Copies of an image that no class or colour rule touches."""
        return self.variants_per_image if self.listed else 0

    def applied_to(self, channels: int, label: str | None = None) -> tuple[AnyAugmenter, ...]:
        """The augmenters for images of so many channels and of a class."""
        barred = self.forbidden.get(label, ()) if label is not None else ()
        return tuple(step for step in _fitting(self.listed, channels) if step.kind not in barred)

    def unfit_for(self, channels: int) -> list[str]:
        """Kinds that are left out for images of so many channels."""
        fitting = _fitting(self.listed, channels)
        return sorted({step.kind for step in self.listed if step not in fitting})


def _fitting(augmenters: Sequence[AnyAugmenter], channels: int) -> list[AnyAugmenter]:
    return [step for step in augmenters if channels > 1 or not step.needs_colour]
