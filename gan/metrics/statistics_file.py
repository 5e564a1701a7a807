"""Statistics of features on disk, so that a reference is measured once; worth nothing without the extractor's identity.

An npz without pickles that appears whole or not at all and carries a SHA-256 over its content.
"""

from pathlib import Path

import numpy as np

from datasets.errors import BadInput, FormatError, brief
from gan.metrics.frechet import Statistics
from gan.weight_files import read_arrays, write_arrays

FORMAT_VERSION = 1
_KIND = "feature statistics"


def save_statistics(path: Path, found: Statistics, identity: str) -> None:
    """Write statistics of features of the extractor `identity`."""
    record = {"kind": _KIND, "format_version": FORMAT_VERSION, "extractor": identity, "n": found.n}
    write_arrays(path, {"mean": found.mean, "factor": found.factor}, record)


def load_statistics(path: Path, identity: str) -> Statistics:
    """What `save_statistics` wrote.

    Raises FormatError where the file is missing, damaged, of another kind or version, and BadInput where its features
    are of another extractor.
    """
    arrays, record = read_arrays(path)
    if record.get("kind") != _KIND:
        found = brief(repr(record.get("kind", "something else")))
        raise FormatError(f"{path}: holds no feature statistics but {found}")
    try:
        version, extractor, n = record["format_version"], record["extractor"], record["n"]
        mean, factor = arrays["mean"], arrays["factor"]
    except KeyError as error:
        raise FormatError(f"{path}: holds no {error}; measure the reference again") from error
    if version != FORMAT_VERSION:
        raise FormatError(f"{path}: statistics version {brief(version)}, this code reads {FORMAT_VERSION}")
    if extractor != identity:
        raise BadInput(
            f"{path}: statistics of features of {brief(repr(extractor))}, but {identity!r} is in use; "
            "measure the reference again with this one"
        )
    if mean.ndim != 1 or factor.shape[1:] != mean.shape or not isinstance(n, int) or n < 2:
        raise FormatError(f"{path}: mean {mean.shape}, factor {factor.shape} and n = {brief(n)} do not belong together")
    if not (np.isfinite(mean).all() and np.isfinite(factor).all()):
        raise FormatError(f"{path}: holds numbers that are not finite; measure the reference again")
    return Statistics(n, mean, factor)
