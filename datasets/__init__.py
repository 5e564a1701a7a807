"""The contracts of this project's data: sources, manifest, pixel packs, shards, and how to read them."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datasets.manifest_frame import load_manifest
    from datasets.readers import load, load_numpy

_MODULES = {"load": "readers", "load_manifest": "manifest_frame", "load_numpy": "readers"}
__all__ = ["load", "load_manifest", "load_numpy"]


def __getattr__(name: str) -> Any:
    """The readers, imported by whoever reads: most processes need a part of this package only."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"datasets.{_MODULES[name]}"), name)
