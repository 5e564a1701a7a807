"""The contracts of this project's data: sources, manifest, pixel packs, shards, and how to read them."""

from datasets.readers import load, load_numpy

__all__ = ["load", "load_numpy"]
