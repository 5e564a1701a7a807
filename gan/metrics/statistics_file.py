"""Statistics of features on disk, so that a reference is measured once; worth nothing without the extractor's identity.

An npz without pickles that appears whole or not at all and carries a SHA-256 over its content.
"""

from pathlib import Path

from datasets.errors import BadInput, FormatError
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
        raise FormatError(f"{path}: holds no feature statistics but {record.get('kind', 'something else')!r}")
    if record["format_version"] != FORMAT_VERSION:
        raise FormatError(f"{path}: statistics version {record['format_version']}, this code reads {FORMAT_VERSION}")
    if record["extractor"] != identity:
        raise BadInput(
            f"{path}: statistics of features of {record['extractor']!r}, but {identity!r} is in use; "
            "measure the reference again with this one"
        )
    mean, factor, n = arrays["mean"], arrays["factor"], record["n"]
    if mean.ndim != 1 or factor.shape[1:] != mean.shape or n < 2:
        raise FormatError(f"{path}: mean {mean.shape}, factor {factor.shape} and n = {n} do not belong together")
    return Statistics(n, mean, factor)
