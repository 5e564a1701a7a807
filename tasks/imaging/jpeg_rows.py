"""The rows of a truncated JPEG that were decoded from data that are there."""

import io

import numpy as np
from PIL import Image

from tasks.imaging.quiet import quiet


def whole_rows(payload: bytes) -> np.ndarray:
    """Sequential JPEG that stops anywhere -> its first rows, uint8 [H, W, 1 | 3]; H may be 0.

    Given the data piece by piece, libjpeg stops at the last row for which it has all, and leaves those below as they
    were. So the rows that come out the same over two different grounds are those that were decoded.
    """
    dark, light = (_decoded_over(payload, level) for level in (0, 255))
    if dark is None or light is None:
        return np.empty((0, 1, 1), np.uint8)
    same = (dark == light).reshape(len(dark), -1).all(axis=1)
    rows = dark[: len(same) if same.all() else int(np.argmin(same))]
    return np.ascontiguousarray(rows if rows.ndim == 3 else rows[:, :, np.newaxis])


def _decoded_over(payload: bytes, level: int) -> np.ndarray | None:
    """What Pillow's incremental decoder makes of the data over a ground of one level, None without a header."""
    with quiet():
        header = Image.open(io.BytesIO(payload), formats=("JPEG",))
        tile = header.tile[0]
        ground = Image.new(header.mode, header.size, (level,) * len(header.getbands()))
        decoder = Image._getdecoder(header.mode, tile.codec_name, tile.args, header.decoderconfig)
        try:
            decoder.setimage(ground.im, tile.extents)
            decoder.decode(payload)
        finally:
            decoder.cleanup()
    return np.asarray(ground)
