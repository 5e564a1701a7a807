"""Normalisation of features by name, from layers that Keras itself brings; each has a gain and a bias per channel."""

from keras import KerasTensor, layers

from gan.models.options import NormalisationName

_MOMENTUM = 0.9  # of batch statistics: the last ten or so batches; the averaged generator averages them further
_EPSILON = 1e-5
_GROUPS = {"instance": -1, "layer": 1}  # -1: as many groups as channels


def normalised(hidden: KerasTensor, kind: NormalisationName, name: str) -> KerasTensor:
    """[N, H, W, C] -> the same shape, of mean 0 and variance 1 over (N, H, W), (H, W) or (H, W, C).

    That is batch normalisation, Ioffe and Szegedy 2015, arXiv:1502.03167; instance normalisation, Ulyanov et al. 2016,
    arXiv:1607.08022; and layer normalisation, Ba et al. 2016, arXiv:1607.06450, with gains as in Wu and He 2018,
    arXiv:1803.08494. The latter two depend on no other image, in training or later.
    """
    if kind == "none":
        return hidden
    if kind == "batch":
        return layers.BatchNormalization(momentum=_MOMENTUM, epsilon=_EPSILON, name=f"{name}_normalised")(hidden)
    return layers.GroupNormalization(_GROUPS[kind], epsilon=_EPSILON, name=f"{name}_normalised")(hidden)
