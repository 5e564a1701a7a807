"""Settings of networks that grow. Imports no TensorFlow."""

from pydantic import BaseModel, ConfigDict, Field


class GrowthSettings(BaseModel):
    """How fast the side of the images doubles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images_per_phase: int | None = Field(
        None,
        description="Images to fade in a side, and again to settle; null = grown after a third of the budget.",
        ge=1,
    )
