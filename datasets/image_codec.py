"""Encode and decode the images in our own packs and shards. Files of users go through tasks/imaging/decode.py.

The codecs are imported where they are used: many import this module for the names of encodings alone.
"""

import struct
from typing import Literal, get_args

import numpy as np

from datasets.errors import BadInput, FormatError

Encoding = Literal["png", "jpeg", "raw"]

_JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_RAW_MAGIC = b"\x00RAW"
_RAW_HEADER = struct.Struct("<4sIII")
"""Magic, height, width, channels. Shards hold the pixels without it: their shape is in features.json."""
_PNG_COMPRESSION_LEVEL = 1
"""Level 9 saves 4 % of bytes of a photograph for 2.5 times the time."""


def encode_image(image: np.ndarray, encoding: Encoding, jpeg_quality: int = 95) -> bytes:
    """Uint8 [H, W, C] with C in {1, 3}, RGB order -> PNG, JPEG (with full colour resolution) or raw bytes.

    Raw is a small header and the pixels as they lie in memory: largest, and fastest to read. The same image gives the
    same bytes. Raises BadInput for another type, shape or encoding.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] not in (1, 3) or 0 in image.shape:
        raise BadInput(f"got an image {image.dtype} {list(image.shape)}; uint8 [height, width, 1 or 3] can be encoded")
    if encoding == "png":
        return _encode_png(image)
    if encoding == "jpeg":
        return _encode_jpeg(image, jpeg_quality)
    if encoding == "raw":
        return _RAW_HEADER.pack(_RAW_MAGIC, *image.shape) + image.tobytes()
    raise BadInput(f"got encoding {encoding!r}; allowed are {', '.join(get_args(Encoding))}")


def decode_image(payload: bytes) -> np.ndarray:
    """PNG, JPEG or raw bytes -> uint8 [H, W, C] with C in {1, 3}, RGB order.

    Raises FormatError when the payload is none of them, or damaged: our own files have nothing to be lenient about.
    """
    return _DECODERS[encoding_of(payload)](payload)


def encoding_of(payload: bytes) -> Encoding:
    """The encoding of one of our own payloads, by its first bytes. Raises FormatError when it has none of them."""
    if payload.startswith(_PNG_MAGIC):
        return "png"
    if payload.startswith(_JPEG_MAGIC):
        return "jpeg"
    if payload.startswith(_RAW_MAGIC):
        return "raw"
    raise FormatError(
        f"a payload of {len(payload)} bytes is neither PNG, JPEG nor raw; write it again with encode_image"
    )


def raw_pixels(payload: bytes) -> bytes:
    """A raw payload without its header, as shards hold it."""
    return payload[_RAW_HEADER.size :]


def _encode_png(image: np.ndarray) -> bytes:
    import cv2

    ordered = image if image.shape[2] == 1 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", ordered, [cv2.IMWRITE_PNG_COMPRESSION, _PNG_COMPRESSION_LEVEL])
    if not done:  # any array of bytes can be a PNG: it was the memory
        raise MemoryError(f"no memory to write an image {list(image.shape)} as PNG")
    return bytes(data.tobytes())


def _encode_jpeg(image: np.ndarray, jpeg_quality: int) -> bytes:
    import simplejpeg

    if not 1 <= jpeg_quality <= 100:
        raise BadInput(f"got jpeg_quality {jpeg_quality}; allowed is 1 to 100")
    gray = image.shape[2] == 1
    try:
        data = simplejpeg.encode_jpeg(
            np.ascontiguousarray(image),
            quality=jpeg_quality,
            colorspace="GRAY" if gray else "RGB",
            colorsubsampling="Gray" if gray else "444",
        )
    except ValueError as error:
        raise BadInput(f"an image {list(image.shape)} cannot be written as JPEG ({error}); use png") from error
    return bytes(data)


def _decode_jpeg(payload: bytes) -> np.ndarray:
    import simplejpeg

    try:
        stored = simplejpeg.decode_jpeg_header(payload)[2]
        image = simplejpeg.decode_jpeg(payload, colorspace="GRAY" if stored.lower() == "gray" else "RGB", strict=True)
    except ValueError as error:
        raise FormatError(f"a JPEG payload of {len(payload)} bytes is damaged ({error}); write it again") from error
    return np.asarray(image)


def _decode_png(payload: bytes) -> np.ndarray:
    import cv2

    image = cv2.imdecode(np.frombuffer(payload, dtype=np.uint8), cv2.IMREAD_UNCHANGED)
    if image is None:
        raise FormatError(f"a PNG payload of {len(payload)} bytes is damaged; write it again")
    if image.dtype != np.uint8 or (image.ndim == 3 and image.shape[2] != 3):
        raise FormatError(
            f"a PNG payload holds {image.dtype} {list(image.shape)}; our packs and shards hold 8-bit gray or RGB"
        )
    return image[:, :, np.newaxis] if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def _decode_raw(payload: bytes) -> np.ndarray:
    pixels = np.frombuffer(payload, dtype=np.uint8, offset=min(_RAW_HEADER.size, len(payload)))
    shape = _RAW_HEADER.unpack_from(payload)[1:] if len(payload) >= _RAW_HEADER.size else (0, 0, 0)
    if shape[2] not in (1, 3) or pixels.size != shape[0] * shape[1] * shape[2]:
        raise FormatError(
            f"a raw payload of {len(payload)} bytes is damaged (its header says {list(shape)}); write it again"
        )
    return pixels.reshape(shape).copy()


_DECODERS = {"png": _decode_png, "jpeg": _decode_jpeg, "raw": _decode_raw}
