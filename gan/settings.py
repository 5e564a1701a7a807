"""Settings of the generative part. Imports no TensorFlow, so that a command line can read them quickly."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

MIN_SELECT_IMAGES = 6  # each is compared with its five nearest


class ClassifierSettings(BaseModel):
    """The small convolutional classifier: extractor of features, filter and judge."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(
        32, description="Channels of the first convolution; later ones have twice as many.", ge=4, le=256
    )
    feature_size: int = Field(64, description="Length of the feature vector before the class scores.", ge=8, le=1024)
    budget_images: int = Field(60_000, description="Training images seen, repeats counted.", ge=1)
    batch_size: int = Field(64, description="Images per step.", ge=1, le=4096)
    learning_rate: float = Field(2e-3, description="Highest learning rate; it falls to zero on a cosine.", gt=0, le=1)
    weight_decay: float = Field(0.01, description="Decay of the weights (AdamW).", ge=0, le=1)


class TrainingSettings(BaseModel):
    """Training of the generator. Resolution, channels and classes come from the data."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Literal["conv"] = Field("conv", description="Network family: plain convolutions without normalisation.")
    latent_size: int = Field(64, description="Random numbers per image.", ge=2, le=1024)
    latent_scale: float = Field(
        1.15, description="Deviation of those numbers when sampling; above 1: more varied images.", gt=0, le=3
    )
    width: int = Field(
        16, description="Channels at full resolution; doubled with every halving of the side.", ge=2, le=512
    )
    max_width: int = Field(256, description="Most channels that any layer has.", ge=2, le=2048)
    batch_size: int = Field(32, description="Real images per step.", ge=2, le=4096)
    budget_images: int = Field(100_000, description="Training ends after this many real images were seen.", ge=1)
    budget_minutes: float | None = Field(
        None, description="Cap on wall time; a run that meets it is no longer repeatable.", gt=0
    )
    learning_rate_start: float = Field(2e-3, description="Learning rate of the first step.", gt=0, le=1)
    learning_rate_end: float = Field(5e-4, description="Learning rate at the end of the budget (cosine).", gt=0, le=1)
    gradient_penalty: Literal["first_order", "exact"] = Field(
        "first_order", description="R1 and R2 by finite differences along noise, or by second-order gradients."
    )
    penalty_sigma: float = Field(0.05, description="Deviation of that noise; images are in [-1, 1].", gt=0, le=1)
    gamma_start: float = Field(1.0, description="Weight of R1 and R2 at the first step.", ge=0)
    gamma_end: float = Field(0.1, description="Weight of R1 and R2 at the end of the budget.", ge=0)
    ema_halflife_images: int = Field(5_000, description="Images after which averaged weights forget half.", ge=1)
    evaluate_every_images: int = Field(20_000, description="Images between evaluations.", ge=1)
    evaluation_samples: int = Field(1_000, description="Synthetic images per evaluation.", ge=16, le=100_000)
    checkpoint_every_images: int = Field(20_000, description="Images between checkpoints.", ge=1)
    checkpoints_kept: int = Field(2, description="Newest checkpoints that stay on disk.", ge=1, le=100)
    rollbacks_allowed: int = Field(3, description="Times training may return to a checkpoint after a NaN.", ge=0, le=20)
    rollback_learning_rate_factor: float = Field(
        0.5, description="The learning rate is multiplied by this at each return.", gt=0, le=1
    )
    alarm_after_share: float = Field(0.4, description="Share of the budget before collapse is judged.", ge=0, le=1)
    recall_floor: float = Field(0.2, description="Recall under this twice in a row raises the alarm.", ge=0, le=1)
    coverage_floor: float = Field(0.2, description="Coverage under this twice in a row raises the alarm.", ge=0, le=1)
    diversity_floor: float = Field(
        0.3, description="Spread within classes, relative to real, under this twice raises it.", ge=0, le=1
    )
    extractor: ClassifierSettings = Field(
        default_factory=ClassifierSettings, description="Classifier whose features snapshots are compared in."
    )
