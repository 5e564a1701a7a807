"""Settings of the generative part. Imports no TensorFlow, so that a command line can read them quickly."""

from collections.abc import Sequence
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gan.autoencoder_settings import AutoencoderSettings
from gan.discriminator_augmentation_settings import DiscriminatorAugmentationSettings
from gan.film_settings import FilmSettings
from gan.growth_settings import GrowthSettings
from gan.health_settings import HealthSettings
from gan.models.families import FamilyName
from gan.models.options import NormalisationChoice, check_groups, check_options
from gan.objective_settings import LOSS_DEFAULTS, LossName, PenaltyKind, PenaltySettings, check_objective
from gan.path_length_settings import PathLengthSettings

MIN_SELECT_IMAGES = 6  # each is compared with its five nearest
MIN_CLASS_IMAGES = 8  # on average, to learn by class: fewer are copied rather than learned


def few_per_class(counts: Sequence[int]) -> str | None:
    """What is wrong with training images per class, too few to learn by class; empty ones do not count."""
    classes = sum(count > 0 for count in counts)
    if not classes or sum(counts) >= MIN_CLASS_IMAGES * classes:
        return None
    return (
        f"{sum(counts)} training images of {classes} classes are {sum(counts) / classes:.1f} per class, "
        f"at least {MIN_CLASS_IMAGES} on average are needed to learn by class"
    )


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

    # What a preset or a family of networks chooses where nobody did.
    BY_PRESET: ClassVar[frozenset[str]] = frozenset(
        {
            "latent_size",
            "bounded_output",
            "batch_size",
            "budget_images",
            "learning_rate_start",
            "learning_rate_end",
            "beta2_start",
            "gamma_start",
            "gamma_end",
            "ema_halflife_images",
            "evaluate_every_images",
            "checkpoint_every_images",
            "discriminator_augmentation",
        }
    )

    preset: Literal["auto", "small", "few", "many", "medium", "large"] = Field(
        "auto", description="Values for a kind of data; auto = by count and size. What is set here goes before it."
    )
    model: FamilyName = Field("conv", description="Family of networks; `augment-dataset models` lists them.")
    latent_size: int = Field(64, description="Random numbers per image.", ge=2, le=1024)
    latent_scale: float = Field(
        1.15, description="Deviation of those numbers when sampling; above 1: more varied images.", gt=0, le=3
    )
    width: int = Field(
        16, description="Channels at full resolution; doubled with every halving of the side.", ge=2, le=512
    )
    max_width: int = Field(256, description="Most channels that any layer has.", ge=2, le=2048)
    spectral_normalisation: bool = Field(
        False, description="Divide each of the discriminator's kernels by its largest singular value."
    )
    bounded_output: bool = Field(
        False, description="tanh for the image in conv, r3gan and vae too; for much pure black or white."
    )
    normalisation: NormalisationChoice = Field(
        "auto", description="none, batch, instance or layer; of dcgan, where auto is batch."
    )
    attention_px: int | None = Field(
        None, description="Side of features that attend to themselves (conv, dcgan); null = none.", ge=4, le=64
    )
    batch_size: int = Field(32, description="Real images per step.", ge=2, le=4096)
    budget_images: int = Field(100_000, description="Training ends after this many real images were seen.", ge=1)
    budget_minutes: float | None = Field(
        None, description="Cap on wall time; a run that meets it is no longer repeatable.", gt=0
    )
    learning_rate_start: float = Field(2e-3, description="Learning rate of the first step.", gt=0, le=1)
    learning_rate_end: float = Field(5e-4, description="Learning rate at the end of the budget (cosine).", gt=0, le=1)
    loss: LossName = Field("relativistic", description="Adversarial loss; docs/gan.md says what each is for.")
    real_label: float = Field(
        1.0,
        description="0.9 smooths the label of real images (non_saturating, minimax).",
        gt=0.5,
        le=1,
    )
    penalty: PenaltySettings = Field(
        default_factory=PenaltySettings, description="What keeps the discriminator's slope small."
    )
    discriminator_steps: int | None = Field(
        None,
        description="Discriminator steps per generator step; null = 1 (wasserstein: 5).",
        ge=1,
        le=100,
    )
    discriminator_augmentation: DiscriminatorAugmentationSettings = Field(
        default_factory=DiscriminatorAugmentationSettings,
        description="Random changes that only the discriminator sees, against overfitting.",
    )
    compile: Literal["auto", "plain", "xla"] = Field(
        "auto", description="How a step is compiled; auto = xla on GPUs, else plain, as docs/gan.md measures."
    )
    adam_beta1: float = Field(
        0.0, description="Adam's memory of gradients, of both networks; the classical DCGAN has 0.5.", ge=0, lt=1
    )
    beta2_start: float = Field(0.99, description="Adam's memory of squared gradients at the first step.", ge=0, lt=1)
    beta2_end: float = Field(0.99, description="The same at the end of the budget (cosine).", ge=0, lt=1)
    gamma_start: float = Field(1.0, description="Weight of R1 and R2 at the first step.", ge=0)
    gamma_end: float = Field(0.1, description="Weight of R1 and R2 at the end of the budget.", ge=0)
    autoencoder: AutoencoderSettings = Field(
        default_factory=AutoencoderSettings, description="Training of the family vae, which has no discriminator."
    )
    path_length: PathLengthSettings = Field(
        default_factory=PathLengthSettings, description="Even path lengths, of the family stylegan2."
    )
    growth: GrowthSettings = Field(default_factory=GrowthSettings, description="How the family progressive grows.")
    ema_halflife_images: int = Field(5_000, description="Images after which averaged weights forget half.", ge=1)
    evaluate_every_images: int = Field(20_000, description="Images between evaluations.", ge=1)
    evaluation_samples: int = Field(1_000, description="Synthetic images per evaluation.", ge=16, le=100_000)
    checkpoint_every_images: int = Field(20_000, description="Images between checkpoints.", ge=1)
    checkpoints_kept: int = Field(2, description="Newest checkpoints that stay on disk.", ge=1, le=100)
    rollbacks_allowed: int = Field(3, description="Times training may return to a checkpoint after a NaN.", ge=0, le=20)
    rollback_learning_rate_factor: float = Field(
        0.5, description="The learning rate is multiplied by this at each return.", gt=0, le=1
    )
    early_stop_evaluations: int | None = Field(
        None, description="Stop after so many evaluations without a better one; null = off.", ge=1
    )
    conditional: Literal["auto", "yes", "no"] = Field(
        "auto", description="Learn by class; auto = where a class has 8 training images or more on average."
    )
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "float32", description="Numbers that networks compute with; weights are always float32."
    )
    devices: Literal["auto", "one", "all"] = Field(
        "auto", description="Devices to spread each batch over; auto = all GPUs of this machine, else one."
    )
    warm_start: Literal["auto", "never", "always"] = Field(
        "auto", description="Go on from the last version's generator; auto = where few images are new."
    )
    warm_start_changed_share: float = Field(
        0.1, description="Share of training images that may be new for auto.", ge=0, le=1
    )
    warm_start_budget_share: float = Field(0.3, description="Share of the budget that is then used.", gt=0, le=1)
    alarm_after_share: float = Field(0.4, description="Share of the budget before collapse is judged.", ge=0, le=1)
    recall_floor: float = Field(0.2, description="Recall under this raises the alarm.", ge=0, le=1)
    coverage_floor: float = Field(0.2, description="Coverage under this raises the alarm.", ge=0, le=1)
    diversity_floor: float = Field(
        0.3, description="Spread within classes, relative to real, under this raises it.", ge=0, le=1
    )
    health: HealthSettings = Field(default_factory=HealthSettings, description="When a run counts as failing.")
    tensorboard: bool = Field(False, description="Also write TensorBoard event files, into tensorboard/ of the run.")
    film: FilmSettings = Field(default_factory=FilmSettings, description="Film of the same latents over training.")
    extractor: ClassifierSettings = Field(
        default_factory=ClassifierSettings, description="Classifier whose features snapshots are compared in."
    )

    @property
    def steps_per_generator_step(self) -> int:
        """Steps of the discriminator for one of the generator."""
        return self.discriminator_steps or LOSS_DEFAULTS[self.loss].discriminator_steps

    @property
    def penalty_kind(self) -> PenaltyKind:
        """What `penalty.kind` comes to with this loss and model."""
        return self.penalty.kind_for(self.loss, self.model, self.normalisation)

    @model_validator(mode="after")
    def _sensible_objective(self) -> Self:
        check_options(self.model, self.spectral_normalisation, self.normalisation, self.attention_px)
        check_groups(self.model, self.batch_size)
        check_objective(
            self.model, self.normalisation, self.spectral_normalisation, self.loss, self.real_label, self.penalty
        )
        return self
