"""Everything that training changes, as named arrays: weights, averaged weights and optimiser slots."""

from collections.abc import Mapping

import keras
import numpy as np
import tensorflow as tf

from gan.models.conv import build_discriminator, build_generator
from gan.models.spec import ModelSpec
from gan.seeds import derived_seed

_BETA_1 = 0.0  # no momentum: arXiv:2501.05441
_BETA_2 = 0.99


class TrainingState:
    """Both networks, the averaged generator and both optimisers. Built from the same spec and seed, equal."""

    def __init__(self, spec: ModelSpec, seed: int) -> None:
        self.spec = spec
        generator_seed = derived_seed(seed, "generator")
        self.generator = build_generator(spec, generator_seed)
        self.averaged = build_generator(spec, generator_seed)
        self.discriminator = build_discriminator(spec, derived_seed(seed, "discriminator"))
        self.generator_optimiser = _adam(self.generator)
        self.discriminator_optimiser = _adam(self.discriminator)

    def set_learning_rate(self, learning_rate: float) -> None:
        """For the steps that follow, of both optimisers."""
        self.generator_optimiser.learning_rate.assign(learning_rate)
        self.discriminator_optimiser.learning_rate.assign(learning_rate)

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy of every number that the next step depends on."""
        return {name: np.array(variable.numpy()) for name, variable in self._variables().items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `arrays` gave. Names and shapes must be the same."""
        for name, variable in self._variables().items():
            variable.assign(arrays[name])

    def averaged_arrays(self) -> list[np.ndarray]:
        """A copy of the averaged generator's weights."""
        return [weight.copy() for weight in self.averaged.get_weights()]

    def is_finite(self) -> bool:
        """Whether no weight of either network is NaN or infinite."""
        weights = [*self.generator.get_weights(), *self.discriminator.get_weights()]
        return all(bool(np.isfinite(weight).all()) for weight in weights)

    def _variables(self) -> dict[str, keras.Variable]:
        owners = {
            "generator": self.generator.variables,
            "averaged": self.averaged.variables,
            "discriminator": self.discriminator.variables,
            "generator_optimiser": self.generator_optimiser.variables,
            "discriminator_optimiser": self.discriminator_optimiser.variables,
        }
        return {
            f"{owner}/{index:03}": variable
            for owner, variables in owners.items()
            for index, variable in enumerate(variables)
        }


def network_inputs(spec: ModelSpec, first: tf.Tensor, labels: tf.Tensor) -> list[tf.Tensor]:
    """What a network is called with: unconditional ones take no labels."""
    return [first, labels] if spec.classes else [first]


def _adam(network: keras.Model) -> keras.optimizers.Optimizer:
    optimiser = keras.optimizers.Adam(1e-3, beta_1=_BETA_1, beta_2=_BETA_2, epsilon=1e-8)
    optimiser.build(network.trainable_variables)
    return optimiser
