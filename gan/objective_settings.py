"""Settings of the game: which loss, which penalty, how often each side moves. Imports no TensorFlow."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from gan.models.options import NORMALISED, NormalisationChoice, has_batch_statistics

LossName = Literal["relativistic", "non_saturating", "minimax", "least_squares", "hinge", "wasserstein"]
PenaltyKind = Literal["r1_r2", "r1", "r2", "gradient_penalty", "none"]
PenaltyOrder = Literal["first", "exact"]

SMOOTHABLE = ("non_saturating", "minimax")
CLASSICAL = ("non_saturating", "minimax", "least_squares")  # losses that normalisation was enough for


@dataclass(frozen=True, slots=True)
class LossDefaults:
    """What goes with a loss where settings leave it open."""

    penalty: PenaltyKind
    discriminator_steps: int = 1


# Without a penalty, networks without normalisation soon have slopes that help no generator.
LOSS_DEFAULTS: dict[str, LossDefaults] = {
    "relativistic": LossDefaults("r1_r2"),  # arXiv:2501.05441
    "non_saturating": LossDefaults("r1"),  # arXiv:1801.04406
    "minimax": LossDefaults("r1"),
    "least_squares": LossDefaults("r1"),
    "hinge": LossDefaults("r1"),
    "wasserstein": LossDefaults("gradient_penalty", discriminator_steps=5),  # arXiv:1704.00028
}


class PenaltySettings(BaseModel):
    """What keeps the discriminator's slope small. The weight of R1 and R2 is gamma, which follows the budget."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["auto", "r1_r2", "r1", "r2", "gradient_penalty", "none"] = Field(
        "auto", description="auto = what goes with the loss; r1 is at real images, r2 at synthetic ones."
    )
    order: Literal["auto", "first", "exact"] = Field(
        "auto", description="first = finite differences along noise (auto for r1, r2); exact = second-order gradients."
    )
    sigma: float = Field(0.05, description="Deviation of that noise; images are in [-1, 1].", gt=0, le=1)
    every_steps: int = Field(1, description="Only every so many steps, and weighted by as much.", ge=1, le=1000)
    weight: float = Field(
        10.0, description="Weight of gradient_penalty; r1 and r2 have gamma_start and gamma_end.", gt=0, le=1e6
    )

    def kind_for(self, loss: str, model: str, normalisation: NormalisationChoice) -> PenaltyKind:
        """The kind; where it is `auto`, the one that goes with a loss, and none for the classical DCGAN."""
        if self.kind != "auto":
            return self.kind
        classical = model in NORMALISED and normalisation != "none" and loss in CLASSICAL
        return "none" if classical else LOSS_DEFAULTS[loss].penalty

    @property
    def resolved_order(self) -> PenaltyOrder:
        """Of R1 and R2; `auto` avoids second-order gradients."""
        return "exact" if self.order == "exact" else "first"


def check_objective(
    model: str,
    normalisation: NormalisationChoice,
    spectral_normalisation: bool,
    loss: str,
    real_label: float,
    penalty: PenaltySettings,
) -> None:
    """Raises ValueError, one sentence, for combinations that make no sense."""
    kind = penalty.kind_for(loss, model, normalisation)
    if real_label != 1.0 and loss not in SMOOTHABLE:
        raise ValueError(
            f"real_label is {real_label:g}, but loss {loss} has no labels to smooth; "
            f"set it to 1, or use one of {', '.join(SMOOTHABLE)}"
        )
    if loss == "wasserstein" and kind == "none":
        raise ValueError(
            "loss wasserstein without a penalty has no bound on its scores; set penalty.kind to gradient_penalty"
        )
    if kind == "gradient_penalty" and has_batch_statistics(model, normalisation, spectral_normalisation):
        raise ValueError(
            f"gradient_penalty is of single images, and scores of model {model} depend on the whole batch; "
            "choose another penalty.kind, normalisation or model"
        )
    if kind == "gradient_penalty" and penalty.order == "first":
        raise ValueError(
            "penalty.order is first, but gradient_penalty needs the gradient itself; set penalty.order to exact or auto"
        )
    if kind == "none" and penalty.every_steps > 1:
        raise ValueError(
            f"penalty.every_steps is {penalty.every_steps}, but there is no penalty; "
            "set it to 1, or choose a penalty.kind"
        )
