"""The contracts of this project's data: sources, manifest, pixel packs, shards, and how to read them."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.readers import load, load_numpy

__all__ = ["load", "load_numpy"]


def __getattr__(name: str) -> Any:
    """The readers, imported by whoever reads: most processes need a part of this package only."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from datasets import readers

    return getattr(readers, name)
