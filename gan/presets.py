"""Values of the training settings for kinds of data: by number of training images and side. See docs/gan.md."""

from collections.abc import Mapping
from typing import Any

from gan.settings import TrainingSettings

FEW_IMAGES = 500
MANY_IMAGES = 30_000
MEDIUM_SIDE_PX = 64
LARGE_SIDE_PX = 128

# `small` is what the settings say by themselves, measured on 1,258 digits of 16x16; `many` was measured on Fashion-
# MNIST, `medium` and `large` on 650 photographs at width 8, half-life and budget aside. `few` is reasoned from these
# and from published recipes: the weight of R1 and R2 grows with the square of the side, and with a smaller number of
# images (Karras et al. 2020, arXiv:2006.06676; Huang et al. 2024, arXiv:2501.05441). Averages forget half in a
# twentieth of the budget.
PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "few": {
        "latent_size": 32,
        "budget_images": 60_000,
        "evaluate_every_images": 10_000,
        "checkpoint_every_images": 10_000,
        "gamma_start": 4.0,
        "gamma_end": 1.0,
        "ema_halflife_images": 3_000,
        "discriminator_augmentation": {"policies": "auto"},
    },
    "many": {
        "bounded_output": True,
        "batch_size": 64,
        "budget_images": 500_000,
        "evaluate_every_images": 50_000,
        "checkpoint_every_images": 50_000,
        "gamma_end": 0.2,
        "ema_halflife_images": 20_000,
    },
    "medium": {
        "latent_size": 96,
        "batch_size": 8,
        "budget_images": 100_000,
        "evaluate_every_images": 10_000,
        "checkpoint_every_images": 10_000,
        "learning_rate_start": 5e-4,
        "learning_rate_end": 1.25e-4,
        "gamma_start": 2.0,
        "gamma_end": 0.5,
        "ema_halflife_images": 5_000,
    },
    "large": {
        "latent_size": 128,
        "batch_size": 8,
        "budget_images": 400_000,
        "evaluate_every_images": 40_000,
        "learning_rate_start": 5e-4,
        "learning_rate_end": 2e-4,
        "gamma_start": 12.0,
        "gamma_end": 6.0,
        "ema_halflife_images": 20_000,
    },
}


def preset_for(training_images: int, side_px: int) -> str:
    """Name of the preset for so many training images with such a side."""
    if training_images < FEW_IMAGES:
        return "few"
    if side_px >= LARGE_SIDE_PX:
        return "large"
    if side_px >= MEDIUM_SIDE_PX:
        return "medium"
    return "many" if training_images >= MANY_IMAGES else "small"


def with_preset(
    settings: TrainingSettings, training_images: int, side_px: int, family_defaults: Mapping[str, Any] | None = None
) -> TrainingSettings:
    """Settings that name their preset and have its values, except where a value was set; the second time, no change.

    What suits the family of networks goes before what suits the data. With few images of a large side, the weight of
    the penalties is the larger of both presets'.
    """
    name = preset_for(training_images, side_px) if settings.preset == "auto" else settings.preset
    values = PRESETS[name]
    if settings.preset == "auto" and name == "few" and side_px >= MEDIUM_SIDE_PX:
        by_side = PRESETS[preset_for(FEW_IMAGES, side_px)]
        values = values | {key: max(values[key], by_side[key]) for key in ("gamma_start", "gamma_end", "latent_size")}
        values |= {key: by_side[key] for key in ("learning_rate_start", "learning_rate_end")}
    given = settings.model_dump(exclude_unset=True)
    chosen = {**values, **(family_defaults or {})}
    chosen |= {key: {**chosen[key], **value} for key, value in given.items() if isinstance(chosen.get(key), dict)}
    everything = settings.model_dump() | {key: value for key, value in chosen.items() if _is_open(key, given)}
    return TrainingSettings.model_validate(everything | {"preset": name})


def _is_open(key: str, given: Mapping[str, Any]) -> bool:
    """Whether a value, or part of a section, was left to the preset."""
    return key not in given or isinstance(given[key], dict)


def chosen_values(settings: TrainingSettings) -> dict[str, Any]:
    """The preset and all that one decides, from settings that went through `with_preset`; for records."""
    values = settings.model_dump(mode="json", include=set(TrainingSettings.BY_PRESET))
    return {"preset": settings.preset, **{name: values[name] for name in sorted(values)}}
