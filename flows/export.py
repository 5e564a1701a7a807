"""`augment-dataset export`: a published version for PyTorch and HuggingFace users."""

from collections.abc import Sequence
from pathlib import Path

from datasets.sources.settings import check_nameable
from flows.output import bar, console
from tasks.export.export import export


def export_path(path: Path, layout: str, out: Path, splits: Sequence[str], shard_mib: float) -> None:
    """Write the export and say what is in it. Raises BadInput as `export` does."""
    check_nameable(path, out)
    with bar("exporting", "images") as progress:
        counts = export(path, layout, out, splits, round(shard_mib * 2**20), progress)
    shown = ", ".join(f"{count} {split}" for split, count in counts.items())
    console().print(f"wrote {sum(counts.values())} images ({shown}) as {layout} into {out}", soft_wrap=True)
