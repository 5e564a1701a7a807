"""How much planted damage is found in real photographs, beside OpenCV, Pillow and bare strict libjpeg-turbo.

    python -m benchmarks.damage_detection <folder of intact JPEGs> --files 100

Damages copies of so many files in each of five ways, seeded, and prints the share that each reader notices, then the
share of all intact files in which it claims damage that is not there.
"""

import argparse
import io
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from tasks.imaging.decode import MinSides, Undecodable, decode

SEED = 20_240_601


def truncated(payload: bytes, rng: random.Random) -> bytes:
    """Cut anywhere in the scan data."""
    return payload[: rng.randrange(_scan_start(payload), len(payload) - 2)]


def without_end_marker(payload: bytes, rng: random.Random) -> bytes:
    """The last two bytes are gone."""
    return payload[:-2]


def with_random_bytes(payload: bytes, rng: random.Random) -> bytes:
    """64 bytes of the scan data replaced by random ones."""
    return _replaced(payload, rng.randbytes(64), rng)


def with_zero_bytes(payload: bytes, rng: random.Random) -> bytes:
    """512 bytes of the scan data, a disk's sector, replaced by zeros."""
    return _replaced(payload, bytes(512), rng)


def with_a_flipped_bit(payload: bytes, rng: random.Random) -> bytes:
    """One bit of the scan data is another."""
    place = rng.randrange(_scan_start(payload), len(payload) - 2)
    return payload[:place] + bytes([payload[place] ^ 1 << rng.randrange(8)]) + payload[place + 1 :]


def _replaced(payload: bytes, new: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(_scan_start(payload), len(payload) - 2 - len(new))
    return payload[:place] + new + payload[place + len(new) :]


def _scan_start(payload: bytes) -> int:
    """Offset of the entropy-coded data, behind the header of the first scan."""
    at = payload.index(b"\xff\xda")
    return at + 2 + int.from_bytes(payload[at + 2 : at + 4], "big")


DAMAGES: dict[str, Callable[[bytes, random.Random], bytes]] = {
    "truncated": truncated,
    "end marker missing": without_end_marker,
    "64 random bytes": with_random_bytes,
    "512 zero bytes": with_zero_bytes,
    "one flipped bit": with_a_flipped_bit,
}


def ours(payload: bytes) -> bool:
    """Whether `check` rejects the file; it decodes large JPEGs at half, a quarter or an eighth of their size."""
    return isinstance(decode(payload, min_sides=MinSides(64, 64)), Undecodable)


def strict_turbo(payload: bytes) -> bool:
    """Whether simplejpeg, strict, raises."""
    try:
        simplejpeg.decode_jpeg(payload, strict=True)
    except ValueError:
        return True
    return False


def pillow_load(payload: bytes) -> bool:
    """Whether Pillow raises while it loads the pixels."""
    try:
        Image.open(io.BytesIO(payload)).load()
    except (OSError, SyntaxError, ValueError):
        return True
    return False


def pillow_verify(payload: bytes) -> bool:
    """Whether Pillow's `verify` raises."""
    try:
        Image.open(io.BytesIO(payload)).verify()
    except (OSError, SyntaxError, ValueError):
        return True
    return False


def opencv(payload: bytes) -> bool:
    """Whether OpenCV gives no image."""
    return cv2.imdecode(np.frombuffer(payload, np.uint8), cv2.IMREAD_COLOR) is None


READERS: dict[str, Callable[[bytes], bool]] = {
    "augment-dataset": ours,
    "simplejpeg, strict": strict_turbo,
    "Pillow load()": pillow_load,
    "Pillow verify()": pillow_verify,
    "OpenCV imdecode": opencv,
}


def photographs(folder: Path) -> list[Path]:
    """All JPEG files below a folder, sorted."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))


def chosen(paths: Sequence[Path], count: int) -> list[Path]:
    """So many of them, the same every time."""
    return random.Random(SEED).sample(paths, count)


def damaged(paths: Sequence[Path], kind: str) -> Iterator[bytes]:
    """Each file with one kind of damage; where and how depends on the kind and the file's place in the list only."""
    for number, path in enumerate(paths):
        yield DAMAGES[kind](path.read_bytes(), random.Random(f"{SEED} {kind} {number}"))


def detected(paths: Sequence[Path], kind: str) -> dict[str, int]:
    """Files in which each reader notices the damage."""
    payloads = list(damaged(paths, kind))
    return {name: sum(map(reader, payloads)) for name, reader in READERS.items()}


def false_alarms(paths: Sequence[Path]) -> dict[str, int]:
    """Intact files in which each reader claims damage."""
    counts = dict.fromkeys(READERS, 0)
    for path in paths:
        payload = path.read_bytes()
        for name, reader in READERS.items():
            counts[name] += reader(payload)
    return counts


def main() -> None:
    """Print both tables as one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--files", type=int, default=100)
    arguments = parser.parse_args()
    everything = photographs(arguments.folder)
    paths = chosen(everything, arguments.files)
    start_s = time.process_time()
    print(f"| damage, {len(paths)} files each | {' | '.join(READERS)} |")
    print("|---" * (len(READERS) + 1) + "|")
    for kind in DAMAGES:
        print(f"| {kind} | {' | '.join(str(count) for count in detected(paths, kind).values())} |")
    alarms = false_alarms(everything)
    print(f"| none, {len(everything)} files | {' | '.join(str(count) for count in alarms.values())} |")
    print(f"\n{time.process_time() - start_s:.0f} CPU seconds")


if __name__ == "__main__":
    main()
