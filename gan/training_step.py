"""One step of training as a compiled function: discriminator first, then generator, then the running average.

It is put together from a loss by name, a penalty and what the discriminator's images are put through. Random numbers
depend on (seed, step, purpose) alone, so that a resumed run draws the same.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import keras
import tensorflow as tf

from gan.classifier import scaled
from gan.devices import Devices, on_each, own_share, share_count
from gan.discriminator_augmentation import Adaptation, Change, drawn_change
from gan.discriminator_augmentation_settings import PolicyName
from gan.losses import adversarial_loss
from gan.penalties import is_due
from gan.penalty_terms import penalty_term
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.step_numbers import StepNumbers
from gan.training_state import TrainingState, network_inputs

# (images uint8 [N, H, W, C], labels int32 [N], step, gamma, EMA decay) -> float32 [8]: StepNumbers.
StepFunction: TypeAlias = Callable[..., tf.Tensor]
Pair: TypeAlias = tuple[tf.Tensor, tf.Tensor]  # of real and of synthetic images


def make_step(
    state: TrainingState,
    settings: TrainingSettings,
    seed: int,
    policies: Sequence[PolicyName] = (),
    devices: Devices | None = None,
) -> StepFunction:
    """The step over `state`; call it with NumPy or eager values. Schedules do not trace it again.

    `policies` are what discriminator_augmentation_settings.chosen_policies chose. What it has to remember between steps
    is kept with `state`.
    """
    memory = _Memory(state, settings, bool(policies))
    update = _Update(state, settings, seed, policies)
    spread = devices is not None and devices.strategy is not None
    with_xla = not spread and uses_xla(settings.compile, bool(tf.config.list_logical_devices("GPU")))
    shape, scalar = update.images_shape, tf.TensorSpec((), tf.float32)
    signature = [tf.TensorSpec(shape, tf.uint8), tf.TensorSpec(shape[:1], tf.int32), tf.TensorSpec((), tf.int32)]

    @cache
    def compiled(penalised: bool, moves_generator: bool) -> StepFunction:
        """Kinds of steps are functions of their own: a branch inside would cost all of them time."""

        @tf.function(input_signature=[*signature, scalar, scalar], jit_compile=with_xla or None)
        def step_function(
            images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor, gamma: tf.Tensor, decay: tf.Tensor
        ) -> tf.Tensor:
            def one(images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
                chance = memory.probability
                return update(images, labels, step, gamma, chance, penalised=penalised, moves_generator=moves_generator)

            numbers = (on_each(devices, one) if devices else one)(images, labels)
            if moves_generator:
                state.average(decay)
            return memory.after(numbers, step, penalised)

        return step_function

    every, moves = settings.penalty.every_steps, settings.steps_per_generator_step
    has_penalty = settings.penalty_kind != "none"

    def run(images: tf.Tensor, labels: tf.Tensor, step: tf.Tensor, gamma: tf.Tensor, decay: tf.Tensor) -> tf.Tensor:
        number = int(step)
        kind = compiled(has_penalty and is_due(number, every), number % moves == moves - 1)
        return kind(images, labels, step, gamma, decay)

    return run


def uses_xla(wanted: str, has_gpu: bool) -> bool:
    """Whether a step is compiled with XLA: on GPUs by default (reasoned, not measured), not on CPUs.

    Measured on two cores, 16x16 gray, batches of 32, images per CPU second without and with XLA: conv 936 and 689,
    mlp 3303 and 2786. XLA also draws other random numbers, so the two give different runs of equal worth.
    """
    return wanted == "xla" or (wanted == "auto" and has_gpu)


class _Memory:
    """What a step leaves to later ones: probability of augmentation, signs since it moved, the last penalty."""

    def __init__(self, state: TrainingState, settings: TrainingSettings, augments: bool) -> None:
        augmentation = settings.discriminator_augmentation
        self._fixed = augmentation.probability if augments else 0.0
        self._adaptation = Adaptation(augmentation, settings.batch_size) if augments and augmentation.adaptive else None
        self._lazy = settings.penalty.every_steps > 1
        self._kept: keras.Variable | None = None
        if self._adaptation or self._lazy:
            self._kept = keras.Variable([self._fixed, 0.0, 0.0], dtype="float32", trainable=False, name="step_memory")
            state.keep_also("step", [self._kept])

    @property
    def probability(self) -> tf.Tensor:
        return tf.constant(self._fixed) if self._adaptation is None or self._kept is None else self._kept.value[0]

    def after(self, numbers: tf.Tensor, step: tf.Tensor, penalised: bool) -> tf.Tensor:
        """Remember; the numbers of a step, with the probability that it used."""
        probability = self.probability
        if self._kept is None:
            return tf.concat([numbers, probability[None]], 0)
        named = StepNumbers._make([*tf.unstack(numbers), probability])
        penalty = named.penalty if penalised or not self._lazy else self._kept.value[2]
        moved, signs = probability, self._kept.value[1]
        if self._adaptation:
            moved, signs = self._adaptation.moved(probability, signs, step, named.real_sign)
        self._kept.assign(tf.stack([moved, signs, penalty]))
        return tf.stack(named._replace(penalty=penalty))


class _Update:
    """Both updates of one step, on one device, as part of a graph."""

    def __init__(
        self, state: TrainingState, settings: TrainingSettings, seed: int, policies: Sequence[PolicyName]
    ) -> None:
        self._state, self._settings, self._seed, self._policies = state, settings, seed, policies
        self._loss = adversarial_loss(settings.loss, settings.real_label)
        spec = state.spec
        self.images_shape = (settings.batch_size, spec.resolution_px, spec.resolution_px, spec.channels)

    def __call__(
        self,
        images: tf.Tensor,
        labels: tf.Tensor,
        step: tf.Tensor,
        gamma: tf.Tensor,
        probability: tf.Tensor,
        *,
        penalised: bool,
        moves_generator: bool,
    ) -> tf.Tensor:
        """float32 [7]: StepNumbers but for the probability."""
        draw = _Draw(self._seed, step)
        real = scaled(images)
        fake = self._generated(draw.normal(self._latents_shape, "latents d"), labels)
        changes = self._change(draw, "d real", probability), self._change(draw, "d fake", probability)
        with tf.GradientTape() as tape:
            scores = self._scores((real, fake), labels, changes)
            adversarial = total = self._loss.discriminator(*scores)
            penalty = tf.zeros(())
            if penalised:
                penalty = self._penalty((real, fake), scores, labels, changes, draw)
                total = adversarial + self._penalty_weight(gamma) * penalty
            total = self._scaled(total, self._state.discriminator_optimiser)
        _apply(tape, total, self._state.discriminator, self._state.discriminator_optimiser)
        generator_loss = self._loss.generator(*scores)
        if moves_generator:
            generator_loss = self._generator_update(real, scores[0], labels, draw, probability)
        return tf.stack([adversarial, generator_loss, penalty, *self._statistics(*scores)])

    @property
    def _latents_shape(self) -> tuple[int, int]:
        return self._settings.batch_size, self._state.spec.latent_size

    def _generated(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return self._state.generator(network_inputs(self._state.spec, latents, labels), training=True)

    def _scored(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        return self._state.discriminator(network_inputs(self._state.spec, images, labels), training=True)

    def _scores(self, images: Pair, labels: tf.Tensor, changes: tuple[Change, Change]) -> Pair:
        """One pass over both halves is faster than two; without batch statistics it is the same.

        With them, real and synthetic images have each their own, as they have in the generator's update.
        """
        real, fake = (change(half) for change, half in zip(changes, images, strict=True))
        if self._state.scores_depend_on_batch:
            return self._scored(real, labels), self._scored(fake, labels)
        real_scores, fake_scores = tf.split(self._scored(tf.concat([real, fake], 0), tf.concat([labels, labels], 0)), 2)
        return real_scores, fake_scores

    def _penalty(
        self, images: Pair, scores: Pair, labels: tf.Tensor, changes: tuple[Change, Change], draw: "_Draw"
    ) -> tf.Tensor:
        """Slopes are those in the images before they are changed, and all are changed as they were when scored."""
        settings = self._settings
        return penalty_term(
            settings.penalty_kind,
            settings.penalty.resolved_order,
            images,
            scores,
            score_both=lambda pair: self._scores(pair, labels, changes),
            score_one=lambda half, which: self._scored(changes[which](half), labels),
            noise=lambda: settings.penalty.sigma * draw.normal((2, *self.images_shape), "penalty", axis=1),
            shares=lambda: draw.uniform(self.images_shape[:1], "interpolation"),
            sigma=settings.penalty.sigma,
        )

    def _penalty_weight(self, gamma: tf.Tensor) -> tf.Tensor | float:
        penalty = self._settings.penalty
        weight = penalty.weight if self._settings.penalty_kind == "gradient_penalty" else gamma
        return weight if penalty.every_steps == 1 else penalty.every_steps * weight

    def _generator_update(
        self, real: tf.Tensor, real_scores: tf.Tensor, labels: tf.Tensor, draw: "_Draw", probability: tf.Tensor
    ) -> tf.Tensor:
        generator = self._state.generator
        latents = draw.normal(self._latents_shape, "latents g")
        if self._loss.generator_sees_real:
            real_scores = self._scored(self._change(draw, "g real", probability)(real), labels)
        change = self._change(draw, "g fake", probability)
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            # Only the generator's weights: gradients of the discriminator's would be thrown away.
            tape.watch([variable.value for variable in generator.trainable_variables])
            fake_scores = self._scored(change(self._generated(latents, labels)), labels)
            loss = self._loss.generator(real_scores, fake_scores)
            total = self._scaled(loss, self._state.generator_optimiser)
        _apply(tape, total, generator, self._state.generator_optimiser)
        return loss

    def _change(self, draw: "_Draw", place: str, probability: tf.Tensor) -> Change:
        if not self._policies:
            return lambda images: images

        def uniform(shape: tuple[int, ...], purpose: str) -> tf.Tensor:
            return draw.uniform((shape[0] * share_count(), *shape[1:]), f"{place} {purpose}")

        own = (self.images_shape[0] // share_count(), *self.images_shape[1:])
        return drawn_change(self._policies, own, probability, uniform)

    def _statistics(self, real_scores: tf.Tensor, fake_scores: tf.Tensor) -> list[tf.Tensor]:
        margins = self._loss.real_margin(real_scores, fake_scores)
        above = tf.cast(real_scores > fake_scores, tf.float32)
        values = (real_scores, fake_scores, above, tf.sign(margins))
        return [tf.reduce_mean(value) for value in values]

    @staticmethod
    def _scaled(loss: tf.Tensor, optimiser: keras.optimizers.Optimizer) -> tf.Tensor:
        """Gradients of devices are summed; those in float16 are kept from vanishing."""
        count = share_count()
        return optimiser.scale_loss(loss if count == 1 else loss / count)


class _Draw:
    """Random numbers from (seed, step, purpose), for a whole batch; each device takes its share."""

    def __init__(self, seed: int, step: tf.Tensor) -> None:
        self._seed, self._step = seed, step

    def normal(self, shape: tuple[int, ...], purpose: str, axis: int = 0) -> tf.Tensor:
        return own_share(tf.random.stateless_normal(shape, self._seeds(purpose)), axis)

    def uniform(self, shape: tuple[int, ...], purpose: str) -> tf.Tensor:
        """In [0, 1)."""
        return own_share(tf.random.stateless_uniform(shape, self._seeds(purpose)))

    def _seeds(self, purpose: str) -> tf.Tensor:
        return tf.stack([derived_seed(self._seed, purpose), self._step])


def _apply(tape: tf.GradientTape, loss: tf.Tensor, network: keras.Model, optimiser: keras.optimizers.Optimizer) -> None:
    variables = network.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in variables])
    optimiser.apply(gradients, variables)
