"""Everything that training changes, as named arrays: weights, averaged weights and optimiser slots."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import keras
import numpy as np

from gan.backends import Tensor
from gan.models.parts import uses_batch_statistics
from gan.models.registry import family_of
from gan.models.spec import ModelSpec
from gan.seeds import derived_seed

_BETA_1 = 0.0  # no momentum: arXiv:2501.05441
_BETA_2 = 0.99


class TrainingState:
    """Both networks, the averaged generator and both optimisers. Built from the same spec and seed, equal.

    In an autoencoder the generator is its decoder, and the encoder stands where else the discriminator does.
    """

    def __init__(
        self,
        spec: ModelSpec,
        seed: int,
        *,
        precision: str = "float32",
        beta1: float = _BETA_1,
        beta2: tuple[float, float] = (_BETA_2, _BETA_2),
    ) -> None:
        """`precision` is a Keras dtype policy, `beta1` and `beta2` are Adam's; of `beta2` the first and last value.

        Build it in the scope of a distribution strategy where there is one.
        """
        self.spec = spec
        generator_seed = derived_seed(seed, "generator")
        family = family_of(spec)
        self.averaged = family.build_generator(spec, generator_seed)
        with _computing_in(precision):
            self.generator = _giving_float32(family.build_generator(spec, generator_seed), precision)
            partner = family.build_partner(spec, derived_seed(seed, "discriminator"))
            self.discriminator = _giving_float32(partner, precision)
        self._beta2 = None if beta2[0] == beta2[1] else keras.Variable(beta2[0], trainable=False, name="beta2")
        memory = beta2[0] if self._beta2 is None else self._beta2
        self.generator_optimiser = _adam(self.generator, beta1, memory, precision)
        self.discriminator_optimiser = _adam(self.discriminator, beta1, memory, precision)
        self._further: dict[str, list[keras.Variable]] = {}

    @property
    def encoder(self) -> keras.Model:
        """Of an autoencoder: images -> mean and log variance of the latents."""
        return self.discriminator

    @property
    def scores_depend_on_batch(self) -> bool:
        """Whether a score in training depends on the other images shown at once: batch normalisation."""
        return uses_batch_statistics(self.discriminator)

    @property
    def variables(self) -> list[keras.Variable]:
        """All that a step may read or assign, each once."""
        follows_budget = [] if self._beta2 is None else [self._beta2]
        return [*self._variables().values(), *follows_budget]

    def average(self, decay: Tensor) -> None:
        """Move the averaged generator towards the current one: all its weights, moving statistics too.

        Those of the current generator would not fit averaged weights: Cai et al. 2021, arXiv:2101.08482.
        """
        for averaged, current in zip(self.averaged.weights, self.generator.weights, strict=True):
            averaged.assign(decay * averaged + (1.0 - decay) * current)

    def set_learning_rate(self, learning_rate: float) -> None:
        """For the steps that follow, of both optimisers."""
        self.generator_optimiser.learning_rate.assign(learning_rate)
        self.discriminator_optimiser.learning_rate.assign(learning_rate)

    def set_beta2(self, beta2: float) -> None:
        """For the steps that follow, of both optimisers; nothing where it never changes."""
        if self._beta2 is not None:
            self._beta2.assign(beta2)

    def keep_also(self, owner: str, variables: Sequence[keras.Variable]) -> None:
        """Make variables of a step, such as the strength of augmentation, part of every checkpoint."""
        self._further[owner] = list(variables)

    def strengthen_augmentation(self, by: float, most: float) -> None:
        """Raise the adaptive probability that the step keeps, where it keeps one."""
        for kept in self._further.get("step", []):
            values = np.array(kept.numpy())
            values[0] = max(values[0], min(values[0] + by, most))
            kept.assign(values)

    def arrays(self) -> dict[str, np.ndarray]:
        """A copy of every number that the next step depends on."""
        return {name: np.array(variable.numpy()) for name, variable in self._variables().items()}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of what `arrays` gives, by name."""
        return {name: tuple(variable.shape) for name, variable in self._variables().items()}

    def restore(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Take over what `arrays` gave. Names and shapes must be the same."""
        for name, variable in self._variables().items():
            variable.assign(arrays[name])

    def averaged_arrays(self) -> list[np.ndarray]:
        """A copy of the averaged generator's weights."""
        return [weight.copy() for weight in self.averaged.get_weights()]

    def partner_arrays(self) -> list[np.ndarray]:
        """A copy of the weights of the discriminator, or of the encoder."""
        return [weight.copy() for weight in self.discriminator.get_weights()]

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
            **self._further,
        }
        return {
            f"{owner}/{index:03}": variable
            for owner, variables in owners.items()
            for index, variable in enumerate(variables)
        }


def network_inputs(spec: ModelSpec, first: Tensor, labels: Tensor) -> list[Tensor]:
    """What a network is called with: unconditional ones take no labels."""
    return [first, labels] if spec.classes else [first]


@contextmanager
def _computing_in(precision: str) -> Iterator[None]:
    """Layers made meanwhile compute in this precision; Keras knows no way but its global policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _giving_float32(network: keras.Model, precision: str) -> keras.Model:
    """The same network and weights with outputs in float32, so that losses and averages are exact."""
    if precision == "float32":
        return network
    outputs = [keras.layers.Activation("linear", dtype="float32")(output) for output in network.outputs]
    return keras.Model(network.inputs, outputs if len(outputs) > 1 else outputs[0], name=network.name)


def _adam(
    network: keras.Model, beta1: float, beta2: float | keras.Variable, precision: str
) -> keras.optimizers.Optimizer:
    """Adam; where float16 computes, gradients are of a scaled loss, or they would vanish."""
    optimiser = keras.optimizers.Adam(1e-3, beta_1=beta1, beta_2=_BETA_2, epsilon=1e-8)
    optimiser.beta_2 = beta2
    if precision == "mixed_float16":
        optimiser = keras.optimizers.LossScaleOptimizer(optimiser)
    optimiser.build(network.trainable_variables)
    return optimiser
