"""One step of training as a compiled function: discriminator first, then generator, then the running average.

Plain tf.function: for ordinary convolutions on a CPU it is faster than XLA.
"""

from collections.abc import Callable

import keras
import tensorflow as tf

from gan import losses
from gan.classifier import scaled
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.training_state import TrainingState, network_inputs

# (images uint8 [N, H, W, C], labels int32 [N], step, gamma, EMA decay) -> float32 [3]: both losses and the penalty.
StepFunction = Callable[[tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor], tf.Tensor]


def make_step(state: TrainingState, settings: TrainingSettings, seed: int) -> StepFunction:
    """The step over `state`. Its random numbers depend on (seed, step) alone."""
    shape = (settings.batch_size, state.spec.resolution_px, state.spec.resolution_px, state.spec.channels)
    latents_shape = (settings.batch_size, state.spec.latent_size)
    draw = _Draw(seed)
    penalty = _exact_penalties if settings.gradient_penalty == "exact" else _first_order_penalties
    scalar = tf.TensorSpec((), tf.float32)

    @tf.function(
        input_signature=[
            tf.TensorSpec(shape, tf.uint8),
            tf.TensorSpec(shape[:1], tf.int32),
            tf.TensorSpec((), tf.int32),
            scalar,
            scalar,
        ]
    )
    def step_function(
        images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor, gamma: tf.Tensor, decay: tf.Tensor
    ) -> tf.Tensor:
        real = scaled(images)
        fake = state.generator(network_inputs(state.spec, draw.normal(latents_shape, step, "latents d"), labels))
        noise = settings.penalty_sigma * draw.normal((2, *shape), step, "penalty")
        with tf.GradientTape() as tape:
            real_scores, fake_scores = _scores(state, real, fake, labels)
            adversarial = losses.discriminator_loss(real_scores, fake_scores)
            penalties = penalty(state, settings, (real, fake), (real_scores, fake_scores), labels, noise)
            total = adversarial + gamma * penalties
        _apply(tape, total, state.discriminator, state.discriminator_optimiser)
        latents = draw.normal(latents_shape, step, "latents g")
        generator_loss = _generator_update(state, real, latents, labels)
        _average(state, decay)
        return tf.stack([adversarial, generator_loss, penalties])

    return step_function


class _Draw:
    """Normal numbers from (seed, step, purpose)."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def normal(self, shape: tuple[int, ...], step: tf.Tensor, purpose: str) -> tf.Tensor:
        return tf.random.stateless_normal(shape, tf.stack([derived_seed(self._seed, purpose), step]))


def _scores(state: TrainingState, real: tf.Tensor, fake: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """One pass over both halves is faster than two; without batch statistics it is the same."""
    both = network_inputs(state.spec, tf.concat([real, fake], 0), tf.concat([labels, labels], 0))
    real_scores, fake_scores = tf.split(state.discriminator(both), 2)
    return real_scores, fake_scores


def _first_order_penalties(
    state: TrainingState,
    settings: TrainingSettings,
    images: tuple[tf.Tensor, tf.Tensor],
    scores: tuple[tf.Tensor, tf.Tensor],
    labels: tf.Tensor,
    noise: tf.Tensor,
) -> tf.Tensor:
    noisy = _scores(state, images[0] + noise[0], images[1] + noise[1], labels)
    sigma = settings.penalty_sigma
    return losses.first_order_penalty(scores[0], noisy[0], sigma) + losses.first_order_penalty(
        scores[1], noisy[1], sigma
    )


def _exact_penalties(
    state: TrainingState,
    settings: TrainingSettings,
    images: tuple[tf.Tensor, tf.Tensor],
    scores: tuple[tf.Tensor, tf.Tensor],
    labels: tf.Tensor,
    noise: tf.Tensor,
) -> tf.Tensor:
    both = tf.concat(images, 0)
    with tf.GradientTape() as tape:
        tape.watch(both)
        inputs = network_inputs(state.spec, both, tf.concat([labels, labels], 0))
        total = tf.reduce_sum(state.discriminator(inputs))
    real_gradients, fake_gradients = tf.split(tape.gradient(total, both), 2)
    return losses.exact_penalty(real_gradients) + losses.exact_penalty(fake_gradients)


def _generator_update(state: TrainingState, real: tf.Tensor, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    real_scores = state.discriminator(network_inputs(state.spec, real, labels))
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        # Only the generator's weights: gradients of the discriminator's would be thrown away.
        tape.watch([variable.value for variable in state.generator.trainable_variables])
        fake = state.generator(network_inputs(state.spec, latents, labels))
        fake_scores = state.discriminator(network_inputs(state.spec, fake, labels))
        loss = losses.generator_loss(real_scores, fake_scores)
    _apply(tape, loss, state.generator, state.generator_optimiser)
    return loss


def _apply(tape: tf.GradientTape, loss: tf.Tensor, network: keras.Model, optimiser: keras.optimizers.Optimizer) -> None:
    variables = network.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    optimiser.apply(gradients, variables)


def _average(state: TrainingState, decay: tf.Tensor) -> None:
    pairs = zip(state.averaged.trainable_variables, state.generator.trainable_variables, strict=True)
    for averaged, current in pairs:
        averaged.assign(decay * averaged + (1.0 - decay) * current)
