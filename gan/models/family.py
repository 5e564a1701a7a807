"""What a family of networks has to give; each file in gan/models/families has one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import keras

from gan.models.spec import ModelSpec
from gan.settings import TrainingSettings

Builder: TypeAlias = Callable[[ModelSpec, int], keras.Model]  # (spec, seed) -> network; equal arguments, equal weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Networks of one kind at every resolution, from a ModelSpec and a seed.

    - generator: latents float32 [N, latent_size] and, if spec.classes, labels int32 [N] -> float32 [N, H, W, C],
      meant for [-1, 1];
    - discriminator: images float32 [N, H, W, C] and, if spec.classes, labels -> scores float32 [N, 1];
    - encoder, instead of it: the same inputs -> mean and log variance of the latents, float32 [N, latent_size] each.
    """

    name: str
    title: str  # one line
    when_to_use: str  # one sentence
    paper: str
    build_generator: Builder
    build_discriminator: Builder | None = None
    build_encoder: Builder | None = None
    defaults: Mapping[str, Any] = field(default_factory=dict)  # training settings that suit it better than the usual

    def __post_init__(self) -> None:
        if (self.build_discriminator is None) == (self.build_encoder is None):
            raise TypeError(f"family {self.name}: give build_discriminator or build_encoder, and not both")
        if fixed := sorted(self.defaults.keys() - TrainingSettings.BY_PRESET):
            allowed = ", ".join(sorted(TrainingSettings.BY_PRESET))
            raise TypeError(f"family {self.name}: got defaults of {', '.join(fixed)}; allowed are {allowed}")

    @property
    def kind(self) -> Literal["adversarial", "autoencoder"]:
        """How it is trained: against a discriminator, or together with an encoder."""
        return "autoencoder" if self.build_discriminator is None else "adversarial"

    def build_partner(self, spec: ModelSpec, seed: int) -> keras.Model:
        """The network that the generator is trained with: its discriminator or its encoder."""
        build = self.build_discriminator or self.build_encoder
        assert build is not None  # __post_init__
        return build(spec, seed)
