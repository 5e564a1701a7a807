"""Settings of the family `vae`. Imports no TensorFlow."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

ReconstructionName = Literal["calibrated", "squared_error", "absolute_error"]


class AutoencoderSettings(BaseModel):
    """Training of a variational autoencoder: reconstruction error + beta times the divergence of its latents."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reconstruction: ReconstructionName = Field(
        "calibrated", description="Error of a reconstruction; calibrated: squared, with the deviation that fits."
    )
    beta_start: float = Field(0.1, description="Weight of the latents' divergence at the first step.", ge=0, le=1000)
    beta_end: float = Field(1.0, description="The same at the end of the budget (cosine).", ge=0, le=1000)
