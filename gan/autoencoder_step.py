"""One step of training a variational autoencoder as a compiled function: encoder and decoder, then the running average.

Kingma and Welling 2013, arXiv:1312.6114; the weight beta: Higgins et al. 2017, "beta-VAE".
"""

import tensorflow as tf

from gan import autoencoder_losses as losses
from gan.classifier import scaled
from gan.devices import Devices, on_each, own_share, share_count
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.training_state import TrainingState, network_inputs
from gan.training_step import StepFunction, uses_xla

NUMBERS = ("loss", "reconstruction_loss", "kl_divergence")


def make_autoencoder_step(
    state: TrainingState, settings: TrainingSettings, seed: int, devices: Devices | None = None
) -> StepFunction:
    """The step over `state`, whose generator is the decoder. Its random numbers depend on (seed, step) alone.

    It is called like that of gan.training_step, with beta for gamma, and gives float32 [3]: NUMBERS, in nats per
    pixel and channel, so that sizes can be compared.
    """
    shape = (settings.batch_size, state.spec.resolution_px, state.spec.resolution_px, state.spec.channels)
    scalar = tf.TensorSpec((), tf.float32)
    signature = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec(shape[:1], tf.int32), tf.TensorSpec((), tf.int32)]
    spread = devices is not None and devices.strategy is not None
    with_xla = not spread and uses_xla(settings.compile, bool(tf.config.list_logical_devices("GPU")))

    @tf.function(input_signature=[*signature, scalar, scalar], jit_compile=with_xla or None)
    def step_function(
        images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor, beta: tf.Tensor, decay: tf.Tensor
    ) -> tf.Tensor:
        def one(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
            return _update(state, settings, seed, images, labels, step, beta)

        numbers = (on_each(devices, one) if devices else one)(images, labels)
        state.average(decay)
        return numbers

    return step_function


def _update(
    state: TrainingState,
    settings: TrainingSettings,
    seed: int,
    images: tf.Tensor,
    labels: tf.Tensor,
    step: tf.Tensor,
    beta: tf.Tensor,
) -> tf.Tensor:
    """Of both networks, on one device, as part of a graph."""
    real = scaled(images)
    seeds = tf.stack([derived_seed(seed, "autoencoder noise"), step])
    noise = own_share(tf.random.stateless_normal((settings.batch_size, state.spec.latent_size), seeds))
    with tf.GradientTape() as tape:
        mean, raw = state.encoder(network_inputs(state.spec, real, labels), training=True)
        log_variance = losses.limited(raw)
        latents = losses.latents_from(mean, log_variance, noise)
        made = state.generator(network_inputs(state.spec, latents, labels), training=True)
        reconstruction = losses.RECONSTRUCTIONS[settings.autoencoder.reconstruction](real, made)
        divergence = losses.kl_divergence(mean, log_variance)
        total = reconstruction + beta * divergence
        # Gradients of devices are summed, and in float16 each optimiser expects those of a loss that it scaled itself.
        scaled_total = state.discriminator_optimiser.scale_loss(total / share_count())
    _apply(tape, scaled_total, state)
    return tf.stack([total, reconstruction, divergence]) / (real.shape[1] * real.shape[2] * real.shape[3])


def _apply(tape: tf.GradientTape, loss: tf.Tensor, state: TrainingState) -> None:
    """Both networks follow one loss; Adam works by weight, so two optimisers are as good as one."""
    encoder, decoder = state.encoder.trainable_variables, state.generator.trainable_variables
    ratio = state.generator_optimiser.scale_loss(1.0) / state.discriminator_optimiser.scale_loss(1.0)
    gradients = tape.gradient(loss, [variable.value for variable in (*encoder, *decoder)])
    state.discriminator_optimiser.apply(gradients[: len(encoder)], encoder)
    state.generator_optimiser.apply(
        [ratio * tf.convert_to_tensor(gradient) for gradient in gradients[len(encoder) :]], decoder
    )
