"""Binary PNM files without comments, 8 bits a channel: pixels behind a short header, taken as they are.

This is the form in which arrays of images (IDX, CIFAR) are handed over; all other PNM goes through Pillow.
"""

import re

import numpy as np

from tasks.imaging.verdicts import Decoded, DecodeLimits, check_size

_HEADER = re.compile(rb"P([56])\n([0-9]{1,6}) ([0-9]{1,6})\n255\n")
_CHANNELS = {b"5": 1, b"6": 3}


def decode_plain_pnm(payload: bytes, limits: DecodeLimits) -> Decoded | None:
    """Payload -> Decoded; None where it is of another form, or has more or fewer pixels. Raises Rejected for its size.

    Format: Netpbm, pgm(5) and ppm(5).
    """
    header = _HEADER.match(payload)
    if header is None:
        return None
    channels, width_px, height_px = _CHANNELS[header[1]], int(header[2]), int(header[3])
    if len(payload) - header.end() != width_px * height_px * channels:
        return None
    check_size(width_px, height_px, limits)
    image = np.frombuffer(payload, np.uint8, offset=header.end()).reshape(height_px, width_px, channels)
    return Decoded(image, "pnm", width_px, height_px, channels, bit_depth=8)
