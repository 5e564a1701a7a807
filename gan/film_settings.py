"""Settings of the film of training. Imports no TensorFlow."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class FilmSettings(BaseModel):
    """How training is filmed: the same latents, again and again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["none", "gif", "mp4"] = Field("gif", description="none, gif, or mp4 (MPEG-4 part 2; smaller).")
    every_images: int | None = Field(
        None, ge=1, description="Training images between frames; null = a frame per evaluation."
    )
    most_frames: int = Field(60, ge=2, le=1000, description="With more frames, every second one is left out.")
    most_mib: float = Field(8.0, gt=0, le=1024, description="A larger film is thinned likewise until it fits.")
    seconds_per_frame: float = Field(0.15, ge=0.02, le=10, description="How long a frame is shown.")
