"""The manifest of a data set as a pandas table, for whoever wants to look at it, select from it or join it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from datasets.errors import BadInput
from datasets.manifest import MANIFEST_FILE, SCHEMA, read_table

if TYPE_CHECKING:
    import pandas as pd

# Where prepared images lie in a workspace, and a kilobyte a row: only for who asks for them.
NOT_UNASKED = ("thumbnail", "pack", "offset", "length", "channel_sums", "channel_square_sums")
REPEATING = ("source", "kind", "label", "licence", "status", "reason", "format", "split")


def load_manifest(path: str | Path, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """One row per image, rejected ones too, in the manifest's order.

    Missing whole numbers are NA, texts with few values are categories. `path` is `<name>/` of a published data set (its
    latest version), `<name>/<x.y.z>/`, or any folder or file of a manifest: of a stage in the workspace, or of `check`.
    Columns are those of docs/formats.md; without `columns`, all but thumbnails, places in the workspace and
    channel sums. Raises BadInput for a place or a column that is not there, FormatError for a damaged manifest.
    """
    import pandas as pd
    import pyarrow as pa

    wanted = [name for name in SCHEMA.names if name not in NOT_UNASKED] if columns is None else list(columns)
    unknown = [name for name in wanted if name not in SCHEMA.names]
    if unknown:
        raise BadInput(f"got column {unknown[0]!r}; a manifest has {', '.join(SCHEMA.names)}")
    integers = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.uint64(): pd.UInt64Dtype()}
    frame = read_table(_manifest_at(Path(path).expanduser()), wanted).to_pandas(types_mapper=integers.get)
    return frame.astype({name: "category" for name in wanted if name in REPEATING})[wanted]


def _manifest_at(path: Path) -> Path:
    if path.is_file():
        return path
    if (path / MANIFEST_FILE).is_file():
        return path / MANIFEST_FILE
    from datasets.published import resolve_version

    return resolve_version(path) / MANIFEST_FILE
