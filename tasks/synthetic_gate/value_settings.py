"""Settings of downstream value: which classifiers are trained, and how often."""

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field

from tasks.imaging.augmentation.presets import Preset

Arm = Literal["synthetic", "real_plus_synthetic", "real_plus_augmented", "real_oversampled"]


class ValueSettings(BaseModel):
    """Arms are training sets; a classifier is trained on each, and on real images alone, once per seed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: int = Field(2, ge=1, le=20, description="classifiers trained per arm; paired comparisons need 2")
    arms: tuple[Arm, ...] = Field(
        ("synthetic", "real_plus_synthetic"),
        description=f"beside real: {', '.join(get_args(Arm))}",
    )
    most_per_real: float = Field(
        1.0, gt=0, le=100, description="synthetic (or augmented) images added per real one, at most"
    )
    augmentation: Preset = Field("light", description="preset of augmentation of real_plus_augmented")
