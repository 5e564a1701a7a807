"""Files for machines that keep nothing: data as small NPZ files, and what training left as an archive in parts."""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from datasets.readers import load_numpy

MIB = 2**20
MOST_DATA_BYTES = 20 * MIB
MOST_PART_BYTES = 16 * MIB - 1
_PART = "state.part-"


def write_data(version: Path, out: Path) -> list[Path]:
    """The train and validation splits of a prepared version as NPZ files of at most 20 MiB."""
    written = []
    for split in ("train", "validation"):
        read = load_numpy(version, split)
        written += write_split(split, read.images, read.labels, read.class_names, out)
    return written


def write_split(
    split: str, images: np.ndarray, labels: np.ndarray | None, class_names: Sequence[str] | None, out: Path
) -> list[Path]:
    """Images uint8 [N, H, W, C], labels int32 [N] or None, in as many files as it takes."""
    out.mkdir(parents=True, exist_ok=True)
    names = np.frombuffer(json.dumps(class_names).encode(), np.uint8)
    given = np.zeros(0, np.int32) if labels is None else labels
    each = (MOST_DATA_BYTES - MIB) // (images[0].nbytes + 4)
    written = []
    for number, start in enumerate(range(0, len(images), each)):
        written.append(out / f"{split}-{number:03}.npz")
        chosen = slice(start, start + each)
        np.savez(written[-1], images=images[chosen], labels=given[chosen], class_names=names)
    return written


def read_data(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...] | None]:
    """Images uint8 [N, H, W, C], labels int32 [N] or None, class names: what `write_data` wrote, or a version."""
    paths = sorted(folder.glob(f"{split}-*.npz"))
    if not paths:
        read = load_numpy(folder, split)
        return read.images, read.labels, read.class_names
    parts = []
    for path in paths:
        with np.load(path) as archive:
            parts.append(dict(archive))
    labels = np.concatenate([part["labels"] for part in parts])
    names = json.loads(parts[0]["class_names"].tobytes())
    images = np.concatenate([part["images"] for part in parts])
    return images, labels if len(labels) else None, None if names is None else tuple(names)


def pack(folder: Path, out: Path, most_bytes: int = MOST_PART_BYTES) -> list[Path]:
    """All files below a folder as one archive in parts, and only the newest checkpoint of each run."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path in _worth_keeping(folder):
            archive.add(path, path.relative_to(folder))
    payload = content.getbuffer()
    written = []
    for number, start in enumerate(range(0, len(payload), most_bytes)):
        path = out / f"{_PART}{number:03}"
        path.write_bytes(payload[start : start + most_bytes])
        written.append(path)
    return written


def unpack(parts: Path, folder: Path) -> bool:
    """What `pack` wrote, put back; False where there is nothing."""
    found = sorted(parts.glob(f"{_PART}*"))
    if not found:
        return False
    with tarfile.open(fileobj=io.BytesIO(b"".join(path.read_bytes() for path in found))) as archive:
        archive.extractall(folder, filter="data")
    return True


def stacked(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """uint8 [H, W, C] pictures of any sizes in one RGB picture [H, W, 3], one below the other on mid grey."""
    width = max(picture.shape[1] for picture in pictures)
    rows = []
    for picture in pictures:
        row = np.full((picture.shape[0] + 4, width, 3), 128, np.uint8)
        row[: picture.shape[0], : picture.shape[1]] = picture
        rows.append(row)
    return np.concatenate(rows)


def _worth_keeping(folder: Path) -> Iterator[Path]:
    newest = {checkpoints: max(checkpoints.glob("step-*.npz"), default=None) for checkpoints in _checkpoints(folder)}
    for path in sorted(folder.rglob("*")):
        old = path.parent in newest and path != newest[path.parent]
        if path.is_file() and not old and path.suffix != ".png":
            yield path


def _checkpoints(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("checkpoints") if path.is_dir()]
