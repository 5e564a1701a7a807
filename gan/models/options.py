"""Options of networks that not every family has a use for. Imports no Keras, so that settings are read quickly."""

from typing import Literal, TypeAlias

NormalisationName: TypeAlias = Literal["none", "batch", "instance", "layer"]
NormalisationChoice: TypeAlias = Literal["auto", NormalisationName]

NORMALISED = ("dcgan",)  # families whose normalisation can be chosen
WITH_ATTENTION = ("conv", "dcgan")
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


def has_batch_statistics(model: str, normalisation: NormalisationChoice) -> bool:
    """Whether a discriminator of this family may score an image by the others of its batch."""
    return model in NORMALISED and normalisation in ("auto", "batch")
