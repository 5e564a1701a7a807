"""How many synthetic images of each class: settings of numbers, and the numbers themselves."""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from datasets.errors import BadInput


class QuotaSettings(BaseModel):
    """How many synthetic images are made of which class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    images_per_class: int = Field(500, ge=1, description="synthetic images of each class, or in all without classes")
    total: int | None = Field(None, ge=1, description="synthetic images of all classes together; null = per class")
    balance: Literal["even", "as_real", "fill_up"] = Field(
        "even", description="even; as_real: shares of real training; fill_up: every class to the largest"
    )
    quotas: dict[str, Annotated[int, Field(ge=0)]] = Field(
        default_factory=dict, description="other numbers for some classes, {class: images}"
    )
    fill_to: int | None = Field(
        None, ge=1, description="so many that real training and synthetic images of a class are this many; null = off"
    )

    @model_validator(mode="after")
    def _one_rule(self) -> "QuotaSettings":
        if self.fill_to is not None and self.balance != "even":
            raise ValueError(f"fill_to and balance {self.balance} both say how many; leave one out")
        if self.total is not None and (self.fill_to is not None or self.balance == "fill_up"):
            other = "fill_to" if self.fill_to is not None else "balance fill_up"
            raise ValueError(f"total and {other} both say how many; leave one out")
        asked = sum(self.quotas.values())
        if self.total is not None and self.total < asked:
            raise ValueError(f"total is {self.total}, and quotas alone ask for {asked}; raise it, or lower them")
        return self

    def most_images(self, images: int, classes: int) -> int:
        """No more than so many are made, of a data set of so many images; for estimates."""
        if self.total is not None:
            return self.total
        asked = sum(self.quotas.values())
        if self.balance == "fill_up":
            return asked + images * max(0, classes - 1)
        return asked + (self.fill_to or self.images_per_class) * max(1, classes)


def wanted_labels(
    settings: QuotaSettings, class_names: tuple[str, ...] | None, training_images: Sequence[int] | None = None
) -> np.ndarray:
    """int32 [N]: each class id as often as it is wanted, in order. Without classes, zeros.

    `training_images` says how many real ones there are of each class, or in all without classes; a class with none is
    not made, whatever its quota, since no generator has learned it. None: all classes have some, how many is not known.
    Quotas go before every other rule, and the images of a `total` are shared among the classes without one.
    Raises BadInput for a quota of a class that does not exist, when nothing at all is wanted, or for a `total` that
    quotas of all classes do not reach.
    """
    names = class_names or ()
    unknown = sorted(settings.quotas.keys() - set(names))
    if unknown and not names:
        raise BadInput(f"generate.quotas names {', '.join(unknown)}, and the data has no classes; leave quotas out")
    if unknown:
        raise BadInput(f"generate.quotas names {', '.join(unknown)}; the classes are {', '.join(names)}")
    missing = set(untrained(class_names, training_images))
    trained = [name for name in names if name not in missing]
    asked = sum(settings.quotas.get(name, 0) for name in trained)
    free = [number for number, name in enumerate(names or ("",)) if name not in settings.quotas.keys() | missing]
    if settings.total is not None and not free and asked != settings.total:
        raise BadInput(
            f"generate.total is {settings.total}, and generate.quotas asks for {asked} images of all classes that have "
            f"training images, {', '.join(trained)}; let them be equal, or leave out the quota of a class that is to "
            "get the rest"
        )
    counts = [0] * max(1, len(names)) if training_images is None else list(training_images)
    wanted = np.zeros(len(counts), dtype=np.int64)
    wanted[free] = _by_rule(settings, counts, free, asked, known=training_images is not None)
    for number, name in enumerate(names):
        if name in settings.quotas and name not in missing:
            wanted[number] = settings.quotas[name]
    # Where counts are not known yet, nothing may be wanted only because of that.
    if training_images is not None or settings.balance == "even":
        _check_some(wanted, settings, trained, free)
    return np.repeat(np.arange(len(wanted), dtype=np.int32), wanted)


def untrained(class_names: tuple[str, ...] | None, training_images: Sequence[int] | None) -> list[str]:
    """Classes without a training image: they vanished from the source, and keep their place in the list of classes."""
    if class_names is None or training_images is None:
        return []
    return [name for name, count in zip(class_names, training_images, strict=True) if not count]


def shared_out(total: int, weights: Sequence[int]) -> list[int]:
    """`total` in whole numbers in proportion to weights >= 0: the largest remainders get what is left over."""
    if not sum(weights):
        return [0] * len(weights)
    quotients = [divmod(total * weight, sum(weights)) for weight in weights]
    shares = [whole for whole, _ in quotients]
    by_remainder = sorted(range(len(weights)), key=lambda number: (-quotients[number][1], number))
    for number in by_remainder[: total - sum(shares)]:
        shares[number] += 1
    return shares


def _by_rule(settings: QuotaSettings, counts: Sequence[int], free: Sequence[int], asked: int, known: bool) -> list[int]:
    """Synthetic images of each of the `free` classes; `counts` are of all classes, `asked` is what quotas get."""
    if settings.fill_to is not None or settings.balance == "fill_up":
        level = settings.fill_to or max(counts)
        return [max(0, level - counts[number]) for number in free]
    total = settings.images_per_class * len(free) if settings.total is None else settings.total - asked
    weights = [counts[number] if settings.balance == "as_real" and known else 1 for number in free]
    return shared_out(total, weights)


def _check_some(wanted: np.ndarray, settings: QuotaSettings, trained: Sequence[str], free: Sequence[int]) -> None:
    """Raise BadInput when nothing is wanted. `trained` are the classes with training images, none without classes."""
    if wanted.sum():
        return
    without = " without a quota" if settings.quotas else ""
    if settings.fill_to is not None and free:
        raise BadInput(
            f"generate.fill_to is {settings.fill_to}, and no class{without} has fewer real training images; raise it, "
            "or leave it out to get generate.images_per_class"
        )
    if settings.balance == "fill_up" and free:
        why = f"no class{without} has fewer real training images than the largest"
        if len(trained) == 1:
            why = f"only one class, {trained[0]}, has real training images"
        elif not trained:
            why = "the data has no classes"
        raise BadInput(f"generate.balance is fill_up, and {why}; take even to get generate.images_per_class")
    raise BadInput(
        f"generate.quotas is 0 for every class that has training images, {', '.join(trained)}; "
        "at least one needs 1 image or more; raise a quota, or leave it out to get generate.images_per_class"
    )
