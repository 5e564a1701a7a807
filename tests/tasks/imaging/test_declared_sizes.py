"""Bombs: files of a few bytes that claim to be huge are refused before room is made for them, in every format."""

import io
import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.imaging import decode as decoding
from tasks.imaging.decode import DecodeLimits, Undecodable, decode

ROOT = Path(decoding.__file__).parents[2]
SIDE_PX = 13_000  # 169 million pixels: within the default limits
SMALL = DecodeLimits(max_pixels=1_000_000)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width_px, height_px, extra=b"", data=b""):
    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(data)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def saved(format_name, side_px=16, **options):
    stream = io.BytesIO()
    Image.fromarray(np.zeros((side_px, side_px, 3), np.uint8)).save(stream, format_name, **options)
    return stream.getvalue()


def patched(payload, at, value):
    return payload[:at] + value + payload[at + len(value) :]


def webp(kind):
    header = b"RIFF" + struct.pack("<I", 4 + 18) + b"WEBP"
    side = SIDE_PX - 1
    if kind == "VP8X":
        return header + b"VP8X" + struct.pack("<I", 10) + bytes(4) + side.to_bytes(3, "little") * 2
    if kind == "VP8L":
        return header + b"VP8L" + struct.pack("<I", 10) + b"\x2f" + struct.pack("<I", side | side << 14) + bytes(5)
    return header + b"VP8 " + struct.pack("<I", 10) + b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", SIDE_PX, SIDE_PX)


def icon(inner, offset=22):
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), offset) + inner


def jpeg():
    payload = saved("JPEG")
    at = payload.index(b"\xff\xc0") + 5
    return patched(payload, at, struct.pack(">HH", SIDE_PX, SIDE_PX))


def jpeg2000():
    payload = saved("JPEG2000")
    at = payload.index(b"\xff\x4f\xff\x51") + 8
    return patched(payload, at, struct.pack(">II", SIDE_PX, SIDE_PX))


def avif():
    payload = saved("AVIF")
    return patched(payload, payload.index(b"ispe") + 8, struct.pack(">II", SIDE_PX, SIDE_PX))


def gif_with_a_far_frame():
    first, second = (Image.new("L", (8, 8), level) for level in (0, 200))
    stream = io.BytesIO()
    first.save(stream, "GIF", save_all=True, append_images=[second])
    payload = stream.getvalue()
    at = payload.rindex(b"\x2c\x00\x00\x00\x00") + 1
    return patched(payload, at, struct.pack("<HH", SIDE_PX, SIDE_PX))


def tiff(width_px=16, tile_px=None):
    """A TIFF header without pixels, of one side or with tiles of one side."""
    entries = [(256, 4, width_px), (257, 4, width_px), (258, 3, 8), (259, 3, 8), (262, 3, 1), (277, 3, 1)]
    if tile_px is None:
        entries += [(273, 4, 200), (278, 4, width_px), (279, 4, 10)]
    else:
        entries += [(322, 4, tile_px), (323, 4, tile_px), (324, 4, 200), (325, 4, 10)]
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in sorted(entries))
    return (b"II*\x00" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)).ljust(300, b"\x00")


def bmp(inner=False):
    header = struct.pack("<IiiHHIIiiII", 40, SIDE_PX, SIDE_PX * (2 if inner else 1), 1, 24, *[0] * 6)
    return header + bytes(20) if inner else b"BM" + struct.pack("<IHHI", 100, 0, 0, 54) + header + bytes(46)


BOMBS = {
    "avif": avif(),
    "bmp": bmp(),
    "gif, first frame": patched(saved("GIF"), 6, struct.pack("<HH", SIDE_PX, SIDE_PX)),
    "gif, later frame": gif_with_a_far_frame(),
    "ico with a bmp": icon(bmp(inner=True)),
    "ico with a png": icon(png(SIDE_PX, SIDE_PX)),
    "jpeg": jpeg(),
    "jpeg 2000": jpeg2000(),
    "png": png(SIDE_PX, SIDE_PX),
    "pnm": b"P6 %d %d 255\n" % (SIDE_PX, SIDE_PX) + bytes(20),
    "pnm, plain": b"P3 %d %d 255\n" % (SIDE_PX, SIDE_PX) + b"1 " * 20,
    "tiff": tiff(SIDE_PX),
    "tiff, tiles": tiff(16, tile_px=SIDE_PX),
    "webp, extended": webp("VP8X"),
    "webp, lossless": webp("VP8L"),
    "webp, lossy": webp("VP8 "),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_size_beyond_the_limits_is_refused_by_the_header(name):
    verdict = decode(BOMBS[name], SMALL)
    assert isinstance(verdict, Undecodable)
    assert verdict.code == "too_large"
    assert "max_pixels is 1000000" in verdict.detail


# Runs in a process of its own that cannot get more than 64 MiB beyond what it has after starting.
SCRIPT = """
import json, pickle, resource, sys
from tasks.imaging.decode import DecodeLimits, decode, decode_frames
bombs, small = pickle.load(sys.stdin.buffer)
limits = DecodeLimits(max_pixels=1_000_000)
held = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmSize")) << 10
resource.setrlimit(resource.RLIMIT_AS, (held + (64 << 20), resource.RLIM_INFINITY))
verdicts = {name: [decode(payload, limits), *decode_frames(payload, limits)] for name, payload in bombs.items()}
default = {name: [decode(small[name])] for name in small}
found = {**verdicts, **default}
print(json.dumps({name: [verdict.detail for verdict in found[name]] for name in found}))
"""

# Too short for what they claim, so that not even what the default limits allow is set aside.
TOO_SHORT = {f"{name}, default limits": BOMBS[name] for name in ("bmp", "png", "pnm", "pnm, plain")}


@pytest.fixture(scope="module")
def in_little_memory():
    import pickle

    result = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=pickle.dumps((BOMBS, TOO_SHORT)),
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    return json.loads(result.stdout)


def test_refusing_takes_no_memory_and_neither_do_frames(in_little_memory):
    details = {name: in_little_memory[name] for name in BOMBS}
    assert {name: found for name, found in details.items() if not all("max_pixels is" in text for text in found)} == {}


def test_files_too_short_for_their_size_are_refused_before_there_is_room_for_it(in_little_memory):
    texts = [in_little_memory[name][0] for name in TOO_SHORT]
    assert [text for text in texts if "memory" in text] == []
    assert all("needs" in text or "cannot come" in text for text in texts)


def test_a_frame_count_without_end_is_refused():
    head = png(16, 16)[:33]
    body = chunk(b"acTL", struct.pack(">II", 0x7FFFFFFF, 0)) + png(16, 16, data=(b"\x00" + bytes(48)) * 16)[33:]
    (verdict,) = decoding.decode_frames(head + body)
    assert verdict == Undecodable("too_large", "more than 1000 frames, which is max_frames", "png")


def test_a_gif_of_endless_frames_is_not_walked_to_its_end():
    frame = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x01\x4c\x00"
    payload = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6) + frame * 200_000
    (verdict,) = decoding.decode_frames(payload)
    assert verdict.code == "too_large"
