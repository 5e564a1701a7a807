"""Doubling and halving of the side through the filter [1, 3, 3, 1], from layers that Keras itself brings.

The filter is that of Karras et al. 2020, arXiv:1912.04958, and of Huang et al. 2024, arXiv:2501.05441, with zeros
beyond the border; it is [1, 1] three times over, each time a mean of neighbours. Layers, rather than operations of our
own, so that an exported generator is read without this project. TensorFlow has no gradient of the gradient of bilinear
enlargement, and gives nothing instead of it; here slopes of slopes are right. Slices would make halving five times as
slow on CPUs, or slower.
"""

from keras import KerasTensor, layers


def doubled(hidden: KerasTensor, name: str) -> KerasTensor:
    """[N, H, W, C] -> [N, 2H, 2W, C]: zeros between the pixels, then the filter, of sum 4."""
    height, width, channels = hidden.shape[1:]
    for axis, shape in (("rows", (height, width * channels)), ("columns", (2 * height, width, channels))):
        hidden = layers.Reshape(shape, name=f"{name}_{axis}")(hidden)
        hidden = layers.Concatenate(name=f"{name}_{axis}_twice")([hidden, hidden])
    hidden = layers.Reshape((2 * height, 2 * width, channels), name=f"{name}_repeated")(hidden)
    return _smoothed(hidden, name)


def halved(hidden: KerasTensor, name: str) -> KerasTensor:
    """[N, H, W, C] -> [N, H/2, W/2, C] for even sides: the filter, of sum 1, then every other pixel."""
    return layers.AveragePooling2D(2, name=f"{name}_halved")(_smoothed(hidden, name))


def _smoothed(hidden: KerasTensor, name: str) -> KerasTensor:
    """[N, H, W, C] -> the same shape, through [1, 2, 1] / 4."""
    hidden = layers.ZeroPadding2D(1, name=f"{name}_padded")(hidden)
    for number in (1, 2):
        hidden = layers.AveragePooling2D(2, strides=1, name=f"{name}_smoothed_{number}")(hidden)
    return hidden
