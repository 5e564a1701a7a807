"""WebDataset: tar archives in which consecutive files of one key are a sample.

Written with tarfile of the standard library, which is what the library `webdataset` writes with too: that one would add
a dependency that imports PyTorch where there is one, and its writer puts unfinished files under their final names.
"""

import io
import tarfile
from pathlib import Path
from typing import Self

from tasks.export.samples import Sample

BLOCK_BYTES = 512


class TarPart:
    """Per sample: the image, `.cls` (class id) and `.json` (class name, id, kind, parent)."""

    def __init__(self, path: Path) -> None:
        self._tar = tarfile.open(path, "w", format=tarfile.USTAR_FORMAT)  # noqa: SIM115, closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._tar.close()

    def write(self, sample: Sample) -> int:
        """Returns the bytes that it takes, headers and padding included."""
        files = {sample.extension: sample.image, "json": sample.facts_json}
        if sample.record.label is not None:
            files["cls"] = str(sample.record.label).encode("ascii")
        return sum(self._add(f"{sample.key}.{ending}", files[ending]) for ending in sorted(files))

    def _add(self, name: str, content: bytes) -> int:
        header = tarfile.TarInfo(name)  # time and owner are 0: the same samples give the same bytes
        header.size = len(content)
        header.mode = 0o444
        self._tar.addfile(header, io.BytesIO(content))
        return BLOCK_BYTES + -(-len(content) // BLOCK_BYTES) * BLOCK_BYTES
