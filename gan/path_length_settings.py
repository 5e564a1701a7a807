"""Settings of the path-length penalty of generators with styles. Imports no TensorFlow."""

from pydantic import BaseModel, ConfigDict, Field


class PathLengthSettings(BaseModel):
    """What keeps steps of one size in styles steps of one size in images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: float = Field(2.0, description="Weight of the penalty on uneven path lengths; 0 = none.", ge=0, le=1e6)
    every_steps: int = Field(
        4, description="Only every so many steps of the generator, and weighted by as much.", ge=1, le=1000
    )
    mean_decay: float = Field(0.99, description="What the mean length keeps each time.", ge=0, lt=1)
