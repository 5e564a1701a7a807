"""Pictures of the files themselves, in colour, for reports of a run that prepares none worth showing."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from datasets.sources.base import Source
from tasks.imaging.decode import Decoded, DecodeLimits, MinSides, decode
from tasks.ingest import reopened_sources

MAX_PIXELS = 25_000_000  # beyond, the small prepared image is shown: a report must stay quick to make
MAX_BYTES = 32 * 2**20


class Originals:
    """Reads shown files again from their sources. Only those that were decoded once already, by a worker."""

    def __init__(self, sources: Mapping[str, Source], side_px: int) -> None:
        self._sources = sources
        self._side_px = side_px
        self._limits = DecodeLimits(max_pixels=MAX_PIXELS, max_bytes=MAX_BYTES)

    @classmethod
    def of_run(cls, ingested: Path, shared: Path, side_px: int) -> "Originals":
        """Those of the sources that a stage ingest has listed; `side_px` is the least length of the shorter side."""
        return cls(reopened_sources(ingested, shared), side_px)

    def image(self, row: Mapping[str, Any]) -> np.ndarray | None:
        """A manifest row with source, member, size and pack -> upright uint8 [H, W, C]; None where there is none."""
        source = self._sources.get(row["source"])
        if source is None or row["pack"] is None or (row["size_bytes"] or 0) > MAX_BYTES:
            return None
        try:
            decoded = decode(source.read(row["member"]), self._limits, MinSides(self._side_px, self._side_px))
        except OSError:
            return None
        return decoded.image if isinstance(decoded, Decoded) else None
