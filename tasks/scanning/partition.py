"""A partition of images: read, scanned and put into one pack. This is what a worker does."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from datasets.sources.arrays.raw_pixels import BLOCK_IMAGES, block_digests
from datasets.sources.base import Source, without_folders
from tasks.parallel import partitions_of
from tasks.parallel.time_limit import time_limit
from tasks.pixel_store import Block, Piece, pack_name, write_pack
from tasks.scanning.block import fits_blocks, scan_block
from tasks.scanning.file import Scanned, ScanSettings, rejected_row, scan_payload

Row = dict[str, Any]
Unit = tuple[str, str, str]  # source, member, sha256


def scan_partition(
    settings: ScanSettings, sources: Mapping[str, Source], store: Path, units: Sequence[Unit], keeps_pixels: bool = True
) -> list[Row]:
    """Prepare some images into one pack. Returns rows that must not be remembered: files that changed or vanished."""
    partition = _Partition(settings, sources, keeps_pixels)
    write_pack(store, pack_name(sha256 for _, _, sha256 in units), partition.pieces(units))
    return partition.passing_faults


def gives_blocks(settings: ScanSettings, source: Source, member: str) -> bool:
    """Whether this member, and by it those like it, would be scanned many at once."""
    return _read_block(settings, source, [member]) is not None


@dataclass(frozen=True, slots=True)
class _Partition:
    settings: ScanSettings
    sources: Mapping[str, Source]
    keeps_pixels: bool
    passing_faults: list[Row] = field(default_factory=list)

    def pieces(self, units: Sequence[Unit]) -> Iterator[Piece]:
        """What is scanned of each, in order; many at once where they are small arrays of one shape."""
        for some in partitions_of(units, BLOCK_IMAGES):
            images = self._block(some)
            if images is not None:
                yield from self._scanned_block(images, [sha256 for _, _, sha256 in some])
            else:
                for unit in some:
                    yield from self._scanned_member(unit)

    def _block(self, units: Sequence[Unit]) -> np.ndarray | None:
        names = {source for source, _, _ in units}
        if len(names) > 1:
            return None
        return _read_block(self.settings, self.sources[names.pop()], [member for _, member, _ in units])

    def _scanned_block(self, images: np.ndarray, listed: Sequence[str]) -> Iterator[Block]:
        found = block_digests(images)
        if found != listed:
            changed = [sha256 for sha256, now in zip(listed, found, strict=True) if sha256 != now]
            self.passing_faults.extend(map(_changed, changed))
            same = [index for index, sha256 in enumerate(listed) if sha256 == found[index]]
            images, listed = images[same], [listed[index] for index in same]
        if listed:
            with time_limit(self.settings.limits.decode_timeout_s * len(listed)):
                yield scan_block(self.settings, images, listed, self.keeps_pixels)

    def _scanned_member(self, unit: Unit) -> Iterator[Scanned]:
        """What is scanned of a file, or its passing fault into the list."""
        source, member, sha256 = unit
        try:
            payload = self.sources[source].read(member)
        except OSError as error:
            detail = f"it was listed, but cannot be read any more ({without_folders(error)})"
            self.passing_faults.append(rejected_row(sha256, "vanished", detail))
            return
        if hashlib.sha256(payload).hexdigest() != sha256:
            self.passing_faults.append(_changed(sha256))
            return
        with time_limit(self.settings.limits.decode_timeout_s):
            yield from scan_payload(self.settings, payload, sha256, self.keeps_pixels)


def _read_block(settings: ScanSettings, source: Source, members: Sequence[str]) -> np.ndarray | None:
    """uint8 [N, H, W, C]; None where the images have to be taken one by one, which also tells what cannot be read."""
    try:
        images = source.read_block(members)
    except OSError:
        return None
    return images if images is not None and fits_blocks(settings, images.shape[1:]) else None


def _changed(sha256: str) -> Row:
    detail = "its content changed between listing and reading; run again"
    return rejected_row(sha256, "changed_while_read", detail)
