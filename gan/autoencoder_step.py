"""One step of training a variational autoencoder as a compiled function: encoder and decoder, then the running average.

Kingma and Welling 2013, arXiv:1312.6114; the weight beta: Higgins et al. 2017, "beta-VAE".
"""

from collections.abc import Sequence

from keras import ops

from gan import autoencoder_losses as losses
from gan.backends import Tensor, backend
from gan.classifier import scaled
from gan.devices import Devices
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.training_state import TrainingState, network_inputs
from gan.training_step import StepFunction, step_arguments, uses_xla

NUMBERS = ("loss", "reconstruction_loss", "kl_divergence")


def make_autoencoder_step(
    state: TrainingState, settings: TrainingSettings, seed: int, devices: Devices | None = None
) -> StepFunction:
    """The step over `state`, whose generator is the decoder. Its random numbers depend on (seed, step) alone.

    It is called like that of gan.training_step, with beta for gamma, and gives float32 [3]: NUMBERS, in nats per
    pixel and channel, so that sizes can be compared.
    """
    spread = devices is not None and devices.several

    def step_function(images: Tensor, labels: Tensor, step: Tensor, beta: Tensor, decay: Tensor) -> Tensor:
        def one(images: Tensor, labels: Tensor) -> Tensor:
            return _update(state, settings, seed, images, labels, step, beta)

        numbers = (devices.spread(one) if devices else one)(images, labels)
        state.average(decay)
        return numbers

    with_xla = not spread and uses_xla(settings.compile, backend.has_gpu())
    return backend.compiled(
        step_function, state.variables, step_arguments(state.spec, settings.batch_size), xla=with_xla
    )


def _update(
    state: TrainingState,
    settings: TrainingSettings,
    seed: int,
    images: Tensor,
    labels: Tensor,
    step: Tensor,
    beta: Tensor,
) -> Tensor:
    """Of both networks, on one device, as part of a graph."""
    real = scaled(images)
    shape = settings.batch_size, state.spec.latent_size
    noise = backend.own_share(backend.normal(shape, derived_seed(seed, "autoencoder noise"), step))

    def loss() -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        mean, raw = state.encoder(network_inputs(state.spec, real, labels), training=True)
        log_variance = losses.limited(raw)
        latents = losses.latents_from(mean, log_variance, noise)
        made = state.generator(network_inputs(state.spec, latents, labels), training=True)
        reconstruction = losses.RECONSTRUCTIONS[settings.autoencoder.reconstruction](real, made)
        divergence = losses.kl_divergence(mean, log_variance)
        total = reconstruction + beta * divergence
        # Gradients of devices are summed, and in float16 each optimiser expects those of a loss that it scaled itself.
        scaled_total = state.discriminator_optimiser.scale_loss(total / backend.share_count())
        return scaled_total, (total, reconstruction, divergence)

    encoder, decoder = state.encoder.trainable_variables, state.generator.trainable_variables
    gradients, numbers = backend.gradients(loss, [*encoder, *decoder])
    _apply(gradients, state)
    return ops.stack(numbers) / (real.shape[1] * real.shape[2] * real.shape[3])


def _apply(gradients: Sequence[Tensor], state: TrainingState) -> None:
    """Both networks follow one loss; Adam works by weight, so two optimisers are as good as one."""
    encoder, decoder = state.encoder.trainable_variables, state.generator.trainable_variables
    ratio = state.generator_optimiser.scale_loss(1.0) / state.discriminator_optimiser.scale_loss(1.0)
    backend.apply(state.discriminator_optimiser, gradients[: len(encoder)], encoder)
    of_decoder = [ratio * backend.dense(gradient) for gradient in gradients[len(encoder) :]]
    backend.apply(state.generator_optimiser, of_decoder, decoder)
