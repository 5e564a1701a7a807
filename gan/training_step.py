"""One step of training as a compiled function: discriminator first, then generator, then the running average.

It is put together from a loss by name, a penalty and what the discriminator's images are put through. Random numbers
depend on (seed, step, purpose) alone, so that a resumed run draws the same.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import TypeAlias

import keras
from keras import ops

from gan.backends import Tensor, backend
from gan.backends.interface import Argument
from gan.classifier import scaled
from gan.devices import Devices
from gan.discriminator_augmentation import Adaptation, Change, drawn_change
from gan.discriminator_augmentation_settings import PolicyName
from gan.losses import adversarial_loss
from gan.models.growth_layers import as_grown
from gan.models.mapping_network import has_styles
from gan.models.spec import ModelSpec
from gan.path_length import PathLengths
from gan.penalties import is_due
from gan.penalty_terms import penalty_term
from gan.seeds import derived_seed
from gan.settings import TrainingSettings
from gan.step_numbers import StepNumbers
from gan.training_state import TrainingState, network_inputs

# (images uint8 [N, H, W, C], labels int32 [N], step, gamma, EMA decay) -> float32 [8]: StepNumbers.
StepFunction: TypeAlias = Callable[..., Tensor]
Pair: TypeAlias = tuple[Tensor, Tensor]  # of real and of synthetic images


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
    spread = devices is not None and devices.several
    with_xla = not spread and uses_xla(settings.compile, backend.has_gpu())

    @cache
    def compiled(penalised: bool, moves_generator: bool, evens_paths: bool) -> StepFunction:
        """Kinds of steps are functions of their own: a branch inside would cost all of them time."""

        def step_function(images: Tensor, labels: Tensor, step: Tensor, gamma: Tensor, decay: Tensor) -> Tensor:
            def one(images: Tensor, labels: Tensor) -> Tensor:
                chance = memory.probability
                kinds = {"penalised": penalised, "moves_generator": moves_generator, "evens_paths": evens_paths}
                return update(images, labels, step, gamma, chance, **kinds)

            numbers = (devices.spread(one) if devices else one)(images, labels)
            if moves_generator:
                state.average(decay)
            return memory.after(numbers, step, penalised)

        arguments = step_arguments(state.spec, settings.batch_size)
        return backend.compiled(step_function, state.variables, arguments, xla=with_xla)

    every, moves = settings.penalty.every_steps, settings.steps_per_generator_step
    has_penalty = settings.penalty_kind != "none"

    def run(images: Tensor, labels: Tensor, step: Tensor, gamma: Tensor, decay: Tensor) -> Tensor:
        number = int(step)
        moves_now = number % moves == moves - 1
        paths_now = moves_now and update.has_paths and is_due(number // moves, settings.path_length.every_steps)
        kind = compiled(has_penalty and is_due(number, every), moves_now, paths_now)
        return kind(images, labels, step, gamma, decay)

    return run


def step_arguments(spec: ModelSpec, batch_size: int) -> list[Argument]:
    """Of every step: images, labels, its number, the weight of its extra term, the decay of the average."""
    images = batch_size, spec.resolution_px, spec.resolution_px, spec.channels
    return [(images, "uint8"), ((batch_size,), "int32"), ((), "int32"), ((), "float32"), ((), "float32")]


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
    def probability(self) -> Tensor:
        if self._adaptation is None or self._kept is None:
            return ops.convert_to_tensor(self._fixed, "float32")
        return self._kept.value[0]

    def after(self, numbers: Tensor, step: Tensor, penalised: bool) -> Tensor:
        """Remember; the numbers of a step, with the probability that it used."""
        probability = self.probability
        if self._kept is None:
            return ops.concatenate([numbers, probability[None]], 0)
        named = StepNumbers._make([*ops.unstack(numbers), probability])
        penalty = named.penalty if penalised or not self._lazy else self._kept.value[2]
        moved, signs = probability, self._kept.value[1]
        if self._adaptation:
            moved, signs = self._adaptation.moved(probability, signs, step, named.real_sign)
        self._kept.assign(ops.stack([moved, signs, penalty]))
        return ops.stack(named._replace(penalty=penalty))


class _Update:
    """Both updates of one step, on one device, as part of a graph."""

    def __init__(
        self, state: TrainingState, settings: TrainingSettings, seed: int, policies: Sequence[PolicyName]
    ) -> None:
        self._state, self._settings, self._seed, self._policies = state, settings, seed, policies
        self._loss = adversarial_loss(settings.loss, settings.real_label)
        self._paths: PathLengths | None = None
        if has_styles(state.generator) and settings.path_length.weight:
            self._paths = PathLengths(state.generator, settings.path_length)
            state.keep_also("path_length", [self._paths.mean])
        spec = state.spec
        self.images_shape = (settings.batch_size, spec.resolution_px, spec.resolution_px, spec.channels)

    def __call__(
        self,
        images: Tensor,
        labels: Tensor,
        step: Tensor,
        gamma: Tensor,
        probability: Tensor,
        *,
        penalised: bool,
        moves_generator: bool,
        evens_paths: bool = False,
    ) -> Tensor:
        """float32 [7]: StepNumbers but for the probability."""
        draw = _Draw(self._seed, step)
        real = as_grown(self._state.discriminator, scaled(images))
        fake = self._generated(draw.normal(self._latents_shape, "latents d"), labels)
        changes = self._change(draw, "d real", probability), self._change(draw, "d fake", probability)
        discriminator, optimiser = self._state.discriminator, self._state.discriminator_optimiser

        def loss() -> tuple[Tensor, tuple[Tensor, Tensor, Pair]]:
            scores = self._scores((real, fake), labels, changes)
            adversarial = total = self._loss.discriminator(*scores)
            penalty = ops.zeros(())
            if penalised:
                penalty = self._penalty((real, fake), scores, labels, changes, draw)
                total = adversarial + self._penalty_weight(gamma) * penalty
            return self._scaled(total, optimiser), (adversarial, penalty, scores)

        gradients, (adversarial, penalty, scores) = backend.gradients(loss, discriminator.trainable_variables)
        backend.apply(optimiser, gradients, discriminator.trainable_variables)
        generator_loss = self._loss.generator(*scores)
        if moves_generator:
            generator_loss = self._generator_update(real, scores[0], labels, draw, probability, evens_paths)
        return ops.stack([adversarial, generator_loss, penalty, *self._statistics(*scores)])

    @property
    def has_paths(self) -> bool:
        """Whether the generator has styles whose path lengths are kept even."""
        return self._paths is not None

    @property
    def _latents_shape(self) -> tuple[int, int]:
        return self._settings.batch_size, self._state.spec.latent_size

    def _generated(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self._state.generator(network_inputs(self._state.spec, latents, labels), training=True)

    def _scored(self, images: Tensor, labels: Tensor) -> Tensor:
        return self._state.discriminator(network_inputs(self._state.spec, images, labels), training=True)

    def _scores(self, images: Pair, labels: Tensor, changes: tuple[Change, Change]) -> Pair:
        """One pass over both halves is faster than two; without batch statistics it is the same.

        With them, real and synthetic images have each their own, as they have in the generator's update.
        """
        real, fake = (change(half) for change, half in zip(changes, images, strict=True))
        if self._state.scores_depend_on_batch:
            return self._scored(real, labels), self._scored(fake, labels)
        both = self._scored(ops.concatenate([real, fake], 0), ops.concatenate([labels, labels], 0))
        real_scores, fake_scores = ops.split(both, 2)
        return real_scores, fake_scores

    def _penalty(
        self, images: Pair, scores: Pair, labels: Tensor, changes: tuple[Change, Change], draw: "_Draw"
    ) -> Tensor:
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

    def _penalty_weight(self, gamma: Tensor) -> Tensor | float:
        penalty = self._settings.penalty
        weight = penalty.weight if self._settings.penalty_kind == "gradient_penalty" else gamma
        return weight if penalty.every_steps == 1 else penalty.every_steps * weight

    def _generator_update(
        self,
        real: Tensor,
        real_scores: Tensor,
        labels: Tensor,
        draw: "_Draw",
        probability: Tensor,
        evens_paths: bool,
    ) -> Tensor:
        generator, optimiser = self._state.generator, self._state.generator_optimiser
        latents = draw.normal(self._latents_shape, "latents g")
        if self._loss.generator_sees_real:
            real_scores = self._scored(self._change(draw, "g real", probability)(real), labels)
        change = self._change(draw, "g fake", probability)

        def loss() -> tuple[Tensor, Tensor]:
            fake_scores = self._scored(change(self._generated(latents, labels)), labels)
            adversarial = total = self._loss.generator(real_scores, fake_scores)
            if evens_paths:
                total = adversarial + self._path_penalty(labels, draw)
            return self._scaled(total, optimiser), adversarial

        gradients, adversarial = backend.gradients(loss, generator.trainable_variables)
        backend.apply(optimiser, gradients, generator.trainable_variables)
        return adversarial

    def _path_penalty(self, labels: Tensor, draw: "_Draw") -> Tensor:
        assert self._paths is not None  # has_paths
        latents = draw.normal(self._latents_shape, "latents of paths")
        inputs = network_inputs(self._state.spec, latents, labels)
        return self._paths.weighted_penalty(inputs, draw.normal(self.images_shape, "path noise"))

    def _change(self, draw: "_Draw", place: str, probability: Tensor) -> Change:
        if not self._policies:
            return lambda images: images

        def uniform(shape: tuple[int, ...], purpose: str) -> Tensor:
            return draw.uniform((shape[0] * backend.share_count(), *shape[1:]), f"{place} {purpose}")

        own = (self.images_shape[0] // backend.share_count(), *self.images_shape[1:])
        return drawn_change(self._policies, own, probability, uniform)

    def _statistics(self, real_scores: Tensor, fake_scores: Tensor) -> list[Tensor]:
        margins = self._loss.real_margin(real_scores, fake_scores)
        above = ops.cast(real_scores > fake_scores, "float32")
        values = (real_scores, fake_scores, above, ops.sign(margins))
        return [ops.mean(value) for value in values]

    @staticmethod
    def _scaled(loss: Tensor, optimiser: keras.optimizers.Optimizer) -> Tensor:
        """Gradients of devices are summed; those in float16 are kept from vanishing."""
        count = backend.share_count()
        return optimiser.scale_loss(loss if count == 1 else loss / count)


class _Draw:
    """Random numbers from (seed, step, purpose), for a whole batch; each device takes its share."""

    def __init__(self, seed: int, step: Tensor) -> None:
        self._seed, self._step = seed, step

    def normal(self, shape: tuple[int, ...], purpose: str, axis: int = 0) -> Tensor:
        drawn = backend.normal(shape, derived_seed(self._seed, purpose), self._step)
        return backend.own_share(drawn, axis)

    def uniform(self, shape: tuple[int, ...], purpose: str) -> Tensor:
        """In [0, 1)."""
        return backend.own_share(backend.uniform(shape, derived_seed(self._seed, purpose), self._step))
