"""From a record of a shard to the levels of its image, whatever the shards hold: PNG, JPEG, raw or float32 pixels."""

import math

import numpy as np

from datasets.errors import FormatError
from datasets.image_codec import decode_image, encoding_of
from datasets.image_record import ImageRecord
from datasets.normalise import constants_of, denormalise, range_constants
from datasets.tfds_layout import Index, has_ranges


def levels_of(record: ImageRecord, index: Index) -> np.ndarray:
    """Uint8 [H, W, C] of a record of the data set that the index describes.

    Raises FormatError, without naming the record: damaged, or not of the shape, encoding or number of bytes that the
    index says.
    """
    features = index.features
    if features.encoding == "raw":
        return _raw_levels(record, index)
    encoding = encoding_of(record.image)
    if encoding != features.encoding:
        raise FormatError(f"its image is {encoding}, index.json says {features.encoding}")
    image = decode_image(record.image)
    if image.shape != features.shape:
        raise FormatError(f"its image is {list(image.shape)}, index.json says {list(features.shape)}")
    return image


def _raw_levels(record: ImageRecord, index: Index) -> np.ndarray:
    features, how = index.features, index.normalise
    dtype = np.dtype("uint8" if features.pixels == "uint8" else "<f4")
    n_bytes = math.prod(features.shape) * dtype.itemsize
    if len(record.image) != n_bytes:
        raise FormatError(f"it has {len(record.image)} bytes of pixels, index.json says {n_bytes}")
    values = np.frombuffer(record.image, dtype=dtype).reshape(features.shape)
    if features.pixels == "uint8":
        return values
    if not np.isfinite(values).all():
        raise FormatError("it has pixels that are not finite")
    if not has_ranges(features, how.method):
        return denormalise(values, constants_of(how))
    if record.pixel_range is None:
        raise FormatError(f"it has no pixel_range, which {how.method} of index.json needs")
    return denormalise(values[np.newaxis], range_constants(np.array([record.pixel_range]), how))[0]
