"""Options of networks that not every family has a use for. Imports no Keras, so that settings are read quickly."""

from typing import Literal, TypeAlias

NormalisationName: TypeAlias = Literal["none", "batch", "instance", "layer"]
NormalisationChoice: TypeAlias = Literal["auto", NormalisationName]

NORMALISED = ("dcgan",)  # families whose normalisation can be chosen
WITH_ATTENTION = ("conv", "dcgan")
WITH_DEVIATION = ("progressive", "stylegan2")  # whose discriminators see how images of a group differ
MOST_IN_GROUP = 4
NOT_SPECTRAL = {  # families that spectral normalisation is not for, and why
    "vae": "is of a discriminator, and model vae has none",
    "progressive": "and equalised learning rates both set the size of kernels, and model progressive has the latter",
    "stylegan2": "and equalised learning rates both set the size of kernels, and model stylegan2 has the latter",
    "r3gan": "divides by the size of kernels, and model r3gan has some that begin at zero",
}


def check_options(
    model: str, spectral_normalisation: bool, normalisation: NormalisationChoice, attention_px: int | None
) -> None:
    """Raises ValueError, one sentence, where a family has no use for what is asked."""
    if spectral_normalisation and model in NOT_SPECTRAL:
        raise ValueError(f"spectral_normalisation {NOT_SPECTRAL[model]}; set it to false, or choose another model")
    if normalisation not in ("auto", "none") and model not in NORMALISED:
        raise ValueError(
            f"normalisation is {normalisation}, but model {model} is built without any to choose; "
            f"set it to auto, or choose model {' or '.join(NORMALISED)}"
        )
    if attention_px is not None and model not in WITH_ATTENTION:
        raise ValueError(
            f"attention_px is {attention_px}, but model {model} is built without attention; "
            f"set it to null, or choose model {' or '.join(WITH_ATTENTION)}"
        )


def check_groups(model: str, batch_size: int, devices: int = 1) -> None:
    """Raises ValueError, one sentence, where the share of a device cannot be dealt into groups whose images differ."""
    if model in WITH_DEVIATION and group_size(batch_size // devices) == 1:
        shared = "" if devices == 1 else f" on {devices} devices"
        raise ValueError(
            f"batch_size is {batch_size}{shared}, but model {model} compares images in equal groups of 2 to "
            f"{MOST_IN_GROUP}; take {2 * devices * -(-batch_size // (2 * devices))}"
        )


def group_size(count: int, most: int = MOST_IN_GROUP) -> int:
    """The largest size of equal groups of `count` images that is at most `most`."""
    return next(size for size in range(min(count, most), 0, -1) if count % size == 0)


def has_batch_statistics(model: str, normalisation: NormalisationChoice, spectral_normalisation: bool) -> bool:
    """Whether a discriminator of this family normalises by its batch; spectral normalisation takes that one's place."""
    return model in NORMALISED and normalisation in ("auto", "batch") and not spectral_normalisation
