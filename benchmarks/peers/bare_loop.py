"""The least that has to be done to make 256-px JPEGs of photographs, on two processes; nothing is checked."""

import sys
from multiprocessing import Pool
from pathlib import Path

import cv2
import simplejpeg

SIDE_PX = 256


def resized(path: Path) -> bytes:
    """Middle square of a JPEG file, decoded no larger than needed -> JPEG."""
    image = simplejpeg.decode_jpeg(path.read_bytes(), "RGB", min_height=SIDE_PX, min_width=SIDE_PX)
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = image[top : top + side, left : left + side]
    return simplejpeg.encode_jpeg(cv2.resize(middle, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA), 95)


def write_all(work: tuple[list[Path], Path]) -> None:
    """One process: its files, one behind the other into one file."""
    paths, target = work
    cv2.setNumThreads(1)
    with target.open("wb") as file:
        for path in paths:
            file.write(resized(path))


if __name__ == "__main__":
    photos, out = map(Path, sys.argv[1:])
    files = sorted(photos.rglob("*.jpg"))
    with Pool(2) as pool:
        pool.map(write_all, [(files[number::2], out / f"{number}.bin") for number in range(2)])
